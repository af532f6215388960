"""Keras .h5 files: all their arrays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
from tests.data.contents import Array


def keras(path: Path) -> Iterator[Array]:
    found: list[Array] = []

    def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset) and item.dtype.kind == "f":
            found.append(np.asarray(item[()]))

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    yield from found
