"""Vectors: what the testbench reads as stimulus and as expected beats."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from zeroskip.testbench.vectors import input_words, output_words


def test_three_bytes_in_beats_of_two() -> None:
    samples = np.array([[1, -2, 127], [0, 5, -128]])
    assert input_words(samples, 2) == [0x0_FE01, 0x1_007F, 0x0_0500, 0x1_0080]
    assert output_words(samples, 2) == [
        0b0_11 << 16 | 0xFE01,
        0b1_01 << 16 | 0x7F,
        0b0_11 << 16 | 0x0500,
        0b1_01 << 16 | 0x80,
    ]


@given(
    arrays(np.int64, st.tuples(st.integers(1, 4), st.integers(1, 20)), elements=st.integers(-128, 255)),
    st.sampled_from([1, 2, 4, 8]),
)
def test_the_beats_hold_each_sample_once(samples: np.ndarray, elements: int) -> None:
    rows: list[list[int]] = [[]]
    for word in output_words(samples, elements):
        last, keep, data = (
            word >> 9 * elements,
            word >> 8 * elements & ((1 << elements) - 1),
            word & ((1 << 8 * elements) - 1),
        )
        kept = [data >> 8 * j & 0xFF for j in range(elements) if keep >> j & 1]
        assert data >> 8 * len(kept) == 0
        rows[-1] += kept
        if last:
            rows.append([])
    assert rows == [*(samples & 0xFF).tolist(), []]
    assert [word & ((1 << 8 * elements) - 1) for word in output_words(samples, elements)] == [
        word & ((1 << 8 * elements) - 1) for word in input_words(samples, elements)
    ]
