"""What a batch is, and the loss on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from zeroskip.spec.errors import InputError

Batch = tuple[Any, Any] | list[Any]
"""(input, target) as a DataLoader gives them; input is a tensor, or a tuple of tensors for a model of several inputs."""

Loss = Callable[[Any, torch.Tensor], torch.Tensor]
"""``loss(output, target)`` → one number to minimise, as :func:`torch.nn.functional.cross_entropy`."""


def unpack(batch: Batch, index: int, device: torch.device) -> tuple[tuple[Any, ...], torch.Tensor]:
    """The model's positional inputs and the target, on ``device``; ``index`` names the batch in a refusal."""
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        given = f"{type(batch).__name__} of {len(batch)}" if isinstance(batch, (tuple, list)) else type(batch).__name__
        raise InputError(f"batch {index} must be a pair (input, target), not {given}")
    source, target = batch
    inputs = tuple(source) if isinstance(source, (tuple, list)) else (source,)
    for value in (*inputs, target):
        if not isinstance(value, torch.Tensor):
            raise InputError(f"batch {index} must hold tensors, not {type(value).__name__}")
    return tuple(value.to(device) for value in inputs), target.to(device)


def scalar_loss(loss: Loss, output: Any, target: torch.Tensor) -> torch.Tensor:
    """``loss(output, target)``, refused unless it is one number."""
    value = loss(output, target)
    if not isinstance(value, torch.Tensor) or value.numel() != 1:
        given = f"shape {tuple(value.shape)}" if isinstance(value, torch.Tensor) else type(value).__name__
        raise InputError(f"loss must return one number, not {given}")
    return value.reshape(())
