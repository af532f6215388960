"""Pruning to a budget: the layers' sparsities chosen so that the whole model meets it, by the exact cost on an array."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from os import PathLike

import numpy.typing as npt
from torch import nn

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.errors import InputError
from zeroskip.prune import Masks, prunable
from zeroskip.prune.budget.allocate import Cost, allocate
from zeroskip.prune.budget.sensitivity import Sensitivity, loss_on, sensitivity
from zeroskip.prune.criteria.ranking import Ranking
from zeroskip.prune.masks.apply import apply
from zeroskip.prune.masks.weights import resolve_all
from zeroskip.prune.model.batches import Batch
from zeroskip.prune.model.digest import digest
from zeroskip.prune.model.duplicate import duplicate
from zeroskip.schedule.dense import dense_bits, dense_cycles

from .costs import KINDS, Costs, costs, kept_weights

SPARSITIES = (0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98)
"""Where the layers' losses are measured."""

UPDATES = 4
"""How often sparsities are chosen anew because updated weights cost more than those that they were updated from."""


@dataclass(frozen=True)
class Budget:
    """What the pruned model may cost.

    kind : one of :data:`~zeroskip.explore.costs.KINDS`
    amount : of that kind; a Fraction is a share of what the dense model costs
    """

    kind: str
    amount: int | Fraction

    @classmethod
    def of(cls, text: str) -> Budget:
        """``cycles=40%`` is a share of what the model costs with every weight kept, ``cycles=120000`` the cost itself."""
        found = re.fullmatch(r"(\w+)=(?:(\d+)|(\d+(?:\.\d+)?)%)", text)
        if found is None or found[1] not in KINDS or (found[3] is not None and Fraction(found[3]) > 100):
            raise InputError(
                f"budget must be {', '.join(KINDS)} with an amount or a share of dense, as cycles=120000 or cycles=40%, not {text!r}"
            )
        return cls(found[1], int(found[2]) if found[2] is not None else Fraction(found[3]) / 100)

    def limit(self, dense: int) -> int:
        return self.amount if isinstance(self.amount, int) else int(self.amount * dense)


@dataclass(frozen=True, kw_only=True, eq=False)
class Met:
    """A model pruned to a budget.

    model : a copy of the one that was given, its removed weights zero and the kept ones updated where the criterion does that
    masks : as criteria return them
    sparsities : of the layers, by parameter name
    kind, limit, cost, dense : of the budget; ``cost`` is exact and at most ``limit``
    sensitivity : what the layers' losses were
    costs : all figures; None without calibration, as weights need none
    """

    model: nn.Module
    masks: Masks
    sparsities: Mapping[str, Fraction]
    kind: str
    limit: int
    cost: int
    dense: int
    sensitivity: Sensitivity
    costs: Costs | None


