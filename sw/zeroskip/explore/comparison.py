"""Methods of pruning side by side: the accuracy that each sparsity costs, and the bits and cycles that it saves."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from zeroskip import reference
from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.errors import InputError
from zeroskip.prune import Masks, criterion_named, prunable
from zeroskip.prune.criteria.ranking import Ranking
from zeroskip.prune.masks.allocation import ALLOCATIONS
from zeroskip.prune.masks.apply import apply
from zeroskip.prune.masks.patterns import pattern_named
from zeroskip.prune.masks.selection import exact_sparsity
from zeroskip.prune.masks.weights import resolve_all
from zeroskip.prune.model.batches import Batch
from zeroskip.prune.model.digest import digest, model_digest
from zeroskip.prune.model.duplicate import duplicate
from zeroskip.prune.model.results import Results
from zeroskip.quantize import quantize_input
from zeroskip.storage.atomic import write_json

from .accuracy import TestData
from .costs import costs


@dataclass(frozen=True, kw_only=True)
class Row:
    """One pruned model.

    method : method of pruning; ``none`` for the model as it was given
    allocation : as asked for
    pattern : as asked for
    asked : sparsity asked for, 0 … 1; 0 for the model as it was given
    weights : prunable weights
    kept : prunable weights that stay
    float_accuracy : share of the test samples that the masked float network gets right
    integer_accuracy : share of the test samples that the integer network on the array gets right
    stored_bits : as in :class:`~zeroskip.summary.LayerSummary`
    interval : cycles between two groups, predicted
    latency : cycles of one group, predicted
    """

    method: str
    allocation: str
    pattern: str
    asked: float
    weights: int
    kept: int
    float_accuracy: float
    integer_accuracy: float
    stored_bits: int
    interval: int
    latency: int

    @property
    def sparsity(self) -> float:
        return 1 - self.kept / self.weights

    @property
    def series(self) -> tuple[str, str, str]:
        """Method, allocation and pattern, which all rows of one line share."""
        return self.method, self.allocation, self.pattern

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"sparsity": self.sparsity}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Row:
        return cls(**{name: value for name, value in values.items() if name != "sparsity"})


@dataclass(frozen=True, kw_only=True)
class ComparisonOptions:
    """The combinations that :func:`compare` tries, and the data for them.

    methods : names of :data:`~zeroskip.prune.CRITERIA`; a method that updates the kept weights does so here too
    sparsities : each method is tried with each of them, 0 … 1
    allocations : each method is tried with each of them
    patterns : each method is tried with each of them; without patterns, with its own, which is ``unstructured`` for most
    test : inputs (N, …) and class numbers (N,); a sample is right where its largest output is that of its class
    calibration : as for :func:`zeroskip.compile`
    config : as for :func:`zeroskip.compile`
    batches : (input, target) pairs for the methods that need them
    exclude : names of layers that keep every weight
    adapt : called with every pruned copy, to re-estimate its BatchNorms or to train it
    key : names what ``adapt`` does, so that its results are found again
    seed : seed of the methods that draw random numbers
    """

    methods: Sequence[str]
    sparsities: Sequence[float]
    test: tuple[npt.ArrayLike, npt.ArrayLike]
    calibration: npt.ArrayLike
    batches: Iterable[Batch] | None = None
    allocations: Sequence[str] = ("uniform",)
    patterns: Sequence[str] = ()
    exclude: Iterable[str] = ()
    config: ArrayConfig = field(default_factory=ArrayConfig)
    adapt: Callable[[nn.Module], None] | None = None
    key: str = ""
    seed: int = 0


def compare(
    model: nn.Module,
    options: ComparisonOptions,
    *,
    folder: str | os.PathLike[str] | None = None,
    progress: Callable[[str], None] | None = None,
) -> list[Row]:
    """Prune ``model`` by each method, allocation, pattern and sparsity of ``options`` in every combination.

    model : is not changed; every pruning is tried on a copy
    options : the combinations
    folder : gets ``rows.json`` with the finished rows, so that an interrupted comparison goes on, and ``compare.json`` at the end
    progress : called with a line before each row that is not known yet

    Returns the model as it is, then the combinations in the given order. Raises InputError before the first row for an unknown name, a
    sparsity outside 0 … 1, missing batches and labels that do not fit; later as the steps do.
    """
    said = progress or (lambda line: None)
    tried = _Pruned(model, options)
    test = TestData.of(*options.test)
    wanted = list(_combinations(options))
    known = Results(None if folder is None else _made(folder) / "rows.json")
    common = digest((
        model_digest(model), repr(options.config), torch.from_numpy(np.asarray(options.calibration)), tried.batches,
        torch.from_numpy(test.inputs), torch.from_numpy(test.labels), sorted(tried.excluded), options.key, options.seed,
    ))  # fmt: skip
    rows = []
    for number, combination in enumerate(wanted, start=1):
        entry = digest((common, [str(part) for part in combination]))
        if entry not in known:
            said(f"{number} of {len(wanted)}: {described(*combination)}")
            copy, masks = tried.pruned(*combination)
            known[entry] = _row(copy, masks, combination, test, options).to_json()
        rows.append(Row.from_json(known[entry]))
    if folder is not None:
        write_json({"rows": [row.to_json() for row in rows]}, Path(folder) / "compare.json")
    return rows


class _Pruned:
    """Pruned copies of one model. The scores of the latest method are kept."""

    def __init__(self, model: nn.Module, options: ComparisonOptions) -> None:
        self._model, self._options = model, options
        self.batches = None if options.batches is None else list(options.batches)
        self.excluded = resolve_all(model, options.exclude, what="exclude")
        self._ranking: Ranking | None = None

    def pruned(self, method: str, allocation: str, pattern: str, sparsity: Fraction) -> tuple[nn.Module, Masks]:
        copy = duplicate(self._model)
        if method == "none":
            return copy, {}
        if self._ranking is None or self._ranking.criterion.name != method:
            self._ranking = None  # scores are as large as the model
            self._ranking = Ranking.of(self._model, method, self.batches, seed=self._options.seed)
        masks = self._ranking.prune(copy, sparsity, allocation=allocation, pattern=pattern, exclude=self.excluded)
        apply(copy, masks)
        if self._options.adapt is not None:
            self._options.adapt(copy)
        return copy, masks


def described(method: str, allocation: str, pattern: str, sparsity: float | Fraction) -> str:
    """A combination in words."""
    if method == "none":
        return "the model as it is"
    further = [part for part, usual in ((allocation, "uniform"), (pattern, "unstructured")) if part != usual]
    return f"{', '.join([method, *further])} at {float(sparsity):.4g}"


Combination = tuple[str, str, str, Fraction]


def _combinations(options: ComparisonOptions) -> Iterator[Combination]:
    exact = [exact_sparsity(sparsity) for sparsity in options.sparsities]
    for name in options.methods:
        criterion_named(name).shown(options.batches)
    for allocation in options.allocations:
        if allocation not in ALLOCATIONS:
            raise InputError(f"allocation must be one of {', '.join(ALLOCATIONS)}, not {allocation!r}")
    for pattern in options.patterns:
        pattern_named(pattern)
    yield "none", "", "", Fraction(0)
    for method in options.methods:
        for allocation in options.allocations:
            for pattern in options.patterns or (criterion_named(method).own_pattern,):
                for sparsity in exact:
                    yield method, allocation, pattern, sparsity


def _made(folder: str | os.PathLike[str]) -> Path:
    path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be made a folder: {error.strerror}") from error
    return path


def _row(model: nn.Module, masks: Masks, combination: Combination, test: TestData, options: ComparisonOptions) -> Row:
    method, allocation, pattern, sparsity = combination
    found = costs(model, masks, calibration=options.calibration, config=options.config)
    integers = reference.run(found.network, quantize_input(found.network, test.inputs))
    return Row(
        method=method, allocation=allocation, pattern=pattern, asked=float(sparsity),
        weights=sum(weight.effective.numel() for weight in prunable(model).values()), kept=found.weights,
        float_accuracy=test.float_accuracy(model), integer_accuracy=test.accuracy(integers),
        stored_bits=found.stored_bits, interval=found.cycles.interval, latency=found.cycles.latency,
    )  # fmt: skip
