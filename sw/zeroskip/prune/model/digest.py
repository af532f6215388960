"""Fingerprints by which stored results are found again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn


def model_digest(model: nn.Module) -> str:
    """Fingerprint of all that a copy of the model computes with: its parameters, its buffers, and the names and types of its modules."""
    return digest([repr(model), *(part for item in model.state_dict().items() for part in item)])


def digest(parts: Iterable[Any]) -> str:
    """sha256 of tensors by type, shape and values, and of everything else by its ``repr``. Lists and tuples go in part by part."""
    result = hashlib.sha256()
    for part in parts:
        if isinstance(part, torch.Tensor):
            result.update(f"{part.dtype} {tuple(part.shape)}".encode())
            result.update(part.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
        else:
            text = digest(part) if isinstance(part, (list, tuple)) else repr(part)
            result.update(f"{len(text)} {text}".encode())
    return result.hexdigest()
