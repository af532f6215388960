"""A model's weights on disk, for models whose kept weights were changed by pruning or training."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn

from zeroskip.contracts.errors import InputError, first_line
from zeroskip.storage.atomic import write_bytes

SUFFIX = ".safetensors"


State = dict[str, torch.Tensor]
"""Every parameter and buffer by name, as ``state_dict`` gives them, on the CPU."""


def snapshot(model: nn.Module) -> State:
    """A copy of the state of ``model`` on the CPU."""
    return {
        name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, value in model.state_dict().items()
        if isinstance(value, torch.Tensor)
    }


def save_state(model: nn.Module, path: str | os.PathLike[str]) -> None:
    """Write parameters and buffers, as ``state_dict`` names them, to a .safetensors file. An existing file is replaced whole.

    Raises InputError as :func:`require_state_path` does.
    """
    path = require_state_path(path)
    write_bytes(save(snapshot(model), metadata={"content": "zeroskip weights", "version": "1"}), path)


def require_state_path(path: str | os.PathLike[str]) -> Path:
    """The path, if a file of weights may be written there. Raises InputError for another suffix and for a folder that does not exist."""
    path = Path(path)
    if path.suffix != SUFFIX:
        raise InputError(f"weights file {str(path)!r}: suffix must be {SUFFIX}, not {path.suffix!r}")
    if not path.parent.is_dir():
        raise InputError(f"weights file {str(path)!r}: the folder does not exist")
    return path


def load_state(model: nn.Module, path: str | os.PathLike[str]) -> None:
    """Set all parameters and buffers of ``model`` to those of a .safetensors file.

    Raises InputError, one line, before anything is changed: for a file that is missing or unreadable, a name that only one of both has, and
    another shape.
    """
    path = Path(path)
    location = f"weights file {str(path)!r}"
    if not path.is_file():
        raise InputError(f"{location}: no such file")
    try:
        read = load_file(path)
    except (OSError, ValueError, SafetensorError) as error:
        raise InputError(f"{location}: cannot be read as {SUFFIX}: {first_line(error)}") from error
    wanted = {name: tensor for name, tensor in model.state_dict().items() if isinstance(tensor, torch.Tensor)}
    for name, tensor in wanted.items():
        if name not in read:
            raise InputError(f"{location}: has no {name!r}, which the model has")
        if read[name].shape != tensor.shape:
            raise InputError(
                f"{location}: {name!r} must have the model's shape {tuple(tensor.shape)}, not {tuple(read[name].shape)}"
            )
    for name in read:
        if name not in wanted:
            raise InputError(f"{location}: has {name!r}, which the model has not")
    model.load_state_dict(read, strict=False)
