"""Pruning to a budget: each layer's sparsity is chosen so that the whole model meets the budget, by its exact cost on an array."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
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
"""Sparsities at which the layers' losses are measured."""

UPDATES = 4
"""Most times that sparsities are chosen. They are chosen again where the updated weights cost more than the weights before."""


@dataclass(frozen=True)
class Budget:
    """The most that the pruned model may cost.

    kind : one of :data:`~zeroskip.explore.costs.KINDS`
    amount : in the unit of ``kind``, or a Fraction: a share of the dense model's cost
    """

    kind: str
    amount: int | Fraction

    @classmethod
    def of(cls, text: str) -> Budget:
        """``cycles=40%`` is a share of the cost with every weight kept; ``cycles=120000`` is the cost itself."""
        found = re.fullmatch(r"(\w+)=(?:(\d+)|(\d+(?:\.\d+)?)%)", text)
        if found is None or found[1] not in KINDS or (found[3] is not None and Fraction(found[3]) > 100):
            raise InputError(
                f"budget must be {', '.join(KINDS)} with an amount or a share of dense, as cycles=120000 or cycles=40%, not {text!r}"
            )
        return cls(found[1], int(found[2]) if found[2] is not None else Fraction(found[3]) / 100)

    def limit(self, dense: int) -> int:
        return self.amount if isinstance(self.amount, int) else int(self.amount * dense)


