"""The smallest weights go."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from .selection import select
from .weights import Masks, prunable, resolve_all


def magnitude_scores(model: nn.Module) -> dict[str, torch.Tensor]:
    """|weight| of every prunable weight, of its shape, on its device."""
    return {name: weight.effective.abs() for name, weight in prunable(model).items()}


def magnitude(model: nn.Module, sparsity: float, scope: str = "layer", exclude: Iterable[str] = ()) -> Masks:
    """Masks that remove the weights of the smallest absolute value (Han et al., *Learning both Weights and Connections for
    Efficient Neural Networks*, NIPS 2015).

    model : any module; the weights of its Linear, Conv1d and Conv2d modules are pruned. It is not changed.
    sparsity : share to remove, 0 … 1; exactly ``floor(sparsity * n)`` weights go, 0.29 of 100 being 29
    scope : ``layer``, that share of every layer; ``global``, of all of them together
    exclude : names of parameters or modules, ``fc1.weight`` or ``fc1``, that keep every weight and do not count in n

    Returns name → bool tensor of the weight's shape on its device, True where kept, for every prunable weight. Of equal
    magnitudes the lowest flat index (for ``global``: of the earliest layer) is removed first.

    Raises InputError: nothing to prune, weights with NaN or infinity, a sparsity outside 0 … 1, an unknown scope or name.
    """
    return select(magnitude_scores(model), sparsity, scope=scope, exclude=resolve_all(model, exclude, what="exclude"))
