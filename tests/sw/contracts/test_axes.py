"""The order of elements at the ends of a network."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zeroskip.contracts.axes import PLAIN, Axes


@given(st.data())
def test_every_permutation_of_axes_is_found_again(data: st.DataObject) -> None:
    shape = tuple(data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=5)))
    axes = tuple(data.draw(st.permutations(range(len(shape)))))
    order = np.arange(prod(shape)).reshape(shape).transpose(axes).reshape(-1)
    found = Axes.of(order)
    assert found is not None
    values = np.random.default_rng(1).normal(size=(3, *shape))
    image = found.to_image(values, (order.size, 1, 1))
    np.testing.assert_array_equal(image.reshape(3, -1), values.reshape(3, -1)[:, order])
    np.testing.assert_array_equal(found.from_image(image, shape), values)


@pytest.mark.parametrize("order", [[1, 0], [0, 2, 1, 3, 4, 5], [0, 1, 3, 2], [0, 2, 4, 1, 5, 3], [2, 0, 1]])
def test_no_axes_for_an_order_that_does_not_walk_evenly(order: list[int]) -> None:
    assert Axes.of(np.array(order)) is None


def test_no_samples_and_no_change() -> None:
    assert Axes.of(np.arange(12)) == PLAIN
    assert PLAIN.to_image(np.zeros((0, 2, 3)), (6, 1, 1)).shape == (0, 6, 1, 1)
    assert PLAIN.from_image(np.zeros((0, 6, 1, 1)), (2, 3)).shape == (0, 2, 3)
    behind = Axes((4, 3), (1, 0))
    assert behind.to_image(np.zeros((0, 2, 2, 3)), (3, 2, 2)).shape == (0, 3, 2, 2)


def test_axes_must_be_a_permutation() -> None:
    with pytest.raises(ValueError, match=r"^axes must be a permutation of those of \(2, 3\), not \(0, 0\)$"):
        Axes((2, 3), (0, 0))
