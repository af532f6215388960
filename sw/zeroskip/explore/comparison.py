"""Methods of pruning beside each other: what each sparsity costs in accuracy, and gains in bits and cycles."""

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

    method, allocation, pattern, asked : how it was pruned; the model as it was given has the method ``none`` and asks for 0
    weights, kept : prunable weights, and those that stay
    float_accuracy, integer_accuracy : shares of the test samples, of the masked float network and of the integer network on the array
    stored_bits, interval, latency : as in :class:`~zeroskip.summary.Summary`, cycles predicted
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
        """What the rows of one line have in common."""
        return self.method, self.allocation, self.pattern

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"sparsity": self.sparsity}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Row:
        return cls(**{name: value for name, value in values.items() if name != "sparsity"})


@dataclass(frozen=True, kw_only=True)
class ComparisonOptions:
    """What :func:`compare` compares, and by which data.

    methods : names of :data:`~zeroskip.prune.CRITERIA`; those that update the kept weights do
    sparsities, allocations, patterns : each method is tried with each of them; without patterns, with the method's own, which is
        ``unstructured`` for most
    test : inputs (N, …) and class numbers (N,); a sample is right where the largest of its outputs is the class's
    calibration, config : as for :func:`zeroskip.compile`
    batches : (input, target) pairs for the methods that need them
    exclude : names of layers that keep every weight
    adapt, key : called with every pruned copy, to re-estimate its BatchNorms or to train it, and what to know that again by
    seed : of methods that draw random numbers
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

    model : is not changed: every pruning is tried on a copy
    folder : where finished rows are kept in ``rows.json``, so that an interrupted comparison goes on, and ``compare.json`` is written
    progress : called with a line before each row that is not known yet

    Returns the model as it is, and then the combinations in the order given. Raises InputError before the first row: an unknown name,
    a sparsity outside 0 … 1, batches missing, labels that do not fit; later what the steps raise.
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
    """Pruned copies of one model; the scores of the latest method are kept."""

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
