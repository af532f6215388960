"""Weights go by chance. Every other criterion has to beat this control."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import torch
from torch import nn

from zeroskip.contracts.errors import InputError
from zeroskip.prune.masks.patterns import Pattern
from zeroskip.prune.masks.selection import Selection, Sparsity
from zeroskip.prune.masks.weights import Masks, prunable


def random_scores(model: nn.Module, seed: int = 0) -> dict[str, torch.Tensor]:
    """Uniform in 0 … 1, float64, for every prunable weight, in its shape, on its device. Errors as for :func:`random`."""
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise InputError(f"seed must be an integer, not {seed!r}")
    scores = {}
    for name, weight in prunable(model).items():
        # Drawn on the CPU, so that every device gives the same, and by name, so that no layer depends on the others.
        digest = hashlib.sha256(f"{seed} {name}".encode()).digest()
        generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big"))
        # float64, because float32 draws from so few numbers that a large layer would have equal scores.
        drawn = torch.rand(weight.effective.shape, generator=generator, dtype=torch.float64)
        scores[name] = drawn.to(weight.parameter.device)
    return scores


def random(
    model: nn.Module,
    sparsity: Sparsity,
    allocation: str = "uniform",
    pattern: str | Pattern = "unstructured",
    exclude: Iterable[str] = (),
    seed: int = 0,
) -> Masks:
    """Masks that remove weights by chance, each as likely as any other of its layer. They are the control for the other criteria (as in
    Blalock et al., *What is the State of Neural Network Pruning?*, MLSys 2020).

    model : as for :func:`magnitude`
    sparsity : as for :func:`magnitude`
    allocation : as for :func:`magnitude`. With ``global`` every weight of the network is as likely as any other.
    pattern : as for :func:`magnitude`
    exclude : as for :func:`magnitude`
    seed : any integer. A layer's scores depend only on the seed, the layer's name and its shape: not on the device, the other layers or
        torch's random state, which stays as it is. Masks of one seed nest: a weight that goes at one sparsity goes at every higher one.

    Returns masks as :func:`magnitude` does.

    Raises InputError as :func:`magnitude` does, and for a seed that is no integer.
    """
    selection = Selection.of(model, sparsity, allocation, pattern, exclude)
    return selection.masks(random_scores(model, seed))
