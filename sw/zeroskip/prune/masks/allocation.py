"""Allocation: the sparsity of the whole network is shared out among its layers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

import torch

ALLOCATIONS = ("uniform", "global", "erk", "lamp")
"""``uniform``: every layer loses the same share. The others remove exactly ``floor(s * n)`` of all n weights:

``global``: the weights with the lowest scores go, and all layers compete
``erk``: Erdős–Rényi-kernel: a layer's density falls with its size (Evci et al., *Rigging the Lottery*, ICML 2020)
``lamp``: layer-adaptive magnitudes say how many weights of each layer go, the criterion says which (Lee et al., ICLR 2021)
"""

Scores = Mapping[str, torch.Tensor]


def shares(allocation: str, sparsity: Fraction, scores: Scores, magnitudes: Scores) -> dict[str, Fraction]:
    """The share of each layer of ``scores`` that goes. ``magnitudes`` has the absolute weights of at least these layers."""
    if allocation == "uniform":
        return dict.fromkeys(scores, sparsity)
    sizes = {name: score.numel() for name, score in scores.items()}
    removed = math.floor(sparsity * sum(sizes.values()))
    if allocation == "global":
        counts = _lowest(scores, removed)
    elif allocation == "lamp":
        counts = _lowest({name: lamp_scores(magnitudes[name]) for name in scores}, removed)
    else:
        counts = _erk({name: tuple(score.shape) for name, score in scores.items()}, removed)
    return {name: Fraction(counts[name], sizes[name]) for name in sizes if sizes[name]}


def lamp_scores(magnitude: torch.Tensor) -> torch.Tensor:
    """w² over the sum of the squares of all weights of the layer that are not smaller. Zeros score 0."""
    squares, order = magnitude.flatten().to("cpu", torch.float64).square().sort(stable=True)
    not_smaller = squares.flip(0).cumsum(0).flip(0)
    scores = torch.empty_like(squares)
    scores[order] = torch.where(squares > 0, squares / not_smaller.clamp_min(torch.finfo(torch.float64).tiny), 0.0)
    return scores.reshape(magnitude.shape)


def _lowest(scores: Scores, removed: int) -> dict[str, int]:
    """How many weights of each layer are among the ``removed`` lowest. Of equal scores the earlier layer's go first."""
    if not scores:
        return {}
    # float64 holds every narrower float exactly, so layers of different types compare without rounding.
    together = torch.cat([score.flatten().to("cpu", torch.float64) for score in scores.values()])
    layer = torch.repeat_interleave(torch.arange(len(scores)), torch.tensor([s.numel() for s in scores.values()]))
    gone = torch.bincount(layer[torch.argsort(together, stable=True)[:removed]], minlength=len(scores))
    return dict(zip(scores, gone.tolist(), strict=True))


def _erk(shapes: Mapping[str, tuple[int, ...]], removed: int) -> dict[str, int]:
    """Densities proportional to (sum of the weight's dimensions) / (their product), as far as they stay below 1."""
    sizes = {name: math.prod(shape) for name, shape in shapes.items()}
    kept = sum(sizes.values()) - removed
    sparse, dense = set(shapes), 0
    while True:
        raw = {name: Fraction(sum(shapes[name])) for name in sparse}  # density · size
        factor = Fraction(kept - dense, 1) / total if (total := sum(raw.values())) else Fraction(0)
        full = {name for name in sparse if factor * raw[name] >= sizes[name]}
        if not full:
            break
        sparse -= full
        dense += sum(sizes[name] for name in full)
    exact = {name: factor * raw[name] if name in sparse else Fraction(sizes[name]) for name in shapes}
    counts = {name: math.floor(value) for name, value in exact.items()}
    # The weights lost by rounding down go to the layers that lost most of a weight by it.
    order = sorted(shapes, key=lambda name: counts[name] - exact[name])
    for name in order[: kept - sum(counts.values())]:
        counts[name] += 1
    return {name: sizes[name] - counts[name] for name in shapes}
