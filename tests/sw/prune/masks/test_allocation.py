from __future__ import annotations

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from zeroskip.prune import magnitude
from zeroskip.prune.masks.allocation import lamp_scores, shares


def removed(model, sparsity, allocation):
    return {name: int((~mask).sum()) for name, mask in magnitude(model, sparsity, allocation).items()}


@pytest.mark.parametrize("allocation", ["global", "erk", "lamp"])
@pytest.mark.parametrize("sparsity", [0, 0.1, 0.5, 0.77, 0.99, 1])
def test_exactly_so_many_of_all_weights_go(mixed, allocation, sparsity):
    gone = removed(mixed, sparsity, allocation)
    total = sum(mask.numel() for mask in magnitude(mixed, 0).values())
    assert sum(gone.values()) == math.floor(Fraction(str(sparsity)) * total)


def test_erk_densities_follow_the_sum_of_dimensions_over_their_product():
    model = nn.Sequential(nn.Linear(100, 300), nn.Conv2d(20, 30, 3))
    gone = removed(model, 0.9, "erk")
    kept = 0.1 * (30000 + 5400)
    factor = kept / (400 + 56)
    assert 30000 - gone["0.weight"] == pytest.approx(400 * factor, abs=1)
    assert 5400 - gone["1.weight"] == pytest.approx(56 * factor, abs=1)


def test_erk_leaves_small_layers_dense_and_takes_it_from_the_others():
    model = nn.Sequential(nn.Linear(100, 300), nn.Linear(300, 2))
    gone = removed(model, 0.5, "erk")
    assert gone["1.weight"] == 0
    assert gone["0.weight"] == (30000 + 600) // 2


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30)), min_size=1, max_size=6), st.integers(0, 1000))
def test_erk_is_exact_and_within_each_layer(sizes, thousandths):
    scores = {str(number): torch.ones(size) for number, size in enumerate(sizes)}
    found = shares("erk", Fraction(thousandths, 1000), scores, scores)
    assert all(0 <= share <= 1 for share in found.values())
    total = sum(rows * columns for rows, columns in sizes)
    gone = sum(found[str(number)] * rows * columns for number, (rows, columns) in enumerate(sizes))
    assert gone == Fraction(thousandths, 1000) * total // 1


def test_lamp_scores_by_hand():
    scores = lamp_scores(torch.tensor([[3.0, 1.0], [2.0, 0.0]]))
    assert torch.allclose(scores, torch.tensor([[1.0, 1 / 14], [4 / 13, 0.0]], dtype=torch.float64))
    assert not lamp_scores(torch.zeros(2, 2)).any()


def test_lamp_keeps_the_largest_weight_of_every_layer_to_the_last():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    with torch.no_grad():
        model[1].weight *= 1e-6
    assert removed(model, 30 / 32, "lamp") == {"0.weight": 15, "1.weight": 15}
    assert removed(model, 0.5, "global") == {"0.weight": 0, "1.weight": 16}


def test_the_earlier_layer_goes_first_among_equals():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    with torch.no_grad():
        model[0].weight.fill_(1)
        model[1].weight.fill_(1)
    assert removed(model, 0.75, "global") == {"0.weight": 4, "1.weight": 2}
