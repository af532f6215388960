"""A copy of a model for trials."""

from __future__ import annotations

import copy

import torch
from torch import nn


def duplicate(model: nn.Module) -> nn.Module:
    """A deep copy that shares nothing with ``model``, in evaluation mode.

    Torch cannot deep-copy tensors with a gradient history, as the hooks of :mod:`torch.nn.utils.prune` leave them. They are copied as plain
    values.
    """
    memo: dict[int, object] = {}
    for module in model.modules():
        for value in vars(module).values():
            if isinstance(value, torch.Tensor) and not value.is_leaf:
                memo[id(value)] = value.detach().clone()
    return copy.deepcopy(model, memo).eval()
