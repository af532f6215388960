"""Samples as the beats of a stream, each as one word for $readmemh."""

from __future__ import annotations

from collections.abc import Iterator

from zeroskip.contracts.network import IntArray


def input_words(samples: IntArray, elements: int) -> list[int]:
    """Words {last, data} of ``samples`` (N, inputs); ``elements`` activations per beat, the first in the lowest byte."""
    return [last << 8 * elements | data for data, _, last in _beats(samples, elements)]


def output_words(samples: IntArray, elements: int) -> list[int]:
    """Words {last, keep, data} of ``samples`` (N, outputs); bytes that are not kept are 0."""
    return [last << 9 * elements | keep << 8 * elements | data for data, keep, last in _beats(samples, elements)]


def _beats(samples: IntArray, elements: int) -> Iterator[tuple[int, int, int]]:
    for sample in (samples & 0xFF).astype("uint8"):
        starts = range(0, len(sample), elements)
        for start in starts:
            part = sample[start : start + elements]
            yield int.from_bytes(part.tobytes(), "little"), (1 << len(part)) - 1, int(start == starts[-1])
