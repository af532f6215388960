from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from zeroskip.contracts.errors import InputError
from zeroskip.prune.masks.selection import Selection, exact_sparsity


def removed_count(sparsity, total):
    return exact_sparsity(sparsity) * total // 1


@pytest.mark.parametrize(
    "sparsity, total, removed",
    [
        (0.29, 100, 29),  # 0.29 * 100 is 28.999999999999996
        (0.57, 100, 57),  # 0.57 * 100 is 56.99999999999999
        (0.7, 10, 7),
        (0.1, 3, 0),
        (1 / 3, 3, 0),  # 0.3333333333333333 as written, which is below a third
        (0, 5, 0),
        (1, 5, 5),
        (1.0, 0, 0),
        (Fraction(1, 3), 3, 1),
        (Decimal("0.9"), 30, 27),
        (np.float32(0.7), 10, 7),
        (np.float64(0.29), 100, 29),
        (5e-324, 10, 0),
    ],
)
def test_counts_are_those_of_the_decimal_as_written(sparsity, total, removed):
    assert removed_count(sparsity, total) == removed


@given(st.integers(0, 10_000), st.integers(0, 5_000))
def test_four_digits_are_exact(digits, total):
    assert removed_count(digits / 10_000, total) == digits * total // 10_000


@pytest.mark.parametrize("sparsity", [-0.1, 1.0001, float("nan"), float("inf"), "0.5", None, True, torch.tensor(0.5)])
def test_other_sparsities_are_refused(sparsity):
    with pytest.raises(InputError, match=r"^sparsity must be a number from 0 to 1, not "):
        exact_sparsity(sparsity)


def test_an_unknown_allocation_is_refused(mlp):
    with pytest.raises(InputError, match=r"^allocation must be one of uniform, global, erk, lamp, not 'all'$"):
        Selection.of(mlp, 0.5, "all")


def test_sparsities_by_layer_leave_nothing_to_allocate(mlp):
    with pytest.raises(
        InputError, match=r"^allocation 'global' chooses each layer's sparsity, but sparsities are given$"
    ):
        Selection.of(mlp, {"0": 0.5}, "global")


def test_an_excluded_layer_keeps_all_even_if_a_sparsity_is_given(mlp):
    masks = Selection.of(mlp, {"0": 0.5, "2": 0.5}, exclude="2").masks(
        {"0.weight": mlp[0].weight, "2.weight": mlp[2].weight}
    )
    assert int(masks["0.weight"].sum()) == 96
    assert masks["2.weight"].all()


def test_scores_that_are_not_finite_are_refused(mlp):
    scores = {"0.weight": torch.full((16, 12), float("nan")), "2.weight": torch.ones(4, 16)}
    with pytest.raises(InputError, match=r"^scores of '0\.weight' must be finite, but hold NaN or infinity$"):
        Selection.of(mlp, 0.5).masks(scores)
    assert Selection.of(mlp, 0.5, exclude="0").masks(scores)["0.weight"].all()


def test_global_scores_of_different_types_compare_exactly():
    model = nn.Sequential(nn.Linear(2, 1), nn.Linear(2, 1))
    scores = {
        "0.weight": torch.tensor([[0.5, 2.0]], dtype=torch.bfloat16),
        "1.weight": torch.tensor([[1.0, 0.5]], dtype=torch.float64),
    }
    masks = Selection.of(model, 0.5, "global").masks(scores)
    assert masks["0.weight"].tolist() == [[False, True]]
    assert masks["1.weight"].tolist() == [[True, False]]
