"""Patterns: weights go one by one, or in the structures that other hardware needs.

The array gains from every zero alike, so ``unstructured`` keeps the most accuracy at equal cycles. The other patterns are for
comparison, and for weights that other hardware runs too.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import torch

from zeroskip.contracts.errors import InputError


class Pattern(Protocol):
    """A shape in which weights go."""

    def mask(self, scores: torch.Tensor, share: Fraction) -> torch.Tensor:
        """A bool tensor of the shape of ``scores``, False at the lowest scores. At most ``share`` of them go."""
        ...  # pragma: no cover


def remove_lowest(scores: torch.Tensor, count: int) -> torch.Tensor:
    """A bool tensor of the shape of ``scores``, False at its ``count`` lowest. Of equal scores the lowest flat index goes first."""
    order = torch.argsort(scores.flatten(), stable=True)
    kept = torch.ones(scores.numel(), dtype=torch.bool, device=scores.device)
    kept[order[:count]] = False
    return kept.reshape(scores.shape)


@dataclass(frozen=True)
class Unstructured:
    """Weight by weight: exactly ``floor(share * n)`` go."""

    def mask(self, scores: torch.Tensor, share: Fraction) -> torch.Tensor:
        return remove_lowest(scores, math.floor(share * scores.numel()))


@dataclass(frozen=True)
class NM:
    """N:M: of every M weights in a row's reduction order (kernel row, column, input channel) the same number N stays.

    ``floor(share * M)`` of each M go, and ``floor(share * its length)`` of a shorter group at a row's end. Zhou et al., *Learning N:M
    Fine-grained Structured Sparse Neural Networks From Scratch*, ICLR 2021.
    """

    m: int

    def mask(self, scores: torch.Tensor, share: Fraction) -> torch.Tensor:
        rows = _rows(scores)
        grouped = rows.shape[1] // self.m * self.m
        kept = torch.ones_like(rows, dtype=torch.bool)
        kept[:, :grouped] = _lowest_of_each(rows[:, :grouped].reshape(-1, self.m), share).reshape(len(rows), grouped)
        kept[:, grouped:] = _lowest_of_each(rows[:, grouped:], share)
        return _unrows(kept, scores.shape)


@dataclass(frozen=True)
class Block:
    """Blocks of ``rows`` outputs by ``columns`` weights in reduction order go whole: ``floor(share * blocks)``, by their mean score.

    Blocks at the edge may be smaller. Narang et al., *Block-Sparse Recurrent Neural Networks*, 2017.
    """

    rows: int
    columns: int

    def mask(self, scores: torch.Tensor, share: Fraction) -> torch.Tensor:
        rows = _rows(scores)
        down = torch.arange(len(rows), device=rows.device) // self.rows
        along = torch.arange(rows.shape[1], device=rows.device) // self.columns
        across = math.ceil(rows.shape[1] / self.columns)
        block = (down[:, None] * across + along).flatten()
        kept = _lowest_units(rows.flatten(), block, share)
        return _unrows(kept.reshape(rows.shape), scores.shape)


@dataclass(frozen=True)
class Channel:
    """Whole outputs go: ``floor(share * outputs)``, by their mean score. Li et al., *Pruning Filters for Efficient ConvNets*, ICLR 2017."""

    def mask(self, scores: torch.Tensor, share: Fraction) -> torch.Tensor:
        rows = _rows(scores)
        kept = _lowest_units(rows.flatten(), torch.arange(len(rows)).repeat_interleave(rows.shape[1]), share)
        return _unrows(kept.reshape(rows.shape), scores.shape)


@dataclass(frozen=True)
class Balanced:
    """Every ``rows`` outputs lose the same share, ``floor(share * their weights)``, so that none of them is left with all the work.

    Cao et al., *Efficient and Effective Sparse LSTM on FPGA with Bank-Balanced Sparsity*, FPGA 2019.
    """

    rows: int

    def mask(self, scores: torch.Tensor, share: Fraction) -> torch.Tensor:
        groups = torch.split(scores, self.rows) if len(scores) else (scores,)
        return torch.cat([remove_lowest(group, math.floor(share * group.numel())) for group in groups])


PATTERNS = ("unstructured", "nm:M", "block:RxC", "channel", "balanced:R")
"""Form of the patterns: M weights, R outputs by C weights, R outputs; each 1 or more."""


def pattern_named(name: str | Pattern) -> Pattern:
    """The pattern of a text as ``nm:4`` or ``block:4x4``. A :class:`Pattern` is taken as it is."""
    if not isinstance(name, str):
        return name
    if name == "unstructured":
        return Unstructured()
    if name == "channel":
        return Channel()
    if found := re.fullmatch(r"nm:([1-9]\d*)", name):
        return NM(int(found[1]))
    if found := re.fullmatch(r"block:([1-9]\d*)x([1-9]\d*)", name):
        return Block(int(found[1]), int(found[2]))
    if found := re.fullmatch(r"balanced:([1-9]\d*)", name):
        return Balanced(int(found[1]))
    raise InputError(f"pattern must be one of {', '.join(PATTERNS)}, not {name!r}")


def _rows(scores: torch.Tensor) -> torch.Tensor:
    """(outputs, weights of one output in reduction order). The input channel runs fastest, then the kernel's column, then its row."""
    return scores.movedim(1, -1).reshape(len(scores), -1)


def _unrows(rows: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    return rows.reshape(shape[0], *shape[2:], shape[1]).movedim(-1, 1).contiguous()


def _lowest_of_each(groups: torch.Tensor, share: Fraction) -> torch.Tensor:
    """(groups, weights): False at the lowest of each group."""
    kept = torch.ones_like(groups, dtype=torch.bool)
    order = torch.argsort(groups, dim=1, stable=True)[:, : math.floor(share * groups.shape[1])]
    return kept.scatter_(1, order, torch.zeros_like(order, dtype=torch.bool))


def _lowest_units(scores: torch.Tensor, unit: torch.Tensor, share: Fraction) -> torch.Tensor:
    """(weights,): False in the units of lowest mean score. ``unit`` has the number of each weight's unit."""
    unit = unit.to(scores.device)
    count = int(unit.max()) + 1 if len(unit) else 0
    sums = torch.zeros(count, dtype=torch.float64, device=scores.device).index_add_(0, unit, scores.double())
    sizes = torch.bincount(unit, minlength=count).clamp_min(1)
    return remove_lowest(sums / sizes, math.floor(share * count))[unit]
