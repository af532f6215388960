"""Forms of a lane's mask: their words, what is read of them, and which one is chosen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.hw.lane.shares import Share

from zeroskip.schedule.encoding import Encoding, encoding
from zeroskip.schedule.lanes.plan import LaneShare
from zeroskip.summary import entropy

WORDS = [8, 16, 32, 64]


def share_of(mask: np.ndarray) -> LaneShare:
    return LaneShare(rows=np.arange(len(mask)), mask=mask, weight=mask.astype(np.int64))


@st.composite
def masks(draw: st.DrawFn) -> np.ndarray:
    """Every row has a bit."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    rows, taps = draw(st.integers(1, 12)), draw(st.integers(1, 90))
    mask = rng.random((rows, taps)) < draw(st.sampled_from([0.0, 0.01, 0.05, 0.2, 0.6, 1.0]))
    mask[np.arange(rows), rng.integers(0, taps, rows)] = True
    return mask


@given(masks(), st.sampled_from(WORDS), st.sampled_from(["bitmap", "two-level"]))
def test_the_words_are_those_of_the_plain_model(mask: np.ndarray, word: int, form: str) -> None:
    found = Encoding(np.flatnonzero(mask), word, form)  # type: ignore[arg-type]
    model = Share(mask.shape[1], [np.flatnonzero(row).tolist() for row in mask], form=form)
    assert found.stream().tolist() == model.stored(word)
    assert found.words == found.read == len(model.stored(word))


@given(masks(), st.sampled_from(WORDS))
def test_steps_are_those_of_a_walk_over_the_words(mask: np.ndarray, word: int) -> None:
    """A word of flags stays for its chunks; a word of leaves is taken with the chunk that is the first to need it."""
    found = Encoding(np.flatnonzero(mask), word, "two-level")
    steps, step, left, leaves = [], 0, 0, word // 4
    words = iter(found.stream().tolist())
    for flags in words:
        chunks = [count for i in range(4) if (count := (flags >> (i * leaves) & ((1 << leaves) - 1)).bit_count())]
        step += not chunks
        behind = 0
        for number, count in enumerate(chunks):
            step += 1
            steps.append(step)
            behind = 0
            if left < count:
                next(words)
                left += leaves
                behind = int(number == len(chunks) - 1)
            left -= count
        step += behind
    assert found.steps[0].tolist() == steps
    assert found.steps[1] == behind


@given(masks(), st.sampled_from(WORDS), st.booleans())
def test_the_form_is_the_smallest_that_costs_no_time(mask: np.ndarray, word: int, two_level: bool) -> None:
    found, positions = encoding(share_of(mask), word, two_level=two_level), np.flatnonzero(mask)
    bitmap = Encoding(positions, word, "bitmap")
    assert found.words <= bitmap.words
    assert (found.form == "dense") == mask.all()
    if found.form == "two-level":
        steps, behind = found.steps
        assert two_level
        assert found.words < bitmap.words
        assert steps[-1] + behind <= max(len(positions), bitmap.words)


def test_nothing_has_no_words() -> None:
    found = encoding(share_of(np.zeros((0, 7), dtype=np.bool_)), 32, two_level=True)
    assert (found.form, found.words, found.read, found.stream().tolist()) == ("bitmap", 0, 0, [])


def test_a_dense_share_stores_its_last_word() -> None:
    found = encoding(share_of(np.ones((5, 9), dtype=np.bool_)), 16, two_level=False)
    assert (found.form, found.words, found.read, found.stream().tolist()) == ("dense", 1, 3, [(1 << 13) - 1])


@pytest.mark.parametrize("density, most", [(0.5, 1.02), (0.25, 1.06), (0.1, 1.12), (0.05, 1.25)])
def test_random_masks_take_little_more_than_their_entropy(density: float, most: float) -> None:
    """With 8-bit weights."""
    mask = np.random.default_rng(1).random((256, 72)) < density
    found = encoding(share_of(mask), 32, two_level=True)
    kept = float(mask.mean())
    bound = mask.size * (entropy(kept) + 8 * kept)
    assert found.bits(8) <= most * bound
