"""Run a model and leave it unchanged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import torch
from torch import nn


@contextmanager
def preserving(model: nn.Module, parameters: list[nn.Parameter]) -> Iterator[None]:
    """Evaluation mode with gradients on ``parameters``. At the end every flag, buffer and random state is put back, also after an error.

    cuDNN is held to its deterministic algorithms, so that the same batches give the same sums.
    """
    modes = [(module, module.training) for module in model.modules()]
    frozen = [parameter for parameter in parameters if not parameter.requires_grad]
    buffers = [
        (module, name, buffer, buffer.detach().clone())
        for module in model.modules()
        for name, buffer in module._buffers.items()
        if buffer is not None
    ]
    gpus = {parameter.device for parameter in model.parameters() if parameter.device.type == "cuda"}
    deterministic = torch.backends.cudnn.deterministic
    # Forked, because a DataLoader draws from torch's random state, and dropout as a function does so even in evaluation mode.
    with torch.random.fork_rng(devices=gpus):
        with suppress(NotImplementedError):  # an exported module: its mode is fixed in its graph
            model.eval()
        for parameter in frozen:
            parameter.requires_grad_(True)
        torch.backends.cudnn.deterministic = True
        try:
            yield
        finally:
            torch.backends.cudnn.deterministic = deterministic
            for parameter in frozen:
                parameter.requires_grad_(False)
            for module, training in modes:
                module.training = training
            with torch.no_grad():
                for module, name, buffer, before in buffers:
                    buffer.copy_(before)
                    module._buffers[name] = buffer  # a forward pass may have put another tensor there