@dataclass(frozen=True, kw_only=True)
class BudgetOptions:
    """The options of :func:`prune_to_budget`.

    method : as for :class:`~zeroskip.prune.criteria.ranking.Ranking`
    pattern : shape in which weights go; None for the method's own
    seed : seed of the methods that draw random numbers
    calibration : as for :func:`zeroskip.compile`; may be absent only for a budget of weights
    config : as for :func:`zeroskip.compile`
    exclude : names of layers that keep every weight; they count in the cost
    sparsities : where losses are measured, 0 … 1; no layer loses more than the largest
    evaluate : as for :func:`~zeroskip.prune.budget.sensitivity.sensitivity`; without it the cross entropy is taken
    cache : as for :func:`~zeroskip.prune.budget.sensitivity.sensitivity`
    adapt : called with every pruned copy before its loss is evaluated, and with the result, for instance to re-estimate its BatchNorms
    key : says what else the losses depend on: ``evaluate`` and ``adapt``
    """

    method: str = "magnitude"
    pattern: str | None = None
    seed: int = 0
    calibration: npt.ArrayLike | None = None
    config: ArrayConfig = field(default_factory=ArrayConfig)
    exclude: Iterable[str] = ()
    sparsities: Iterable[float] = SPARSITIES
    evaluate: Callable[[nn.Module], float] | None = None
    cache: str | PathLike[str] | None = None
    adapt: Callable[[nn.Module], None] | None = None
    key: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class BudgetResult:
    """A model pruned to a budget.

    model : a copy of the given model; its removed weights are zero, its kept weights are updated where the method does that
    masks : as criteria return them
    sparsities : sparsity of each layer, by parameter name
    kind : kind of the budget
    limit : amount of the budget, in the unit of ``kind``
    cost : exact cost of ``model``, at most ``limit``
    dense : cost with every weight kept
    sensitivity : the losses of the layers
    costs : all figures; None without calibration, which weights do not need
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
    options: BudgetOptions | None = None,
    *,
    progress: Callable[[str], None] | None = None,
) -> BudgetResult:
    """Choose each layer's sparsity so that the model costs at most ``budget``.

    Each layer is pruned alone, and the loss that this causes is measured (:func:`~zeroskip.prune.budget.sensitivity.sensitivity`). Of all
    choices within the budget, the one with the least sum of losses is taken (:func:`~zeroskip.prune.budget.allocate.allocate`).

    model : is not changed
    budget : ``weights=30%``, ``bits=400000``, ``cycles=40%`` …: kept prunable weights, bits stored in the lanes, or cycles from one group
        of samples to the next. A share is a share of the cost of the same model on the same array with every weight kept. Cycles are
        predicted exactly for every choice that is tried, so the simulation of the result counts the same
    batches : (input, target) pairs for the method and the loss
    options : how the choice is made
    progress : called with a line before every step

    Raises InputError for a budget that is not written so or is out of reach (with both figures), for a missing calibration, and as the
    steps do.
    """
    wanted = Budget.of(budget) if isinstance(budget, str) else budget
    options = options or BudgetOptions()
    if wanted.kind != "weights" and options.calibration is None:
        raise InputError(f"a budget of {wanted.kind} needs calibration inputs, from which the integers are made")
    return _Search(model, wanted, list(batches), options, progress or (lambda line: None)).run()


class _Search:
    """One search. The weights are ranked once; masks, costs and losses of any choice of sparsities follow from the ranking."""

    def __init__(
        self,
        model: nn.Module,
        budget: Budget,
        batches: list[Batch],
        options: BudgetOptions,
        progress: Callable[[str], None],
    ) -> None:
        self.model, self.budget, self.batches, self.options, self.progress = model, budget, batches, options, progress
        self.excluded = resolve_all(model, options.exclude, what="exclude")
        self.dense = _dense(model, budget.kind, options.calibration, options.config)
        self.limit = budget.limit(self.dense)
        progress(f"scores by {options.method}")
        self.ranking = Ranking.of(model, options.method, batches, seed=options.seed)

    def run(self) -> BudgetResult:
        measured, aim = self._sensitivity(), self.limit
        for _ in range(UPDATES):
            chosen = allocate(measured, self._cost, aim, progress=self.progress)
            result = duplicate(self.model)
            self.progress(f"pruning by {self.options.method}")
            masks = self._prune(result, chosen)
            apply(result, masks)
            self._adapt(result)
            found, figures = _cost(result, masks, self.budget.kind, self.options.calibration, self.options.config)
            if found.total <= self.limit:
                break
            # Updated weights round to zero less often than the weights before. Aim lower by the cost of this.
            aim -= found.total - self.limit
        else:
            raise InputError(
                f"budget of {self.limit:,} {self.budget.kind} is not met by the updated weights, which cost {found.total:,}"
            )
        if figures is None and self.options.calibration is not None:
            figures = costs(result, masks, calibration=self.options.calibration, config=self.options.config)
        return BudgetResult(
            model=result, masks=masks, sparsities=chosen, kind=self.budget.kind, limit=self.limit, cost=found.total,
            dense=self.dense, sensitivity=measured, costs=figures,
        )  # fmt: skip

    def _sensitivity(self) -> Sensitivity:
        options, loss = self.options, self.options.evaluate or loss_on(self.batches)

        def adapted_loss(target: nn.Module) -> float:
            self._adapt(target)
            return loss(target)

        return sensitivity(
            self.model, self._prune, adapted_loss, options.sparsities, exclude=self.excluded, cache=options.cache,
            progress=self.progress, key=digest((options.method, options.pattern, options.seed, options.key, self.batches)),
        )  # fmt: skip

    def _prune(self, target: nn.Module, layers: Mapping[str, Fraction]) -> Masks:
        return self.ranking.prune(target, layers, pattern=self.options.pattern, exclude=self.excluded)

    def _adapt(self, target: nn.Module) -> None:
        if self.options.adapt is not None:
            self.options.adapt(target)

    def _cost(self, layers: Mapping[str, Fraction]) -> Cost:
        masks = self.ranking.masks(self.model, layers, pattern=self.options.pattern, exclude=self.excluded)
        return _cost(self.model, masks, self.budget.kind, self.options.calibration, self.options.config)[0]


def _dense(model: nn.Module, kind: str, calibration: npt.ArrayLike | None, config: ArrayConfig) -> int:
    """The cost with every weight kept, weights that are zero included."""
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
