"""Heights of strips: what is read lies where its reader looks for it, and higher strips are taken only where they pay."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sim.any_image_network import image_networks
from tests.sim.image_builder import Builder

from zeroskip.contracts.graph import INPUT, Window
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.schedule import prepared
from zeroskip.schedule.strips.heights import strip_heights, writes
from zeroskip.schedule.strips.readers import across

SAME_3 = Window(kernel=(3, 3), padding=(1, 1, 1, 1))
HALVE_3 = Window(kernel=(3, 3), stride=(2, 2), padding=(1, 1, 1, 1))


@settings(max_examples=80)
@given(image_networks(), st.integers(1, 16), st.integers(1, 50))
def test_strips_hold_the_image_and_agree(network: QuantizedNetwork, columns: int, work: int) -> None:
    network = prepared(network)
    heights = strip_heights(network, columns, lambda _, count: max(work, 4 * count))
    for layer in network.layers:
        height = network.shapes[layer.output][1]
        computed = heights.computed[layer.name]
        assert computed * columns >= height
        if height > 1:
            assert heights.stored[layer.source] == computed * layer.window.stride[0]
            if layer.residual is not None:
                assert heights.stored[layer.residual] == computed
    for tensor, rows in heights.stored.items():
        assert rows * columns >= network.shapes[tensor][1]


@given(st.integers(1, 40), st.integers(1, 12), st.integers(1, 12), st.booleans())
def test_writes_are_the_addresses_of_a_band(height: int, computed: int, stored: int, gathered: bool) -> None:
    found = writes(height, computed, stored, gathered=gathered)
    assert len(found) == min(computed, height)
    for band, count in enumerate(found):
        places = set()
        for row in range(band, height, computed):
            places.add((row % stored, row // stored - row // computed))
            if gathered:
                places.add((row, -(row // computed)))
        assert count == len(places)
    if computed == stored and not gathered:
        assert set(found) == {1}


def chain(*windows: Window, shape: tuple[int, int, int] = (4, 24, 8)) -> QuantizedNetwork:
    builder = Builder(np.random.default_rng(0))
    builder.input(shape)
    tensor = INPUT
    for window in windows:
        tensor = builder.conv(tensor, 4, window, pattern="full")
    return builder.network(tensor)


@pytest.mark.parametrize("writing, stored", [(0, [3, 3, 4, 2]), (100, [4, 4, 4, 2])])
def test_strips_change_where_writing_is_free_and_not_where_it_is_dear(writing: int, stored: list[int]) -> None:
    """24 rows on 8 columns: strips of 3, but the stride wants an even number."""
    network = chain(SAME_3, SAME_3, HALVE_3, SAME_3)
    heights = strip_heights(network, 8, lambda _, count: max(10, writing * count))
    assert [heights.stored[layer.source] for layer in network.layers] == stored


def test_an_average_over_the_image_is_taken_across_the_columns() -> None:
    builder = Builder(np.random.default_rng(0))
    builder.input((4, 8, 8))
    network = builder.network(builder.conv(INPUT, 4, Window(kernel=(8, 8)), groups=4, pattern="full"))
    layer = network.layers[0]
    assert not across(network, layer)  # weights that differ from place to place
    layer.weight[:] = 3
    assert across(network, layer)
