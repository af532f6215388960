"""Looking at a model without leaving a trace in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def undisturbed(model: nn.Module, parameters: list[nn.Parameter]) -> Iterator[None]:
    """Evaluation mode with gradients on ``parameters``; every flag and buffer is put back at the end, whatever happened."""
    modes = [(module, module.training) for module in model.modules()]
    frozen = [parameter for parameter in parameters if not parameter.requires_grad]
    buffers = [(buffer, buffer.detach().clone()) for buffer in model.buffers()]
    model.eval()
    for parameter in frozen:
        parameter.requires_grad_(True)
    try:
        yield
    finally:
        for parameter in frozen:
            parameter.requires_grad_(False)
        for module, training in modes:
            module.training = training
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
