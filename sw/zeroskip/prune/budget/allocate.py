"""Sparsities of the layers that meet a budget of the whole network with the least loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from zeroskip.contracts.errors import InputError
from zeroskip.prune.masks.selection import exact_sparsity

from .sensitivity import Sensitivity

UNITS = 20_000
"""Most parts that the budget is cut into. Where it has no more units than that, the choice on the grid is exact."""

ROUNDS = 4
"""Rounds of the choice on the grid. Each is corrected by the difference between the layers' summed costs and the exact total."""


class Cost(NamedTuple):
    """The cost of a network.

    total : exact, in the unit of the budget
    layers : each layer's part of the cost, by parameter name, as nearly as it can be told
    """

    total: int
    layers: Mapping[str, int]


CostOf = Callable[[Mapping[str, Fraction]], Cost]
"""The cost of the network whose layers have these sparsities. Layers that are not named keep every weight."""


def allocate(
    sensitivity: Sensitivity,
    cost: CostOf,
    budget: int,
    *,
    step: float = 0.01,
    evaluations: int = 100,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Fraction]:
    """The sparsity of each layer with the least sum of losses, where ``cost(…).total`` is at most ``budget``.

    The total comes as close to the budget as single weights allow.

    The losses of ``sensitivity`` are made to rise with the sparsity. They are interpolated, and so are the costs at its sparsities. On a
    grid of ``step`` the choice is a multiple-choice knapsack, solved by dynamic programming. The exact total then corrects the sum of the
    layers' costs. At last weights are given back one by one, layer after layer.

    sensitivity : the losses of the layers
    cost : called with sparsities of the layers of ``sensitivity``, about ten times to learn each layer's cost, then to find the total
    budget : in the unit of ``cost``
    step : distance of the sparsities on the grid, above 0 and at most 1
    evaluations : calls of ``cost`` after which no more weights are given back
    progress : called with a line before each of these calls

    Returns shares up to the largest measured one, ``floor(share * weights)`` of each layer. Raises InputError for a step that is not above
    0 and at most 1, and, with both figures, for a budget that even the largest sparsity in all layers does not meet.
    """
    grid = _Grid(sensitivity, exact_sparsity(step, what="step"))
    exact = _Exact(cost, evaluations, progress)
    table = [exact(dict.fromkeys(sensitivity.losses, sparsity)) for sparsity in sensitivity.sparsities]
    if table[-1].total > budget:
        raise InputError(
            f"budget of {budget:,} is out of reach: with every layer at the largest sparsity measured,"
            f" {float(sensitivity.sparsities[-1]):.4g}, the cost is {table[-1].total:,}"
        )
    if table[0].total <= budget:
        return dict.fromkeys(sensitivity.losses, Fraction(0))
    costs = grid.costs(table)
    levels = _choose(grid, costs, exact, budget, table[0])
    return _give_back(grid, costs, exact, budget, levels)


