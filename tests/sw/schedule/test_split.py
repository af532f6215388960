"""The nonzero split: equal runs that together are the layer."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from zeroskip.schedule import LaneRun, split


@st.composite
def masks(draw):
    """Every row keeps at least one weight: others are folded away before."""
    mask = draw(arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=40)))
    column = draw(st.integers(0, mask.shape[1] - 1))
    mask[~mask.any(axis=1), column] = True
    return mask


lanes = st.integers(1, 64)
words = st.sampled_from([8, 16, 32, 64])


def rows_of(mask: np.ndarray, run: LaneRun) -> list[int]:
    return np.nonzero(mask)[0][run.begin : run.end].tolist()


@given(masks(), lanes, words)
def test_runs_are_equal_and_follow_each_other(mask, lanes, word):
    runs = split(mask, lanes, word)
    assert len(runs) == lanes
    assert runs[0].begin == 0
    assert runs[-1].end == mask.sum()
    assert all(before.end == after.begin for before, after in pairwise(runs))
    lengths = [run.end - run.begin for run in runs]
    assert max(lengths) - min(lengths) <= 1


@given(masks(), lanes, words)
def test_words_hold_the_runs_weights(mask, lanes, word):
    rows, columns = np.nonzero(mask)
    groups = -(-mask.shape[1] // word)
    for run in split(mask, lanes, word):
        assert run.word_counts.sum() == run.end - run.begin
        if run.begin == run.end:
            assert len(run.word_counts) == len(run.word_rows) == 0
            continue
        assert (run.first_row, run.last_row) == (rows[run.begin], rows[run.end - 1])
        assert run.first_group == columns[run.begin] // word
        assert run.word_counts[0] > 0
        assert run.word_counts[-1] > 0
        found = []
        for i, (row, count) in enumerate(zip(run.word_rows, run.word_counts, strict=True)):
            group = (run.first_group + i) % groups
            found += [(row, group)] * count
        wanted = zip(rows[run.begin : run.end], columns[run.begin : run.end] // word, strict=True)
        assert found == list(wanted)


@given(masks(), lanes, words)
def test_straddling_rows_know_all_their_lanes(mask, lanes, word):
    runs = split(mask, lanes, word)
    rows = [set(rows_of(mask, run)) for run in runs]
    for run, mine in zip(runs, rows, strict=True):
        if not mine:
            continue
        holders = [lane for lane, held in enumerate(rows) if run.first_row in held]
        assert run.slot == holders[0]
        assert run.head_others == len(holders) - 1
        assert run.tail_others == sum(run.last_row in held for held in rows) - 1
    shared = [row for row in range(len(mask)) if sum(row in held for held in rows) > 1]
    assert len(shared) <= lanes - 1


@given(masks(), lanes, words)
def test_whole_rows_stay_in_one_lane_each_and_runs_are_as_equal_as_that_allows(mask, lanes, word):
    runs = split(mask, lanes, word, whole_rows=True)
    assert [row for run in runs for row in sorted(set(rows_of(mask, run)))] == list(range(len(mask)))
    assert all((run.head_others, run.tail_others) == (0, 0) for run in runs)
    assert [run.begin for run in runs] == [0, *(run.end for run in runs[:-1])]
    assert runs[-1].end == mask.sum()
    longest = int(mask.sum(axis=1).max())
    for lane, run in enumerate(runs[1:], start=1):
        assert abs(run.begin - lane * int(mask.sum()) // lanes) <= (longest + 1) // 2, "another end of a row is nearer"


def test_a_row_over_three_lanes():
    mask = np.array([[1, 0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0, 1]], dtype=bool)
    runs = split(mask, 3, 8)
    assert [(run.begin, run.end) for run in runs] == [(0, 3), (3, 6), (6, 9)]
    assert [(run.first_row, run.last_row) for run in runs] == [(0, 1), (1, 1), (1, 2)]
    assert [(run.slot, run.head_others, run.tail_others) for run in runs] == [(0, 0, 2), (0, 2, 2), (0, 2, 0)]


@pytest.mark.parametrize("lanes", [1, 2, 64])
def test_one_weight_goes_to_the_last_lane(lanes):
    runs = split(np.ones((1, 1), dtype=bool), lanes, 8)
    assert [run.end - run.begin for run in runs] == [0] * (lanes - 1) + [1]
