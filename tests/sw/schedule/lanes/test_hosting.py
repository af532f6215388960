"""Who stores a channel: everybody who needs it, at one place, and in no more places than said."""

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
from zeroskip.schedule.lanes.choice import choose
from zeroskip.schedule.lanes.dealing import counts, deal
from zeroskip.schedule.lanes.hosting import channel_weights, first_channels, host, share, shareable
from zeroskip.schedule.lanes.network import plan


def read(network: QuantizedNetwork) -> set[str]:
    return {layer.source for layer in network.layers}


@settings(max_examples=80)
@given(image_networks(), st.integers(1, 20))
def test_every_channel_has_one_place_in_every_lane_that_stores_it(network: QuantizedNetwork, lanes: int) -> None:
    network = prepared(network)
    for tensor in read(network):
        channels = network.shapes[tensor][0]
        hosting = host(network, tensor, lanes)
        assert hosting.lanes.shape == (channels, lanes)
        assert hosting.lanes.any(axis=1).all()
        for lane in range(lanes):
            slots = hosting.slots[hosting.lanes[:, lane]]
            assert len(set(slots.tolist())) == len(slots)
        assert hosting.depth <= channels


@settings(max_examples=80)
@given(image_networks(), st.integers(1, 20))
def test_every_weight_lies_in_a_lane_that_stores_its_channel(network: QuantizedNetwork, lanes: int) -> None:
    network = prepared(network)
    for layer in network.layers:
        hosting = host(network, layer.source, lanes)
        lane = deal(layer, hosting)
        stored = lane >= 0
        assert (stored | (layer.weight == 0)).all()
        assert stored.any(axis=(1, 2, 3)).all()
        empty = ~(layer.weight != 0).any(axis=(1, 2, 3))
        assert stored.sum() == np.count_nonzero(layer.weight) + empty.sum()
        row, channel, *_ = np.nonzero(stored)
        assert hosting.lanes[first_channels(layer)[row] + channel, lane[stored]].all()
        found = counts(lane, lanes)
        assert (found.sum(axis=1) == stored.sum(axis=(1, 2, 3))).all()
        if layer.groups > 1:  # what a row of a grouped layer reads is in one lane; a maximum has no partial sums to add
            assert (np.count_nonzero(found, axis=1) == 1).all()


@pytest.mark.parametrize("lanes, columns", [(2, 4), (2, 1), (3, 2), (8, 8)])
@pytest.mark.parametrize(
    "shape, size", [((1, 1, 1), (5, 1)), ((1, 4, 4), (2, 2)), ((1, 5, 1), (5, 1)), ((1, 6, 6), (3, 3))]
)
def test_a_maximum_of_one_channel_lies_in_one_lane(
    shape: tuple[int, int, int], size: tuple[int, int], lanes: int, columns: int
) -> None:
    """It has no partial sums: what two lanes found would be added up."""
    builder = Builder(np.random.default_rng(0))
    builder.input(shape)
    window = Window(kernel=size, padding=(size[0] // 2, 0, size[0] // 2, 0))
    (layer,) = plan(builder.network(builder.maximum(INPUT, window)), lanes, columns, 1, 4).layers
    assert sum(bool(share.mask.any()) for share in layer.shares) == 1


def dense(channels: int, outputs: int, seed: int = 0) -> QuantizedNetwork:
    builder = Builder(np.random.default_rng(seed))
    builder.input((channels, 6, 6))
    return builder.network(builder.conv(INPUT, outputs, Window(kernel=(3, 3), padding=(1, 1, 1, 1)), pattern="full"))


@pytest.mark.parametrize("channels, lanes, depth", [(3, 8, 1), (64, 8, 8), (60, 8, 8), (16, 16, 1), (8, 1, 8)])
def test_places_of_a_lane(channels: int, lanes: int, depth: int) -> None:
    assert host(dense(channels, 4), INPUT, lanes).depth == depth


@settings(max_examples=40)
@given(st.integers(1, 16), st.integers(1, 16), st.integers(1, 16), st.integers(0, 99))
def test_shared_channels_are_stored_in_all_places(channels: int, lanes: int, depth: int, seed: int) -> None:
    network = dense(channels, 4, seed)
    depth = min(max(depth, -(-channels // lanes)), channels)
    assert shareable(network, INPUT, lanes) == (channels <= 2 * lanes)
    hosting = share(network, INPUT, lanes, depth)
    assert hosting.depth == depth
    assert hosting.lanes.any(axis=1).all()
    assert (hosting.lanes.sum(axis=0) == depth).all()
    for slot in range(depth):
        assert (hosting.lanes[hosting.slots == slot].sum(axis=0) == 1).all()


@pytest.mark.parametrize("channels, lanes, depth", [(3, 8, 2), (3, 16, 3), (16, 16, 1), (8, 1, 8)])
def test_no_more_places_than_level_lanes_want(channels: int, lanes: int, depth: int) -> None:
    network = dense(channels, 16)
    layer = network.layers[0]
    hosting = choose(network, lanes, 1, 1, 1)[0][INPUT]
    assert hosting.depth == depth
    found = counts(deal(layer, hosting), lanes).sum(axis=0)
    assert found.max() <= 1.05 * found.mean()


def test_channels_of_a_group_stay_together() -> None:
    builder = Builder(np.random.default_rng(1))
    builder.input((12, 4, 4))
    network = builder.network(builder.conv(INPUT, 12, Window(kernel=(3, 3)), groups=4, pattern="full"))
    hosting = host(network, INPUT, 3)
    for group in range(4):
        mine = slice(3 * group, 3 * group + 3)
        assert (hosting.lanes[mine] == hosting.lanes[mine][0]).all()
        assert (np.diff(hosting.slots[mine]) == 1).all()


def test_kept_weights_are_counted_by_row_and_channel() -> None:
    builder = Builder(np.random.default_rng(2))
    builder.input((4, 4, 4))
    network = builder.network(builder.conv(INPUT, 4, Window(kernel=(2, 2)), groups=2, pattern="full"))
    found = channel_weights(network.layers[0], 4)
    assert found.tolist() == [[4, 4, 0, 0], [4, 4, 0, 0], [0, 0, 4, 4], [0, 0, 4, 4]]
