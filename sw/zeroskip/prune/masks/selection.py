"""From scores to masks: exactly how many weights go, and which of equal ones go first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from numbers import Real
from typing import Any

import torch
from torch import nn

from zeroskip.contracts.errors import InputError

from .allocation import ALLOCATIONS, shares
from .patterns import Pattern, pattern_named
from .weights import Masks, prunable, resolve, resolve_all

Sparsity = float | Mapping[str, float]
"""Share of the weights to remove, 0 … 1: one for the whole model, or one by the name of a parameter or its module. Layers that such a
mapping does not name keep every weight."""

MaskFunction = Callable[[nn.Module, Any], Masks]
"""(model, :data:`Sparsity`) → masks, as ``magnitude`` itself or ``functools.partial(magnitude, allocation="lamp")``."""


def exact_sparsity(sparsity: float, *, what: str = "sparsity") -> Fraction:
    """The fraction that ``sparsity`` was *written* as: 0.29 is 29/100, not the nearest double below it.

    The shortest decimal that reads back as the same number is taken. So 0.29 of 100 weights is 29 of them, although ``0.29 * 100`` is
    28.999999999999996 in floating point. Fractions and decimals are taken as they are.

    Raises InputError for something that is no number or is outside 0 … 1.
    """
    if isinstance(sparsity, (Real, Decimal)) and not isinstance(sparsity, bool):
        try:
            exact = Fraction(str(sparsity))
        except ValueError:  # NaN, infinity
            exact = Fraction(-1)
        if 0 <= exact <= 1:
            return exact
    raise InputError(f"{what} must be a number from 0 to 1, not {sparsity!r}")


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The weights that a criterion is asked to remove, checked before anything is computed.

    sparsity : sparsity of all layers together, or by parameter name
    allocation : one of :data:`~zeroskip.prune.masks.allocation.ALLOCATIONS`
    pattern : shape in which weights go
    magnitudes : the absolute weights of every prunable weight, by name
    excluded : names of layers that keep all their weights and do not count
    """

    sparsity: Fraction | Mapping[str, Fraction]
    allocation: str
    pattern: Pattern
    magnitudes: Mapping[str, torch.Tensor]
    excluded: frozenset[str]

    @classmethod
    def of(
        cls,
        model: nn.Module,
        sparsity: Sparsity,
        allocation: str = "uniform",
        pattern: str | Pattern = "unstructured",
        exclude: Iterable[str] = (),
    ) -> Selection:
        """Raises InputError as :func:`~zeroskip.prune.masks.weights.prunable` does, and for a sparsity outside 0 … 1, an unknown
        allocation, pattern or layer, a layer named twice, and sparsities by layer with another allocation than ``uniform``.
        """
        weights = prunable(model)
        if allocation not in ALLOCATIONS:
            raise InputError(f"allocation must be one of {', '.join(ALLOCATIONS)}, not {allocation!r}")
        exact: Fraction | dict[str, Fraction]
        if isinstance(sparsity, Mapping):
            if allocation != "uniform":
                raise InputError(f"allocation {allocation!r} chooses each layer's sparsity, but sparsities are given")
            exact = {}
            for given, share in sparsity.items():
                name = resolve(model, given, what="sparsities")
                if name in exact:
                    raise InputError(f"sparsities: {name!r} is given twice, as parameter and as module")
                exact[name] = exact_sparsity(share, what=f"sparsity of {given!r}")
        else:
            exact = exact_sparsity(sparsity)
        return cls(
            sparsity=exact, allocation=allocation, pattern=pattern_named(pattern),
            magnitudes={name: weight.effective.abs() for name, weight in weights.items()},
            excluded=frozenset(resolve_all(model, exclude, what="exclude")),
        )  # fmt: skip

    def shares(self, scores: Mapping[str, torch.Tensor]) -> dict[str, Fraction]:
        """The share of each layer that goes, by name. Layers that keep everything are absent. ``scores`` as for :meth:`masks`."""
        chosen = {
            name: score for name, score in scores.items() if name in self.magnitudes and name not in self.excluded
        }
        for name, score in chosen.items():
            if not torch.isfinite(score).all():
                raise InputError(f"scores of {name!r} must be finite, but hold NaN or infinity")
        if isinstance(self.sparsity, Mapping):
            return {name: share for name, share in self.sparsity.items() if name in chosen}
        return shares(self.allocation, self.sparsity, chosen, self.magnitudes)

    def masks(self, scores: Mapping[str, torch.Tensor]) -> Masks:
        """Masks that remove the lowest ``scores``: one tensor of the weight's shape, on any device, for every layer that loses weights.

        Of equal scores the lowest flat index goes first (with ``global``: of the earliest layer).

        Raises InputError for a score that is missing, of another shape, or not finite.
        """
        ranked = {
            n: w for n, w in self.magnitudes.items() if not isinstance(self.sparsity, Mapping) or n in self.sparsity
        }
        for name, weight in ranked.items():
            if name not in scores:
                raise InputError(f"score has no entry for {name!r}")
            if scores[name].shape != weight.shape:
                given = tuple(scores[name].shape)
                raise InputError(f"score of {name!r} must have the weight's shape {tuple(weight.shape)}, not {given}")
        wanted = self.shares({name: scores[name] for name in ranked})
        return {
            name: self.pattern.mask(scores[name], wanted[name]).to(weight.device)
            if name in wanted
            else torch.ones_like(weight, dtype=torch.bool)
            for name, weight in self.magnitudes.items()
        }
