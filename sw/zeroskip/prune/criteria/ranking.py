"""A criterion's scores, computed once and used for many sparsities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

import torch
from torch import nn

from zeroskip.prune.masks.patterns import Pattern
from zeroskip.prune.masks.selection import Selection, Sparsity
from zeroskip.prune.masks.weights import Masks
from zeroskip.prune.model.batches import InputBatch

from .reconstruct import reconstruct
from .registry import Criterion, criterion_named


@dataclass(frozen=True, kw_only=True, eq=False)
class Ranking:
    """The scores of one criterion on one model.

    criterion : the criterion that gave the scores
    scores : by parameter name, in the weight's shape
    batches : batches that gave the scores; criteria that update the kept weights read them again. Empty where none are needed
    """

    criterion: Criterion
    scores: Mapping[str, torch.Tensor]
    batches: Sequence[InputBatch] = ()

    @classmethod
    def of(
        cls, model: nn.Module, method: str, batches: Iterable[InputBatch] | None = None, *, seed: int = 0
    ) -> Ranking:
        """``method`` is the name of a criterion. Raises InputError as the criterion does, for an unknown name and for missing batches."""
        criterion = criterion_named(method)
        given = tuple(tuple(shown) for shown in criterion.shown(batches))
        options = {"seed": seed} if criterion.seeded else {}
        return cls(
            criterion=criterion, batches=given[0] if given else (), scores=criterion.scores(model, *given, **options)
        )

    def masks(
        self,
        model: nn.Module,
        sparsity: Sparsity | Fraction | Mapping[str, Fraction],
        *,
        allocation: str = "uniform",
        pattern: str | Pattern | None = None,
        exclude: Iterable[str] = (),
    ) -> Masks:
        """The masks that the criterion itself gives. ``model`` is not changed. Arguments and errors as for the criterion."""
        pattern = self.criterion.own_pattern if pattern is None else pattern
        # Fractions are taken as they are.
        return Selection.of(model, cast(Sparsity, sparsity), allocation, pattern, exclude).masks(self.scores)

    def prune(self, model: nn.Module, sparsity: Sparsity | Fraction | Mapping[str, Fraction], **options: Any) -> Masks:
        """As :meth:`masks`. Where the criterion updates the kept weights, ``model`` is updated, and its removed weights become zero."""
        masks = self.masks(model, sparsity, **options)
        if self.criterion.updates:
            reconstruct(model, masks, self.batches)
        return masks
