"""What a run must give, what it gave, and where the two part."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zeroskip.contracts.network import IntArray

UNKNOWN = 1 << 16


@dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """One run: the integers expected at the output, and how a beat carries them.

    expected : (samples, outputs)
    elements : activations per beat
    signed : whether an output byte is two's complement
    """

    expected: IntArray
    elements: int
    signed: bool

    def save(self, path: Path) -> None:
        np.savez(path, expected=self.expected, elements=self.elements, signed=self.signed)

    @classmethod
    def load(cls, path: Path) -> Job:
        with np.load(path) as values:
            return cls(expected=values["expected"], elements=int(values["elements"]), signed=bool(values["signed"]))

    def first_difference(self, outputs: list[IntArray]) -> str | None:
        """A line that says what is wrong with ``outputs``, one array per TLAST; None when nothing is."""
        count, width = self.expected.shape
        for i, (row, expected) in enumerate(zip(outputs, self.expected, strict=False)):
            if len(row) != width:
                return f"sample {i}: {len(row)} outputs before TLAST, expected {width}"
            wrong = np.flatnonzero(row != expected)
            if len(wrong):
                j = int(wrong[0])
                return f"sample {i}, output {j}: expected {expected[j]}, got {row[j]} ({len(wrong)} of {width} outputs wrong)"
        if len(outputs) != count:
            return f"{len(outputs)} samples came out, expected {count}"
        return None


def check_outputs(folder: Path) -> str | None:
    """Compare ``outputs.txt`` with ``job.npz``; the first difference, None when there is none, also goes into ``result.json``."""
    job = Job.load(folder / "job.npz")
    difference = job.first_difference(read_outputs(folder / "outputs.txt", job))
    (folder / "result.json").write_text(json.dumps({"difference": difference}))
    return difference


def read_outputs(path: Path, job: Job) -> list[IntArray]:
    """The beats in ``path`` (hex data, hex TKEEP, TLAST) as one array of activations per sample.

    A byte of unknown bits counts as ``UNKNOWN``, which no activation equals; a TKEEP that is unknown or has gaps keeps nothing.
    """
    samples: list[IntArray] = []
    current: list[npt.NDArray[Any]] = []
    dtype = np.int8 if job.signed else np.uint8
    for line in path.read_text().splitlines():
        data, keep, last = line.split()
        kept = int(keep, 16) if "x" not in keep.lower() else 0
        count = kept.bit_length() if kept & (kept + 1) == 0 else 0
        current.append(_activations(data, dtype)[:count])
        if last == "1":
            samples.append(np.concatenate(current))
            current = []
    if current:
        samples.append(np.concatenate(current))
    return samples


def _activations(data: str, dtype: Any) -> IntArray:
    """Bytes of one beat, the lowest first."""
    try:
        return np.frombuffer(bytes.fromhex(data)[::-1], dtype=dtype).astype(np.int64)
    except ValueError:
        parts = [data[i : i + 2] for i in range(0, len(data), 2)][::-1]
        return np.concatenate(
            [_activations(p, dtype) if set(p) <= set("0123456789abcdef") else [UNKNOWN] for p in parts]
        )


def write_stimulus(path: Path, samples: npt.NDArray[np.uint8], elements: int) -> None:
    """One line per beat: hex data, TLAST. ``samples`` is (samples, inputs)."""
    count, inputs = samples.shape
    beats = -(-inputs // elements)
    padded = np.zeros((count, beats * elements), dtype=np.uint8)
    padded[:, :inputs] = samples
    words = padded.reshape(count, beats, elements)[:, :, ::-1]
    lines = []
    for sample in words:
        text = sample.tobytes().hex()
        width = 2 * elements
        lines += [f"{text[i * width : (i + 1) * width]} {int(i == beats - 1)}" for i in range(beats)]
    path.write_text("\n".join(lines) + "\n")
