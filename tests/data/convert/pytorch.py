"""PyTorch's state files: all their tensors, without unpickling anything else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from tests.data.contents import Array


def pytorch(path: Path) -> Iterator[Array]:
    yield from _tensors(torch.load(path, weights_only=True, map_location="cpu"))


def _tensors(value: object) -> Iterator[Array]:
    if isinstance(value, torch.Tensor):
        yield value.detach().numpy()
    elif isinstance(value, Mapping):
        for held in value.values():
            yield from _tensors(held)
