"""The smallest weights go."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from zeroskip.prune.masks.patterns import Pattern
from zeroskip.prune.masks.selection import Selection, Sparsity
from zeroskip.prune.masks.weights import Masks, prunable


def magnitude_scores(model: nn.Module) -> dict[str, torch.Tensor]:
    """|weight| of every prunable weight, in its shape, on its device."""
    return {name: weight.effective.abs() for name, weight in prunable(model).items()}


def magnitude(
    model: nn.Module,
    sparsity: Sparsity,
    allocation: str = "uniform",
    pattern: str | Pattern = "unstructured",
    exclude: Iterable[str] = (),
) -> Masks:
    """Masks that remove the weights of the smallest absolute value (Han et al., *Learning both Weights and Connections for
    Efficient Neural Networks*, NIPS 2015).

    model : any module; the weights of its Linear, Conv1d and Conv2d modules are pruned. It is not changed.
    sparsity : share to remove, 0 … 1. Exactly ``floor(sparsity * n)`` weights go; 0.29 of 100 is 29. Or a share for each layer by name;
        layers that are not named keep every weight
    allocation : way of sharing this out among the layers: ``uniform``, ``global``, ``erk`` or ``lamp``
        (:data:`~zeroskip.prune.masks.allocation.ALLOCATIONS`); n counts one weight tensor for ``uniform``, else all together
    pattern : shape in which weights go: ``unstructured``, ``nm:4``, ``block:4x4``, ``channel``, ``balanced:8``
        (:mod:`zeroskip.prune.masks.patterns`); all but the first may remove fewer than asked
    exclude : names of parameters or modules, ``fc1.weight`` or ``fc1``, that keep every weight and do not count in n

    Returns name → bool tensor of the weight's shape on its device, True where kept, for every prunable weight. Of equal magnitudes the
    lowest flat index (for ``global``: of the earliest layer) is removed first.

    Raises InputError for nothing to prune, weights with NaN or infinity, a sparsity outside 0 … 1, an unknown allocation, pattern or name,
    and a layer named twice.
    """
    return Selection.of(model, sparsity, allocation, pattern, exclude).masks(magnitude_scores(model))