def prune_to_budget(
    model: nn.Module,
    budget: str | Budget,
    batches: Iterable[Batch],
    *,
    criterion: str = "magnitude",
    calibration: npt.ArrayLike | None = None,
    config: ArrayConfig | None = None,
    pattern: str | None = None,
    exclude: Iterable[str] = (),
    sparsities: Iterable[float] = SPARSITIES,
    evaluate: Callable[[nn.Module], float] | None = None,
    adapt: Callable[[nn.Module], None] | None = None,
    key: str = "",
    cache: str | PathLike[str] | None = None,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> Met:
    """Choose each layer's sparsity so that the model costs at most ``budget`` and the layers' losses, each pruned alone, add up to the
    least (:func:`~zeroskip.prune.budget.sensitivity.sensitivity`, :func:`~zeroskip.prune.budget.allocate.allocate`).

    model : is not changed
    budget : ``weights=30%``, ``bits=400000``, ``cycles=40%`` …: kept prunable weights, bits stored in the lanes, or cycles from one group
        of samples to the next; a share is one of the same array and model with every weight kept. Cycles are those of the exact
        prediction for every choice that is tried, so that the simulation of the result counts them
    batches : (input, target) pairs that show the criterion and, without ``evaluate``, the cross entropy what they need
    criterion, pattern, seed : as for :class:`~zeroskip.prune.criteria.ranking.Ranking`
    calibration, config : as for :func:`zeroskip.compile`; only for weights calibration may be absent
    exclude : names of layers that keep every weight; they count in the cost
    sparsities : where losses are measured; the largest is the most that a layer loses
    evaluate, cache : as for :func:`sensitivity`
    adapt : called with every pruned copy before its loss is evaluated, and with the result: to re-estimate its BatchNorms, for instance
    key : says what else losses depend on, ``evaluate`` and ``adapt``
    progress : called with a line before every step

    Raises InputError: a budget that is not written so, or out of reach (with both figures); calibration missing; and what the steps raise.
    """
    wanted = Budget.of(budget) if isinstance(budget, str) else budget
    if wanted.kind != "weights" and calibration is None:
        raise InputError(f"a budget of {wanted.kind} needs calibration inputs, from which the integers are made")
    excluded = resolve_all(model, exclude, what="exclude")
    config = config or ArrayConfig()
    said = progress or (lambda line: None)
    shown = list(batches)
    dense = _dense(model, wanted.kind, calibration, config)
    limit = wanted.limit(dense)
    said(f"scores by {criterion}")
    ranking = Ranking.of(model, criterion, shown, seed=seed)

    def pruned(target: nn.Module, layers: Mapping[str, Fraction]) -> Masks:
        return ranking.prune(target, layers, pattern=pattern, exclude=excluded)

    fit = adapt or (lambda target: None)
    loss = evaluate or loss_on(shown)

    def adapted_loss(target: nn.Module) -> float:
        fit(target)
        return loss(target)

    measured = sensitivity(
        model, pruned, adapted_loss, sparsities, exclude=excluded, cache=cache, progress=progress,
        key=digest((criterion, pattern, seed, key, shown)),
    )  # fmt: skip

    def cost(layers: Mapping[str, Fraction]) -> Cost:
        masks = ranking.masks(model, layers, pattern=pattern, exclude=excluded)
        return _cost(model, masks, wanted.kind, calibration, config)[0]

    aim = limit
    for _ in range(UPDATES):
        chosen = allocate(measured, cost, aim, progress=progress)
        result = duplicate(model)
        said(f"pruning by {criterion}")
        masks = pruned(result, chosen)
        apply(result, masks)
        fit(result)
        found, figures = _cost(result, masks, wanted.kind, calibration, config)
        if found.total <= limit:
            break
        # updated weights round to zero less often than the weights as they were: aim lower by what that costs
        aim -= found.total - limit
    else:
        raise InputError(
            f"budget of {limit:,} {wanted.kind} is not met by the updated weights, which cost {found.total:,}"
        )
    if figures is None and calibration is not None:
        figures = costs(result, masks, calibration=calibration, config=config)
    return Met(
        model=result, masks=masks, sparsities=chosen, kind=wanted.kind, limit=limit, cost=found.total, dense=dense,
        sensitivity=measured, costs=figures,
    )  # fmt: skip


def _dense(model: nn.Module, kind: str, calibration: npt.ArrayLike | None, config: ArrayConfig) -> int:
    """The cost with every weight kept, those that are zero included."""
    if calibration is None or kind == "weights":
        return sum(weight.effective.numel() for weight in prunable(model).values())
    network = costs(model, {}, calibration=calibration, config=config).network
    return dense_bits(network) if kind == "bits" else dense_cycles(network, config).interval


def _cost(
    model: nn.Module, masks: Masks, kind: str, calibration: npt.ArrayLike | None, config: ArrayConfig
) -> tuple[Cost, Costs | None]:
    if calibration is None or kind == "weights":
        return kept_weights(model, masks), None
    found = costs(model, masks, calibration=calibration, config=config)
    return found.of(kind), found
