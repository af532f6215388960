"""Masks on disk: safetensors, NumPy's .npz, or torch's .pt."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as tensors_to_bytes
from torch import nn

from zeroskip.contracts.errors import InputError, first_line
from zeroskip.storage.atomic import write_bytes

from .apply import complete
from .torch_masks import zero_one
from .weights import Masks, resolve

SUFFIXES = (".safetensors", ".npz", ".pt", ".pth")


def save(masks: Mapping[str, torch.Tensor], path: str | os.PathLike[str]) -> None:
    """Write masks to ``path``. Its suffix, .safetensors, .npz, .pt or .pth, gives the format. An existing file is replaced whole.

    Raises InputError for another suffix, a value that is no bool tensor, and a folder that does not exist.
    """
    path = require_masks_path(path)
    suffix = path.suffix
    tensors = {}
    for name, mask in masks.items():
        if not isinstance(mask, torch.Tensor) or mask.dtype != torch.bool:
            given = mask.dtype if isinstance(mask, torch.Tensor) else type(mask).__name__
            raise InputError(f"mask {name!r} must be a torch.bool tensor, not {given}")
        tensors[name] = mask.detach().cpu().clone(memory_format=torch.contiguous_format)
    write_bytes(_encoded(tensors, suffix), path)


def _encoded(tensors: dict[str, torch.Tensor], suffix: str) -> bytes:
    if suffix == ".safetensors":
        return tensors_to_bytes(tensors, metadata={"content": "zeroskip masks", "version": "1"})
    buffer = io.BytesIO()
    if suffix == ".npz":
        np.savez_compressed(buffer, allow_pickle=False, **{name: tensor.numpy() for name, tensor in tensors.items()})
    else:
        torch.save(tensors, buffer)
    return buffer.getvalue()


def require_masks_path(path: str | os.PathLike[str]) -> Path:
    """The path, if masks may be written there. Raises InputError for another suffix and for a folder that does not exist."""
    path = Path(path)
    _suffix(path)
    if not path.parent.is_dir():
        raise InputError(f"masks file {str(path)!r}: the folder does not exist")
    return path


def from_file(path: str | os.PathLike[str], model: nn.Module) -> Masks:
    """Read masks for ``model`` from a .safetensors, .npz, .pt or .pth file. No code from the file is run.

    Entries are named ``fc1.weight``, ``fc1``, or ``fc1.weight_mask`` (as in torch's pruned state). They have the weight's shape and are
    bool, or numbers that are all 0 or 1, where 1 is kept. Layers that the file does not name keep every weight.

    Returns masks as :func:`magnitude` does. Raises InputError for a file that is missing, of another suffix or unreadable, and for an
    entry of unknown name, of the wrong shape, with other values, or named twice.
    """
    path = Path(path)
    suffix = _suffix(path)
    location = f"masks file {str(path)!r}"
    if not path.is_file():
        raise InputError(f"{location}: no such file")
    masks: Masks = {}
    for key, value in _read(path, suffix, location).items():
        parameter = key.removesuffix("_mask") if key.rpartition(".")[2] == "weight_mask" else key
        name = resolve(model, parameter, what=location)
        if name in masks:
            raise InputError(f"{location}: {name!r} is given twice")
        masks[name] = zero_one(value, name)
    return complete(model, masks)


def _suffix(path: Path) -> str:
    if path.suffix not in SUFFIXES:
        raise InputError(f"masks file {str(path)!r}: suffix must be {', '.join(SUFFIXES)}, not {path.suffix!r}")
    return path.suffix


def _read(path: Path, suffix: str, location: str) -> dict[str, torch.Tensor]:
    try:
        if suffix == ".safetensors":
            tensors: object = load_file(path)
        elif suffix == ".npz":
            # Opened here, because np.load leaves its own handle open when the archive is damaged.
            with path.open("rb") as handle, np.load(handle, allow_pickle=False) as arrays:
                tensors = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
        else:
            tensors = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, ValueError, TypeError, RuntimeError, AttributeError,
            pickle.UnpicklingError, zipfile.BadZipFile, SafetensorError) as error:  # fmt: skip
        raise InputError(f"{location}: cannot be read as {suffix}: {first_line(error)}") from error
    if not isinstance(tensors, dict) or not all(isinstance(value, torch.Tensor) for value in tensors.values()):
        raise InputError(f"{location}: must hold a dict from parameter name to tensor")
    return {str(name): value for name, value in tensors.items()}
