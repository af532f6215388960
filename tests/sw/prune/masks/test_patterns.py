from __future__ import annotations

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from zeroskip.contracts.errors import InputError
from zeroskip.prune import magnitude
from zeroskip.prune.masks.patterns import NM, Balanced, Block, Channel, Unstructured, pattern_named, remove_lowest

NAMES = ("unstructured", "nm:4", "block:2x3", "channel", "balanced:2")
shapes = st.one_of(
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 3)),
    st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 3), st.integers(1, 3)),
)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=60), st.integers(0, 60))
def test_exactly_the_lowest_go_and_of_equals_the_first(values, count):
    count = min(count, len(values))
    kept = remove_lowest(torch.tensor(values, dtype=torch.float32), count)
    expected = sorted(range(len(values)), key=lambda index: (values[index], index))[:count]
    assert torch.nonzero(~kept).flatten().tolist() == sorted(expected)


def test_memory_layout_does_not_change_the_order_among_equals():
    scores = torch.ones(2, 3).T  # stored column by column
    assert remove_lowest(scores, 2).tolist() == [[False, False], [True, True], [True, True]]


@given(shapes, st.integers(0, 100), st.sampled_from(NAMES), st.integers(0, 1000))
def test_never_more_than_the_share_goes_and_all_at_one(shape, hundredths, name, seed):
    scores = torch.rand(shape, generator=torch.Generator().manual_seed(seed))
    share = Fraction(hundredths, 100)
    pattern = pattern_named(name)
    mask = pattern.mask(scores, share)
    assert (mask.shape, mask.dtype) == (scores.shape, torch.bool)
    if not isinstance(pattern, (Block, Channel)):  # edge blocks are smaller: their number is what is exact
        assert int((~mask).sum()) <= share * mask.numel()
    assert pattern.mask(scores, Fraction(0)).all()
    assert not pattern.mask(scores, Fraction(1)).any()


def test_n_of_every_m_stay_along_the_input_channels_of_each_tap():
    scores = torch.rand(5, 8, 3, 3, generator=torch.Generator().manual_seed(1))
    mask = NM(4).mask(scores, Fraction(1, 2))
    groups = mask.permute(0, 2, 3, 1).reshape(-1, 4)
    assert (groups.sum(1) == 2).all()
    values = scores.permute(0, 2, 3, 1).reshape(-1, 4)
    assert (torch.where(groups, values, 9.0).amin(1) >= torch.where(groups, -1.0, values).amax(1)).all()


def test_a_short_group_at_the_end_loses_its_own_share():
    mask = NM(4).mask(torch.arange(14.0).reshape(2, 7), Fraction(1, 2))
    assert mask.int().tolist() == [[0, 0, 1, 1, 0, 1, 1]] * 2


def test_blocks_go_whole_by_their_mean():
    scores = torch.tensor([[1.0, 1, 5, 5, 2], [1, 1, 5, 5, 2], [9, 0, 3, 3, 0.5]])
    mask = Block(2, 2).mask(scores, Fraction(1, 2))  # means 1, 5, 2 / 4.5, 3, 0.5
    assert mask.int().tolist() == [[0, 0, 1, 1, 0], [0, 0, 1, 1, 0], [1, 1, 1, 1, 0]]


def test_channels_go_whole():
    scores = torch.tensor([3.0, 1, 2]).reshape(3, 1, 1, 1).expand(3, 2, 2, 2)
    mask = Channel().mask(scores, Fraction("0.67"))
    assert mask.flatten(1).int().tolist() == [[1] * 8, [0] * 8, [0] * 8]


def test_every_group_of_rows_keeps_as_many():
    scores = torch.arange(24.0).reshape(6, 4)
    mask = Balanced(2).mask(scores, Fraction(3, 8))
    assert mask.reshape(3, 8).sum(1).tolist() == [5, 5, 5]
    assert int(Unstructured().mask(scores, Fraction(3, 8)).sum()) == 15


def test_the_whole_model_by_its_pattern():
    model = nn.Sequential(nn.Conv2d(4, 8, 3), nn.Linear(8, 8))
    masks = magnitude(model, 0.5, pattern="nm:4")
    assert all(int(mask.sum()) * 2 == mask.numel() for mask in masks.values())
    rows = magnitude(model, 0.5, pattern="channel")["0.weight"].flatten(1)
    assert (rows.all(1) | ~rows.any(1)).all()
    assert int(rows.any(1).sum()) == 4


@pytest.mark.parametrize("name", ["2:4", "nm:0", "nm:", "block:4", "block:0x4", "rows", "", "balanced"])
def test_unknown_patterns_are_refused(name):
    text = r"^pattern must be one of unstructured, nm:M, block:RxC, channel, balanced:R, not "
    with pytest.raises(InputError, match=text + repr(name) + "$"):
        pattern_named(name)


def test_a_pattern_of_ones_own_is_taken():
    class Halves:
        def mask(self, scores, share):
            return torch.arange(scores.numel()).reshape(scores.shape) >= math.floor(share * scores.numel())

    assert magnitude(nn.Linear(4, 1), 0.5, pattern=Halves())["weight"].int().tolist() == [[0, 0, 1, 1]]
