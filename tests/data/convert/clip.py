"""The clip of the ToyADMOS cars: 200 windows of 128 log-mel bands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np


def clip(files: Mapping[str, Path], folder: Path) -> None:
    (source,) = files.values()
    target = folder / "toyadmos_sample"
    target.mkdir()
    spectrum = np.frombuffer(source.read_bytes(), "<f4").reshape(200, 128)
    np.save(target / "normal_id_01_00000000_200x128_f32.npy", spectrum)
