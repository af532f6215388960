"""The objective of training: the loss of the labels, alone or together with the distance from a dense teacher."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn.functional import kl_div, log_softmax

from zeroskip.contracts.errors import InputError
from zeroskip.prune.model.batches import Loss, scalar_loss

Objective = Callable[[tuple[Any, ...], Any, torch.Tensor], torch.Tensor]
"""(the model's inputs, its output, target) → one number to minimise."""


def objective(
    model: nn.Module, loss: Loss, teacher: nn.Module | None, temperature: float, distillation: float
) -> Objective:
    """``(1 - a) · loss + a · T² · KL(teacher ‖ student)``, where a is ``distillation`` and T is the ``temperature`` of both softmaxes
    (Hinton, Vinyals & Dean, *Distilling the Knowledge in a Neural Network*, 2015). Without a teacher, ``loss`` alone.

    The outputs of both are scores of one shape before the softmax: (classes,) or (samples, classes, …). The divergence is the mean over
    everything except the classes. The teacher runs in the mode that it is in, without gradients.

    Raises InputError for a teacher that is no module, shares parameters with ``model`` or lies on another device, a temperature that is not
    above 0, a ``distillation`` outside 0 … 1, and, when they are first seen, outputs that do not match.
    """
    if teacher is None:
        return lambda inputs, output, target: scalar_loss(loss, output, target)
    _check(model, teacher, temperature, distillation)

    def distilled(inputs: tuple[Any, ...], output: Any, target: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            taught = teacher(*inputs)
        return (1 - distillation) * scalar_loss(loss, output, target) + distillation * divergence(
            output, taught, temperature
        )

    return distilled


def divergence(output: Any, taught: Any, temperature: float) -> torch.Tensor:
    """``T² · KL(softmax(taught / T) ‖ softmax(output / T))``, the mean over the samples. T² keeps the gradient's size."""
    if not isinstance(output, torch.Tensor) or not isinstance(taught, torch.Tensor) or output.ndim < 1:
        raise InputError("distillation needs models whose output is one tensor of scores for the classes")
    if output.shape != taught.shape:
        raise InputError(
            f"teacher must have outputs of the model's shape {tuple(output.shape)}, not {tuple(taught.shape)}"
        )
    classes = 1 if output.ndim > 1 else 0
    student = log_softmax(output / temperature, dim=classes)
    expected = log_softmax(taught / temperature, dim=classes)
    samples = max(output.numel() // max(output.shape[classes], 1), 1)
    return kl_div(student, expected, reduction="sum", log_target=True) * (temperature**2 / samples)


def _check(model: nn.Module, teacher: nn.Module, temperature: float, distillation: float) -> None:
    if not isinstance(teacher, nn.Module):
        raise InputError(f"teacher must be a torch.nn.Module, not {type(teacher).__name__}")
    own = {id(parameter) for parameter in model.parameters()}
    if any(id(parameter) in own for parameter in teacher.parameters()):
        raise InputError(
            "teacher must not share parameters with the model; take a copy.deepcopy of it made before pruning"
        )
    devices = [next(module.parameters(), None) for module in (model, teacher)]
    if all(first is not None for first in devices) and devices[0].device != devices[1].device:  # type: ignore[union-attr]
        raise InputError(
            f"teacher must lie on the model's device {devices[0].device}, not {devices[1].device}"  # type: ignore[union-attr]
        )
    if not _number(temperature) or temperature <= 0:
        raise InputError(f"temperature must be a finite number above 0, not {temperature!r}")
    if not _number(distillation) or not 0 <= distillation <= 1:
        raise InputError(f"distillation must be a number from 0 to 1, not {distillation!r}")


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
