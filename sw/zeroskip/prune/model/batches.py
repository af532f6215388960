"""Batches, and the loss on a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from zeroskip.contracts.errors import InputError

Batch = tuple[Any, Any] | list[Any]
"""(input, target) as a DataLoader gives them. The input is a tensor, or a tuple of tensors for a model of several inputs."""

InputBatch = torch.Tensor | Batch | tuple[Any]
"""A batch where only inputs are needed: an input tensor; (input,), as a DataLoader without targets gives it; or (input, target)."""

Loss = Callable[[Any, torch.Tensor], torch.Tensor]
"""``loss(output, target)`` → one number to minimise, as :func:`torch.nn.functional.cross_entropy`."""


def unpack(batch: Batch, index: int, device: torch.device) -> tuple[tuple[Any, ...], torch.Tensor]:
    """The model's positional inputs and the target, on ``device``. ``index`` names the batch in a refusal."""
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        given = f"{type(batch).__name__} of {len(batch)}" if isinstance(batch, (tuple, list)) else type(batch).__name__
        raise InputError(f"batch {index} must be a pair (input, target), not {given}")
    source, target = batch
    *inputs, on_device = _tensors((*_several(source), target), index, device)
    return tuple(inputs), on_device


def unpack_inputs(batch: InputBatch, index: int, device: torch.device) -> tuple[torch.Tensor, ...]:
    """The model's positional inputs, on ``device``. The target of a pair is not looked at, so it may be anything.

    A pair always means (input, target): several inputs without a target are written ``((a, b),)``.
    """
    if isinstance(batch, torch.Tensor):
        return (batch.to(device),)
    if not isinstance(batch, (tuple, list)) or len(batch) not in (1, 2):
        given = f"{type(batch).__name__} of {len(batch)}" if isinstance(batch, (tuple, list)) else type(batch).__name__
        raise InputError(f"batch {index} must be a tensor, (input,) or a pair (input, target), not {given}")
    return _tensors(_several(batch[0]), index, device)


def _several(source: Any) -> tuple[Any, ...]:
    return tuple(source) if isinstance(source, (tuple, list)) else (source,)


def _tensors(values: tuple[Any, ...], index: int, device: torch.device) -> tuple[torch.Tensor, ...]:
    for value in values:
        if not isinstance(value, torch.Tensor):
            raise InputError(f"batch {index} must hold tensors, not {type(value).__name__}")
    return tuple(value.to(device) for value in values)


def scalar_loss(loss: Loss, output: Any, target: torch.Tensor) -> torch.Tensor:
    """``loss(output, target)``. It is refused unless it is one number."""
    value = loss(output, target)
    if not isinstance(value, torch.Tensor) or value.numel() != 1:
        given = f"shape {tuple(value.shape)}" if isinstance(value, torch.Tensor) else type(value).__name__
        raise InputError(f"loss must return one number, not {given}")
    return value.reshape(())
