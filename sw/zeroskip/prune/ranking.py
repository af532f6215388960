"""A criterion's scores, computed once and used for many sparsities."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

import torch
from torch import nn

from zeroskip.spec.errors import InputError

from .batches import InputBatch
from .control import random_scores
from .criteria import Criterion, criterion_named
from .fisher import fisher_scores
from .gradient import gradient_scores, snip_scores, taylor_scores
from .grasp import grasp_scores
from .magnitude import magnitude_scores
from .obs import obs_scores
from .patterns import Pattern
from .reconstruct import reconstruct
from .selection import Selection, Sparsity
from .wanda import wanda_scores
from .weights import Masks

SCORES: Mapping[str, Callable[..., dict[str, torch.Tensor]]] = {
    "random": random_scores, "magnitude": magnitude_scores, "wanda": wanda_scores, "gradient": gradient_scores,
    "snip": snip_scores, "taylor": taylor_scores, "fisher": fisher_scores, "grasp": grasp_scores, "obs": obs_scores,
}  # fmt: skip
"""What the criteria of :data:`~zeroskip.prune.criteria.CRITERIA` rank weights by."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Ranking:
    """The scores of one criterion on one model.

    criterion : whose
    scores : by parameter name, of the weight's shape
    batches : that the scores come from, which criteria that update the kept weights are shown again; empty where none are needed
    """

    criterion: Criterion
    scores: Mapping[str, torch.Tensor]
    batches: Sequence[InputBatch] = ()

    @classmethod
    def of(
        cls, model: nn.Module, criterion: str, batches: Iterable[InputBatch] | None = None, *, seed: int = 0
    ) -> Ranking:
        """Raises InputError: an unknown criterion; batches missing; what the criterion raises."""
        found = criterion_named(criterion)
        if found.needs != "weights" and batches is None:
            raise InputError(
                f"criterion {criterion!r} needs batches of inputs{' and targets' * (found.needs == 'labels')}"
            )
        shown = () if found.needs == "weights" or batches is None else tuple(batches)
        given: tuple[Any, ...] = () if found.needs == "weights" else (shown,)
        return cls(
            criterion=found, batches=shown,
            scores=SCORES[criterion](model, *given, **({"seed": seed} if found.seeded else {})),
        )  # fmt: skip

    def masks(
        self,
        model: nn.Module,
        sparsity: Sparsity | Fraction | Mapping[str, Fraction],
        *,
        allocation: str = "uniform",
        pattern: str | Pattern | None = None,
        exclude: Iterable[str] = (),
    ) -> Masks:
        """Those that the criterion itself gives; ``model`` is not changed. Arguments and errors as those of the criterion."""
        if pattern is None:
            pattern = own_pattern(self.criterion)
        # Fractions are taken as they are
        return Selection.of(model, cast(Sparsity, sparsity), allocation, pattern, exclude).masks(self.scores)

    def prune(self, model: nn.Module, sparsity: Sparsity | Fraction | Mapping[str, Fraction], **options: Any) -> Masks:
        """:meth:`masks`; where the criterion updates the kept weights, those of ``model`` are, and its removed ones are zero."""
        masks = self.masks(model, sparsity, **options)
        if self.criterion.updates:
            reconstruct(model, masks, self.batches)
        return masks


def own_pattern(criterion: Criterion) -> str:
    """The pattern that the criterion takes where none is given."""
    return str(inspect.signature(criterion.function).parameters["pattern"].default)
