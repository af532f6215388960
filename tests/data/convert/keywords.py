"""EEMBC's keyword inputs: 1000 files of 49 windows of 10 MFCCs, int8, and a table of their classes."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from tests.data.convert.arrays import write


def keywords(files: Mapping[str, Path], folder: Path) -> None:
    rows = [row for row in csv.reader(files["y_labels.csv"].read_text().splitlines()) if row]
    x = np.stack([np.frombuffer(files[row[0]].read_bytes(), np.int8).reshape(49, 10) for row in rows])
    y = np.array([int(row[2]) for row in rows], dtype=np.uint8)
    write(folder / "kws_speech_commands" / "kws01_1000.npz", {"x_int8": x, "y": y})
