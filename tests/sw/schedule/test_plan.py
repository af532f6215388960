"""Placement in the memories, and the refusal of what does not fit."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sim.any_network import any_network
from tests.sim.chain import chain
from tests.sim.networks import random_network

from zeroskip.contracts.config import CAPACITIES, ArrayConfig
from zeroskip.contracts.errors import CapacityError
from zeroskip.contracts.layout import Layout
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.pack import pack
from zeroskip.schedule import schedule

ROOM = ArrayConfig(
    strips=False, maximum=False, residual=False, slopes=False, table_depth=0, lanes=3, word=16, acc_bits=30, mask_depth=4096, weight_depth=4096, input_depth=200, hidden_depth=500,
    output_depth=200, row_depth=1024, layer_depth=6,
)  # fmt: skip


@pytest.fixture
def network() -> QuantizedNetwork:
    return random_network(np.random.default_rng(3), (40, 30, 20, 10), 0.4, 8)


def test_open_capacities_are_sized_to_the_network(network):
    config = schedule(network, ArrayConfig(lanes=4, word=32)).config
    assert config.sized
    assert config.input_depth == 40
    assert config.output_depth == 10
    assert config.row_depth == 60
    assert config.layer_depth == 3
    assert config.hidden_depth == 64
    nnz = sum(np.count_nonzero(layer.weight) for layer in network.layers)
    assert nnz / 4 <= config.weight_depth <= nnz / 4 + 3


@given(st.integers(0, 2**32), st.integers(1, 64), st.sampled_from([8, 16, 32, 64]), st.sampled_from([8, 64]))
def test_images_fill_the_sized_memories_and_no_more(seed, lanes, word, stream_bits):
    network = any_network(np.random.default_rng(seed), ROOM, largest=60)
    plan = schedule(network, ArrayConfig(lanes=lanes, word=word, stream_bits=stream_bits))
    program, layout = pack(plan), Layout(plan.config)
    assert set(program.images) == {memory.name for memory in layout.memories}
    longest = dict.fromkeys(("masks", "weights"), 0)
    for memory in layout.memories:
        image = program.images[memory.name]
        assert len(image) <= memory.depth, memory.name
        assert all(0 <= value < 1 << memory.width for value in image), memory.name
        if memory.name.startswith("lane"):
            kind = memory.name.split(".")[1]
            longest[kind] = max(longest[kind], len(image))
    assert longest["weights"] == plan.config.weight_depth
    assert plan.config.mask_depth - longest["masks"] < 2 * len(plan.layers)


@given(st.integers(0, 2**32))
def test_no_layer_writes_where_it_reads(seed):
    network = any_network(np.random.default_rng(seed), ROOM, largest=60)
    layers = schedule(network, ROOM).layers
    for before, layer in pairwise(layers):
        store = int(before.places[0])
        assert store % ROOM.word == 0
        assert layer.first_group * ROOM.word == store
        read = set(range(store, store + layer.mask.shape[1]))
        assert set(before.places.tolist()) == read
        if layer is not layers[-1]:
            written = set(layer.places.tolist())
            assert len(written) == len(layer.rows)
            assert not read & written
            assert max(read | written) < ROOM.hidden_depth


def test_capacities_that_are_given_stay(network):
    sized = schedule(network, ArrayConfig(lanes=4)).config
    assert schedule(network, sized).config == sized
    assert schedule(network, replace(sized, weight_depth=1000)).config.weight_depth == 1000


@pytest.mark.parametrize("name", ["acc_bits", *CAPACITIES])
def test_a_capacity_too_small_by_one_is_refused(network, name):
    sized = schedule(network, ArrayConfig(lanes=4)).config
    needed = getattr(sized, name)
    with pytest.raises(
        CapacityError, match=rf"^ArrayConfig\.{name} must be at least {needed} for this network, not {needed - 1}$"
    ):
        schedule(network, replace(sized, **{name: needed - 1}))


def test_weights_of_another_width_are_refused(network):
    with pytest.raises(CapacityError, match=r"^ArrayConfig\.weight_bits is 4, but the network has 8-bit weights$"):
        schedule(network, ArrayConfig(weight_bits=4))


def test_an_accumulator_beyond_the_widest_is_refused(network):
    first = replace(network.layers[0], bias=np.full(30, 1 << 39))
    wide = replace(network, layers=(first, *network.layers[1:]))
    with pytest.raises(CapacityError, match=r"^ArrayConfig\.acc_bits can be at most 40, but this network needs 41$"):
        schedule(wide, ArrayConfig())


def test_more_layers_than_any_array_has_are_refused():
    deep = random_network(np.random.default_rng(1), [2] * 66, 1.0, 8)
    with pytest.raises(CapacityError, match=r"^ArrayConfig\.layer_depth can be at most 64, but this network needs 65$"):
        schedule(deep, ArrayConfig())


def test_more_outputs_than_any_array_holds_are_refused():
    network = random_network(np.random.default_rng(1), [1, 1], 1.0, 8)
    layer = network.layers[0]
    outputs = 1 << 20
    many = {
        name: np.full((outputs, *getattr(layer, name).shape[1:]), 1)
        for name in ("weight", "bias", "multiplier", "shift")
    }
    network = chain([replace(layer, **many)], [network.input, network.output], 8)
    match = r"^ArrayConfig\.output_depth can be at most 1048575, but this network needs 1048576$"
    with pytest.raises(CapacityError, match=match):
        schedule(network, ArrayConfig(lanes=64))
