"""PyTorch's state files: all their tensors, without unpickling anything else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.data.contents import Array


def pytorch(path: Path) -> Iterator[Array]:
    import torch  # here, because it takes seconds and few sources need it

    waiting: list[object] = [torch.load(path, weights_only=True, map_location="cpu")]
    while waiting:
        value = waiting.pop()
        if isinstance(value, torch.Tensor):
            yield value.detach().numpy()
        elif isinstance(value, Mapping):
            waiting += value.values()
