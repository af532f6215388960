"""Windows as addresses: mask words laid over the taps that are used."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sim.any_image_network import image_networks
from tests.sim.image_builder import Builder

from zeroskip.contracts.graph import INPUT, Shape, Window
from zeroskip.contracts.network import IntArray, QuantizedLayer, QuantizedNetwork
from zeroskip.schedule.strips.geometry import View, strip_rows, views
from zeroskip.schedule.strips.taps import stored_weights, tap_addresses

SAME_3 = Window(kernel=(3, 3), padding=(1, 1, 1, 1))


def layer_and_view(shape: Shape, weight: IntArray, window: Window, groups: int = 1) -> tuple[QuantizedLayer, View]:
    """One layer on one column."""
    builder = Builder(np.random.default_rng(0))
    builder.input(shape)
    network = builder.network(builder.add(INPUT, weight, window, groups))
    return network.layers[0], views(network, 1, *strip_rows(network, 1))[INPUT]


@settings(max_examples=60)
@given(image_networks(), st.integers(1, 16), st.sampled_from([8, 16, 32, 64]))
def test_stored_weights_are_the_weights(network: QuantizedNetwork, columns: int, word: int) -> None:
    found = views(network, columns, *strip_rows(network, columns))
    for layer in network.layers:
        if layer.source not in found:
            continue
        stored = stored_weights(layer, found[layer.source], word)
        weight = layer.weight.reshape(layer.outputs, -1)
        taps = stored.columns[stored.columns >= 0]
        assert len(set(taps.tolist())) == len(taps)
        assert stored.mask.shape == stored.weight.shape == (layer.outputs, len(stored.offsets) * word)
        assert not stored.mask[:, stored.columns < 0].any()
        restored = np.zeros_like(weight)
        restored[:, taps] = stored.weight[:, stored.columns >= 0]
        np.testing.assert_array_equal(restored, weight)
        # Beside the weights only rows without any have an entry, one zero.
        empty = ~weight.any(axis=1)
        np.testing.assert_array_equal(stored.mask[~empty], stored.weight[~empty] != 0)
        assert (stored.mask[empty].sum(axis=1) == 1).all()
        # A word's bits are neighbouring addresses, and words do not overlap.
        assert all(b - a >= word for a, b in pairwise(stored.offsets))
        addresses = tap_addresses(layer, found[layer.source])
        for column in np.flatnonzero(stored.columns >= 0).tolist():
            assert addresses[stored.columns[column]] == stored.offsets[column // word] + column % word


def test_a_kernel_row_with_all_its_channels_fills_words() -> None:
    """3x3 on 4 channels and an image 5 wide: a kernel row is 12 neighbouring addresses, the next begins 28 on."""
    layer, view = layer_and_view((4, 5, 5), np.ones((2, 4, 3, 3), dtype=np.int64), SAME_3)
    stored = stored_weights(layer, view, 16)
    assert stored.offsets == (0, 28, 56)
    # Channel after channel within a pixel: taps are numbered channel first.
    assert stored.columns[:16].tolist() == [0, 9, 18, 27, 1, 10, 19, 28, 2, 11, 20, 29, -1, -1, -1, -1]


def test_words_begin_at_taps_that_are_used() -> None:
    weight = np.zeros((2, 4, 3, 3), dtype=np.int64)
    weight[0, 2, 0, 1], weight[1, 1, 2, 2], weight[1, 3, 2, 2] = 5, -1, 7
    layer, view = layer_and_view((4, 5, 5), weight, SAME_3)
    stored = stored_weights(layer, view, 8)
    assert stored.offsets == (1 * 4 + 2, 2 * 28 + 2 * 4 + 1)
    assert np.flatnonzero(stored.mask[0]).tolist() == [0]
    assert np.flatnonzero(stored.mask[1]).tolist() == [8, 10]
    assert stored.weight[stored.mask].tolist() == [5, -1, 7]


def test_a_depthwise_window_lies_in_one_plane() -> None:
    layer, view = layer_and_view((4, 5, 5), np.ones((4, 1, 3, 3), dtype=np.int64), SAME_3, groups=4)
    assert view.planar
    stored = stored_weights(layer, view, 32)
    assert stored.offsets == (0,)
    assert np.flatnonzero(stored.mask[3]).tolist() == [0, 1, 2, 7, 8, 9, 14, 15, 16]
    assert stored.columns[:10].tolist() == [0, 1, 2, -1, -1, -1, -1, 3, 4, 5]


@pytest.mark.parametrize("empty", [[0], [1], [0, 1]])
def test_rows_without_weights_keep_a_zero(empty: list[int]) -> None:
    weight = np.zeros((2, 3, 1, 1), dtype=np.int64)
    weight[:, 2] = 4
    weight[empty] = 0
    layer, view = layer_and_view((3, 4, 4), weight, Window())
    stored = stored_weights(layer, view, 8)
    assert stored.mask.sum(axis=1).tolist() == [1, 1]
    assert stored.weight.sum(axis=1).tolist() == [0 if row in empty else 4 for row in (0, 1)]
    assert stored.offsets == ((0,) if len(empty) == 2 else (2,))
