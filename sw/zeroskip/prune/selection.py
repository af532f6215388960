"""From scores to masks: exactly how many weights go, and which of equals go first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from numbers import Real

import torch

from zeroskip.spec.errors import InputError

from .weights import Masks

SCOPES = ("layer", "global")


def exact_sparsity(sparsity: float, *, what: str = "sparsity") -> Fraction:
    """The fraction that ``sparsity`` was *written* as: 0.29 is 29/100, not the nearest double below it.

    The shortest decimal that reads back as the same number is taken, so that 0.29 of 100 weights is 29 of them although
    ``0.29 * 100`` is 28.999999999999996 in floating point. Fractions and decimals are taken as they are.

    Raises InputError: no number, or outside 0 … 1.
    """
    if isinstance(sparsity, (Real, Decimal)) and not isinstance(sparsity, bool):
        try:
            exact = Fraction(str(sparsity))
        except ValueError:  # NaN, infinity
            exact = Fraction(-1)
        if 0 <= exact <= 1:
            return exact
    raise InputError(f"{what} must be a number from 0 to 1, not {sparsity!r}")


def removed_count(sparsity: float, total: int) -> int:
    """``floor(sparsity * total)``, exact in the sense of :func:`exact_sparsity`."""
    return exact_sparsity(sparsity) * total // 1


def remove_lowest(scores: torch.Tensor, count: int) -> torch.Tensor:
    """A bool tensor of the shape of ``scores``, False at its ``count`` lowest; of equal scores the lowest flat index goes first."""
    order = torch.argsort(scores.flatten(), stable=True)
    kept = torch.ones(scores.numel(), dtype=torch.bool, device=scores.device)
    kept[order[:count]] = False
    return kept.reshape(scores.shape)


def select(
    scores: Mapping[str, torch.Tensor], sparsity: float, *, scope: str = "layer", exclude: Iterable[str] = ()
) -> Masks:
    """Masks that remove the lowest scores.

    scores : per weight, of its shape, on its device; finite
    sparsity : 0 … 1; exactly ``floor(sparsity * n)`` go (see :func:`exact_sparsity`)
    scope : ``layer``, n counts one weight tensor; ``global``, all of them together, and scores compete between layers. Of equal
        scores the earlier layer's, then the lowest flat index, goes first.
    exclude : names that keep all their weights and do not count
    """
    exact_sparsity(sparsity)
    if scope not in SCOPES:
        raise InputError(f"scope must be 'layer' or 'global', not {scope!r}")
    excluded = set(exclude)
    masks = {name: torch.ones_like(score, dtype=torch.bool) for name, score in scores.items()}
    chosen = {name: score for name, score in scores.items() if name not in excluded}
    for name, score in chosen.items():
        if not torch.isfinite(score).all():
            raise InputError(f"scores of {name!r} must be finite, but hold NaN or infinity")
    if scope == "layer":
        for name, score in chosen.items():
            masks[name] = remove_lowest(score, removed_count(sparsity, score.numel()))
    elif chosen:
        # float64 holds every narrower float exactly, so layers of different types compare without rounding
        together = torch.cat([score.flatten().to("cpu", torch.float64) for score in chosen.values()])
        kept = remove_lowest(together, removed_count(sparsity, together.numel()))
        for (name, score), part in zip(
            chosen.items(), torch.split(kept, [s.numel() for s in chosen.values()]), strict=True
        ):
            masks[name] = part.reshape(score.shape).to(score.device)
    return masks
