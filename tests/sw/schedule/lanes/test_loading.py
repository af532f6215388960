"""Steps through the input: how many, of how many elements, and for which lanes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sim.image_builder import Builder

from zeroskip.contracts.graph import INPUT, Window
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.contracts.timing import INPUT_ROW_PAUSE
from zeroskip.schedule.lanes.loading import Loading, enough, loading
from zeroskip.schedule.lanes.network import plan
from zeroskip.schedule.lanes.plan import OwnedPlan

sizes = st.sampled_from([1, 2, 4, 8])


def network(shape: tuple[int, int, int], outputs: int = 4, size: int = 1) -> QuantizedNetwork:
    builder = Builder(np.random.default_rng(0))
    builder.input(shape)
    return builder.network(builder.conv(INPUT, outputs, Window(kernel=(size, size)), pattern="full"))


def planned(shape: tuple[int, int, int], lanes: int, **options: int) -> OwnedPlan:
    return plan(network(shape, **options), lanes, 2, 1, 8)


@settings(max_examples=200)
@given(st.integers(1, 20), st.integers(1, 5), st.integers(1, 9), sizes, sizes)
def test_a_step_ends_with_its_pixel_and_with_its_beat(
    channels: int, height: int, width: int, elements: int, beat: int
) -> None:
    steps, element = 0, 0
    for _ in range(height * width):
        left = channels
        while left:
            taken = min(elements, left, beat - element)
            left, element, steps = left - taken, (element + taken) % beat, steps + 1
    found = Loading(elements=elements, by_channel=True).cycles((channels, height, width), beat)
    assert found == steps + height * INPUT_ROW_PAUSE


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 12), st.integers(1, 9), sizes, sizes)
def test_elements_of_a_step_go_to_different_lanes(channels: int, lanes: int, most: int, beat: int) -> None:
    placed = planned((channels, 3, 5), lanes)
    how = loading(placed, min(most, beat), beat)
    assert how.elements <= min(most, beat)
    hosting, at = placed.tensors[INPUT].hosting.lanes, 0
    for _ in range(3 * 5):
        begin = 0
        while begin < channels:
            count = min(how.elements, channels - begin, beat - at % beat)
            assert begin in how.begins(channels)
            assert hosting[begin : begin + count].sum(axis=0).max() <= 1
            begin, at = begin + count, at + count


@pytest.mark.parametrize(
    "shape, lanes, most, elements, by_channel",
    [
        ((3, 4, 4), 4, 4, 4, True),  # pixels begin anywhere in a beat
        ((4, 4, 4), 4, 4, 4, False),
        ((3, 4, 4), 4, 1, 1, False),
        ((1, 4, 4), 4, 4, 1, False),  # a step has elements of one pixel
        ((6, 1, 1), 8, 4, 4, False),  # a vector begins with a beat
        ((3, 4, 4), 1, 4, 1, False),  # a lane takes one
    ],
)
def test_the_fastest_and_of_these_the_one_with_the_fewest_words(
    shape: tuple[int, int, int], lanes: int, most: int, elements: int, by_channel: bool
) -> None:
    assert loading(planned(shape, lanes), most, 4) == Loading(elements=elements, by_channel=by_channel)


@pytest.mark.parametrize("outputs, size, elements", [(1, 1, 4), (3, 5, 2), (40, 5, 1)])
def test_as_many_elements_as_the_latency_is_worth(outputs: int, size: int, elements: int) -> None:
    """Of a sample whose loading takes longer than its layer, a part as long, a small part."""
    assert enough(planned((4, 16, 16), 4, outputs=outputs, size=size), 4).elements == elements
