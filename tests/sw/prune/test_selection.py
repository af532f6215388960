from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from zeroskip.prune.selection import exact_sparsity, remove_lowest, removed_count, select
from zeroskip.spec.errors import InputError


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


@given(st.lists(st.integers(0, 3), min_size=1, max_size=60), st.floats(0, 1))
def test_exactly_the_lowest_go_and_of_equals_the_first(values, sparsity):
    count = removed_count(sparsity, len(values))
    kept = remove_lowest(torch.tensor(values, dtype=torch.float32), count)
    expected = sorted(range(len(values)), key=lambda index: (values[index], index))[:count]
    assert torch.nonzero(~kept).flatten().tolist() == sorted(expected)


@pytest.mark.parametrize("sparsity", [-0.1, 1.0001, float("nan"), float("inf"), "0.5", None, True, torch.tensor(0.5)])
def test_other_sparsities_are_refused(sparsity):
    with pytest.raises(InputError, match=r"^sparsity must be a number from 0 to 1, not "):
        exact_sparsity(sparsity)


def test_an_unknown_scope_is_refused():
    with pytest.raises(InputError, match=r"^scope must be 'layer' or 'global', not 'all'$"):
        select({"a": torch.ones(2)}, 0.5, scope="all")


def test_scores_that_are_not_finite_are_refused():
    with pytest.raises(InputError, match=r"^scores of 'a' must be finite, but hold NaN or infinity$"):
        select({"a": torch.tensor([1.0, float("nan")])}, 0.5)


def test_global_scores_of_different_types_compare_exactly():
    masks = select(
        {"a": torch.tensor([0.5, 2.0], dtype=torch.bfloat16), "b": torch.tensor([1.0, 0.5])}, 0.5, scope="global"
    )
    assert masks["a"].tolist() == [False, True]
    assert masks["b"].tolist() == [True, False]


def test_memory_layout_does_not_change_the_order_among_equals():
    scores = torch.ones(2, 3).T  # stored column by column
    assert remove_lowest(scores, 2).tolist() == [[False, False], [True, True], [True, True]]
