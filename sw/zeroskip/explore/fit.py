"""The array on a part that runs a network in the fewest cycles: its shape chosen by estimated area and predicted cycles."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product, takewhile
from typing import Any

import numpy as np

from zeroskip.contracts.config import CHOSEN, ArrayConfig
from zeroskip.contracts.cycles import Cycles
from zeroskip.contracts.errors import CapacityError
from zeroskip.contracts.layout import Layout
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.schedule import Schedule, in_strips, predict, schedule
from zeroskip.synth import RESOURCES, Area, Target, estimate

LANES = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64)
"""Numbers of lanes that are considered."""

EPILOGUES = (1, 2, 4)
"""Numbers of epilogues that are considered."""

COLUMNS = range(1, 17)
"""Numbers of columns considered where they hold strips. Where they hold samples, the given number stays."""

ROOM = 0.85
"""Share of a part's look-up tables and flip-flops that an estimate may take. Placement and routing need the rest, and estimates err."""

CLOSEST = 8
"""Arrays whose cycles are predicted exactly: the best ones by a bound, and further ones until one fits."""

BEYOND = 2
"""Arrays next to these that are too large by their sketch, whose cycles are predicted too: they show what a larger part would bring."""

PIPELINE = 30
"""Cycles that a layer takes in addition to its work, for the bound."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One array.

    config : sized to the network
    cycles : predicted exactly
    per_sample : cycles between two samples
    need : estimated area
    over : keys of ``RESOURCES`` of which the part has too little; empty where the array fits
    """

    config: ArrayConfig
    cycles: Cycles
    per_sample: float
    need: Area
    over: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            **{name: getattr(self.config, name) for name in CHOSEN},
            "per_sample": self.per_sample, "latency": self.cycles.latency,
            "estimate": {name: getattr(self.need, name) for name in RESOURCES}, "over": list(self.over),
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Fit:
    """The choice for one part.

    target : name of the part
    chosen : the chosen array, which fits
    plan : the network on the chosen array
    candidates : all arrays whose cycles were predicted, the fewest cycles first; arrays that do not fit are among them
    """

    target: str
    chosen: Candidate
    plan: Schedule
    candidates: tuple[Candidate, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "target": self.target, "chosen": self.chosen.to_json(),
            "candidates": [candidate.to_json() for candidate in self.candidates],
        }  # fmt: skip


SHARE = {name: ROOM if name in ("lut4", "ff") else 1.0 for name in RESOURCES}
"""Share of each resource of a part that may be taken."""


def fit(
    network: QuantizedNetwork,
    target: Target,
    config: ArrayConfig,
    *,
    free: Sequence[str] = CHOSEN,
    progress: Callable[[str], None] = lambda message: None,
) -> Fit:
    """The array on ``target`` that takes the fewest cycles per sample; of equal ones the smallest.

    config : given values: word, widths, and those of lanes, columns and epilogues that are not ``free``
    free : which of ``lanes``, ``columns`` and ``epilogues`` are chosen
    progress : called with a line as the search goes on

    Raises CapacityError with the figures of the smallest array where no array fits.
    """
    bounded = sorted(_bounded(network, target, config, free), key=lambda found: (found[0], found[2].lut4))
    fitting = [sketch for _, sketch, need in bounded if not target.over(need, SHARE)]
    faster = takewhile(lambda found: target.over(found[2], SHARE), bounded)
    beyond = [sketch for _, sketch, _ in faster][-BEYOND:]
    smallest = [min(bounded, key=lambda found: found[2].lut4)[1]]
    candidates: list[Candidate] = []
    chosen: Candidate | None = None
    plan = None
    for number, sketch in enumerate([*beyond, *fitting] if fitting else smallest):
        if number >= len(beyond) + CLOSEST and chosen is not None:
            break
        progress(f"predicting {_shape(sketch)}")
        tried = schedule(network, replace(config, **{name: getattr(sketch, name) for name in CHOSEN}))
        candidates.append(_candidate(tried, target))
        if not candidates[-1].over and (chosen is None or _order(candidates[-1]) < _order(chosen)):
            chosen, plan = candidates[-1], tried  # no other plan needs to be kept
    candidates.sort(key=_order)
    if chosen is None or plan is None:
        least = min(candidates, key=lambda found: (len(found.over), found.need.lut4))
        raise CapacityError(
            f"{target.name} ({target.device}): {_shape(least.config)}"
            f" {'are the smallest array considered and do' if free else 'do'} not fit by estimate: needs {_shortage(least.need, target)}"
        )
    return Fit(target=target.name, chosen=chosen, plan=plan, candidates=tuple(candidates))


def _shape(config: ArrayConfig) -> str:
    lanes, columns, epilogues = (
        f"{getattr(config, name)} {name[: -1 if getattr(config, name) == 1 else None]}" for name in CHOSEN
    )
    return f"{lanes} × {columns}, {epilogues}"


def _order(candidate: Candidate) -> tuple[float, int]:
    return candidate.per_sample, candidate.need.lut4


def _bounded(
    network: QuantizedNetwork, target: Target, config: ArrayConfig, free: Sequence[str]
) -> Iterator[tuple[float, ArrayConfig, Area]]:
    """(least cycles per sample, sketch of the sized configuration, its area) of every array, from one plan for each number of columns."""
    for columns in COLUMNS if "columns" in free and in_strips(network, config) else (config.columns,):
        plan = schedule(network, replace(config, lanes=1, columns=columns, epilogues=1))
        layers = len(plan.plan.layers)
        for lanes, epilogues in product(
            LANES if "lanes" in free else (config.lanes,), EPILOGUES if "epilogues" in free else (config.epilogues,)
        ):
            shared = {
                name: -(-getattr(plan.config, name) // lanes)
                for name in ("mask_depth", "weight_depth", "input_depth", "hidden_depth", "tap_depth")
            }
            shared["mask_depth"] += 4 * layers
            shared["weight_depth"] += layers
            copies = -(-plan.config.copy_depth // epilogues)
            sketch = replace(plan.config, lanes=lanes, epilogues=epilogues, copy_depth=copies, **shared)
            yield _bound(plan, lanes, epilogues) / Layout(sketch).group_samples, sketch, estimate(sketch, target)


def _bound(plan: Schedule, lanes: int, epilogues: int) -> float:
    """The least cycles of one group, by issue, reading of mask words and writing."""
    total = 0.0
    for layer, encodings in zip(plan.plan.layers, plan.encodings, strict=True):
        words, nnz = encodings[0].read, len(encodings[0].positions)
        writes = float(np.mean([len(writes) for writes in layer.writes]))
        total += layer.tiles * max(nnz / lanes, words / lanes, len(layer.bias) * writes / epilogues) + PIPELINE
    return total


def _candidate(plan: Schedule, target: Target) -> Candidate:
    cycles, need = predict(plan), estimate(plan.config, target)
    return Candidate(
        config=plan.config, cycles=cycles, per_sample=cycles.interval / Layout(plan.config).group_samples, need=need,
        over=target.over(need, SHARE),
    )  # fmt: skip


def _shortage(need: Area, target: Target) -> str:
    return "; ".join(
        f"{getattr(need, name)} {RESOURCES[name]}, available {getattr(target.available, name)}"
        + (f" of which {SHARE[name]:.0%} may be taken" if SHARE[name] < 1 else "")
        for name in target.over(need, SHARE)
    )