def knapsack(
    losses: Sequence[npt.NDArray[np.float64]], costs: Sequence[npt.NDArray[np.int64]], budget: int
) -> list[int] | None:
    """One option of each item: the costs add up to at most ``budget``, the losses to the least. None where no choice fits.

    losses : for each item one entry per option; of equal losses the earlier option is taken
    costs : for each item one entry per option. Where the budget is more than ``UNITS`` above the least cost, costs are rounded up to
        parts of it, so the result never exceeds the budget
    """
    least = [int(cost.min()) for cost in costs]
    room = budget - sum(least)
    if room < 0:
        return None
    unit = max(1, -(-room // UNITS))
    size = room // unit + 1
    best = np.zeros(size)  # least loss of the items so far, by the room that they may take
    chosen = []
    for loss, cost, lowest in zip(losses, costs, least, strict=True):
        now, option = np.full(size, np.inf), np.zeros(size, dtype=np.intp)
        for number, (value, need) in enumerate(zip(loss.tolist(), (-(-(cost - lowest) // unit)).tolist(), strict=True)):
            if need < size:
                tried = np.full(size, np.inf)
                tried[need:] = best[: size - need] + value
                better = tried < now
                now[better], option[better] = tried[better], number
        best = now
        chosen.append((option, -(-(cost - lowest) // unit)))
    left, result = size - 1, []
    for option, needs in reversed(chosen):
        result.append(int(option[left]))
        left -= int(needs[result[-1]])
    return result[::-1]


class _Exact:
    """``cost``, counted, and called only once for the same sparsities."""

    def __init__(self, cost: CostOf, evaluations: int, progress: Callable[[str], None] | None) -> None:
        self._cost, self._left, self._progress = cost, evaluations, progress
        self._known: dict[tuple[tuple[str, Fraction], ...], Cost] = {}

    @property
    def spent(self) -> bool:
        return self._left <= 0

    def __call__(self, sparsities: Mapping[str, Fraction]) -> Cost:
        entry = tuple(sorted(sparsities.items()))
        if entry not in self._known:
            if self._progress is not None:
                self._progress(f"budget: cost of choice {len(self._known) + 1}")
            self._left -= 1
            self._known[entry] = self._cost(sparsities)
        return self._known[entry]


class _Grid:
    """The sparsities that a layer may have, as counts of removed weights, with the loss of each."""

    def __init__(self, sensitivity: Sensitivity, step: Fraction) -> None:
        if step == 0:
            raise InputError("step must be above 0 and at most 1, not 0")
        self.names = list(sensitivity.losses)
        self.weights = [sensitivity.weights[name] for name in self.names]
        last = sensitivity.sparsities[-1]
        shares = {step * number for number in range(math.floor(last / step) + 1)} | {*sensitivity.sparsities}
        # Several shares of a small layer may mean the same count. Structured patterns need the largest of them.
        self._shares = [{math.floor(share * n): share for share in sorted(shares)} for n in self.weights]
        self.removed = [sorted(counts) for counts in self._shares]
        self._measured = [[math.floor(share * n) for share in sensitivity.sparsities] for n in self.weights]
        self.losses = []
        for name, removed, measured in zip(self.names, self.removed, self._measured, strict=True):
            losses = np.array(sensitivity.losses[name])
            self.losses.append(_between(measured, np.maximum.accumulate(losses - losses[0]), removed))

    def costs(self, table: Sequence[Cost]) -> list[npt.NDArray[np.int64]]:
        """For each layer the cost of its options, from the exact costs at the measured sparsities."""
        result = []
        for name, removed, measured in zip(self.names, self.removed, self._measured, strict=True):
            falling = np.minimum.accumulate([cost.layers[name] for cost in table])
            result.append(np.ceil(_between(measured, falling, removed)).astype(np.int64))
        return result

    def sparsities(self, removed: Sequence[int]) -> dict[str, Fraction]:
        return {
            name: shares.get(count, Fraction(count, n))
            for name, shares, count, n in zip(self.names, self._shares, removed, self.weights, strict=True)
        }


def _between(counts: Sequence[int], values: npt.NDArray[Any], wanted: Sequence[int]) -> npt.NDArray[np.float64]:
    """``values``, known at the non-falling ``counts``, interpolated at the ``wanted`` counts."""
    known, first = np.unique(counts, return_index=True)
    return np.asarray(np.interp(wanted, known, values[first]), dtype=np.float64)


def _choose(grid: _Grid, costs: Sequence[npt.NDArray[np.int64]], exact: _Exact, budget: int, dense: Cost) -> list[int]:
    """The level of each layer on the grid. Its exact total is at most ``budget``."""
    sparsest = [len(removed) - 1 for removed in grid.removed]
    apart = dense.total - sum(dense.layers[name] for name in grid.names)
    best: tuple[float, list[int]] | None = None
    number = 0
    while best is None or number < ROUNDS:
        number += 1
        levels = knapsack(grid.losses, costs, budget - apart) or sparsest
        total = exact(
            grid.sparsities([removed[level] for removed, level in zip(grid.removed, levels, strict=True)])
        ).total
        loss = sum(float(losses[level]) for losses, level in zip(grid.losses, levels, strict=True))
        if total <= budget and (best is None or loss < best[0]):
            best = loss, levels
        added = sum(int(cost[level]) for cost, level in zip(costs, levels, strict=True))
        # A choice that costs too much must not come up again.
        missed = max(total - added, apart + 1) if total > budget else total - added
        if missed == apart or levels == sparsest:
            break
        apart = missed
    return best[1] if best is not None else sparsest


def _give_back(
    grid: _Grid, costs: Sequence[npt.NDArray[np.int64]], exact: _Exact, budget: int, levels: Sequence[int]
) -> dict[str, Fraction]:
    """Fewer removed weights, down to each layer's next denser level, as long as the exact total is at most ``budget``."""
    removed = [counts[level] for counts, level in zip(grid.removed, levels, strict=True)]
    total = exact(grid.sparsities(removed)).total
    # The cost of one weight. Expensive weights come first, so that cheap ones fill the rest.
    prices = [
        (int(cost[level - 1] - cost[level]) / (counts[level] - counts[level - 1]) if level else 0.0)
        for cost, counts, level in zip(costs, grid.removed, levels, strict=True)
    ]
    for layer in sorted(range(len(prices)), key=lambda layer: -prices[layer]):
        if not levels[layer] or budget - total < prices[layer] / 2:
            continue
        fits, fails = removed[layer], grid.removed[layer][levels[layer] - 1] - 1
        while fits - fails > 1 and total < budget and not exact.spent:
            middle = (fits + fails) // 2
            tried = [*removed[:layer], middle, *removed[layer + 1 :]]
            cost = exact(grid.sparsities(tried)).total
            if cost <= budget:
                fits, removed, total = middle, tried, cost
            else:
                fails = middle
    return grid.sparsities(removed)
