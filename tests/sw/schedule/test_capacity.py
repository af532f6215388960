"""The array that a network of images needs, and the refusal of every other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.sim.image_builder import Builder
from tests.sim.image_cases import case
from tests.sim.networks import random_network

import zeroskip.contracts.config
from zeroskip.contracts.config import CAPACITIES, FEATURES, STRIP_CAPACITIES, ArrayConfig
from zeroskip.contracts.errors import CapacityError
from zeroskip.contracts.graph import POINTWISE, Shape, Window
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.schedule import capacity, schedule
from zeroskip.schedule.dense import dense_cycles

USES = {
    "maximum": "maxpool_overlapping", "residual": "residual_with_other_scale", "slopes": "prelu", "table_depth": "table_then_convolution",
}  # fmt: skip
"""By feature, a case that uses it and no other."""

ARRAY = ArrayConfig(lanes=2, columns=3)


def chain(inputs: Shape, *outputs: int, window: Window = POINTWISE, **rest: int) -> QuantizedNetwork:
    """Layers of so many outputs each, whose masks are full."""
    builder = Builder(np.random.default_rng(1))
    tensor = builder.input(inputs)
    for count in outputs:
        tensor = builder.conv(tensor, count, window, pattern="full", **rest)
    return builder.network(tensor)


@pytest.mark.parametrize("feature, name", USES.items())
def test_open_features_and_capacities_are_those_of_the_network(feature, name):
    config = schedule(case(name), ARRAY).config
    assert config.sized
    assert config.strips is True
    assert [used for used in USES if getattr(config, used)] == [feature]
    assert schedule(case(name), config).config == config


@pytest.mark.parametrize("columns", [1, 3])
def test_a_chain_on_vectors_goes_to_a_flat_array_unless_strips_are_asked_for(columns):
    network = random_network(np.random.default_rng(1), (20, 12, 6), 0.5, 8)
    flat = schedule(network, ArrayConfig(columns=columns)).config
    assert flat.sized
    assert not any(getattr(flat, name) for name in (*FEATURES, "table_depth", *STRIP_CAPACITIES))
    assert schedule(network, ArrayConfig(columns=columns, strips=False)).config == flat
    strips = schedule(network, ArrayConfig(columns=columns, strips=True)).config
    assert strips.sized
    assert strips.strips is True


@pytest.mark.parametrize("different", [1, 2, 3])
def test_equal_tables_are_stored_once(different):
    network = chain((2, 3, 3), 4, 4, 4, table=True)
    tables = [network.layers[min(number, different - 1)].table for number in range(3)]
    layers = tuple(replace(layer, table=table) for layer, table in zip(network.layers, tables, strict=True))
    plan = schedule(replace(network, layers=layers), ARRAY)
    assert plan.config.table_depth == len(plan.tables) == different
    assert [plan.tables[layer.program["table"]].tolist() for layer in plan.layers] == [
        table.tolist() for table in tables
    ]


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["acc_bits", *CAPACITIES, *STRIP_CAPACITIES, "table_depth"])
def test_a_capacity_too_small_by_one_is_refused(name):
    network = chain((3, 7, 5), 4, 5, 6, window=Window(kernel=(3, 3), padding=(1, 1, 1, 1)), table=True)
    sized = schedule(network, ARRAY).config
    needed = getattr(sized, name)
    assert needed > 1, "0 would leave it to the network"
    with pytest.raises(
        CapacityError, match=rf"^ArrayConfig\.{name} must be at least {needed} for this network, not {needed - 1}$"
    ):
        schedule(network, replace(sized, **{name: needed - 1}))


@pytest.mark.parametrize("name", ["maximum", "residual", "slopes"])
def test_a_feature_that_the_array_lacks_is_refused(name):
    with pytest.raises(CapacityError, match=rf"^ArrayConfig\.{name} must be true for this network, not false$"):
        schedule(case(USES[name]), replace(ARRAY, **{name: False}))


def test_a_table_that_the_array_lacks_is_refused():
    with pytest.raises(CapacityError, match=r"^ArrayConfig\.table_depth must be at least 1 for this network, not 0$"):
        schedule(case(USES["table_depth"]), replace(ARRAY, table_depth=0))


@pytest.mark.parametrize(
    "name", ["pointwise", "maxpool_overlapping", "fully_connected_with_a_residual", "concat_of_vectors"]
)
def test_a_flat_array_refuses_what_is_no_chain_on_vectors(name):
    with pytest.raises(
        CapacityError,
        match=r"^ArrayConfig\.strips must be true for this network, which is not a chain of fully connected layers$",
    ):
        schedule(case(name), ArrayConfig(strips=False))


def test_more_tables_than_any_array_has_are_refused():
    assert schedule(chain((1, 2, 2), *[1] * 16, table=True), ARRAY).config.table_depth == 16
    with pytest.raises(CapacityError, match=r"^ArrayConfig\.table_depth can be at most 16, but this network needs 17$"):
        schedule(chain((1, 2, 2), *[1] * 17, table=True), ARRAY)


@pytest.mark.parametrize(
    "name, message",
    [
        ("channels", "input: at most 65536 channels, not 65537"),
        ("input_row", "input: at most 4096 pixels in a row, not 4097"),
        ("output_row", "layer 'l0': at most 4096 output pixels in a row, not 4098"),
        ("positions", "layer 'l0': at most 65536 output positions in a strip, not 65552"),
        ("outputs", "layer 'l0': at most 4096 outputs in a group, not 4097"),
        ("writes", "input: at most 256 writes of one element, not 258"),
        ("result_writes", "layer 'l0': at most 256 writes of one element, not 258"),
    ],
)
def test_more_than_the_words_can_count_is_refused(name, message):
    wide = Window(kernel=(1, 258), padding=(0, 257, 0, 0))
    networks = {
        "channels": lambda: chain((65537, 1, 1), 1), "input_row": lambda: chain((1, 1, 4097), 1),
        "output_row": lambda: chain((1, 1, 4096), 1, window=Window(padding=(0, 1, 0, 1))),
        "positions": lambda: chain((1, 17 * 3, 3856), 1), "outputs": lambda: chain((2, 1, 1), 2 * 4097, groups=2),
        "writes": lambda: chain((1, 1, 2), 1, window=wide), "result_writes": lambda: padded_behind_a_layer(wide),
    }  # fmt: skip
    with pytest.raises(CapacityError, match=f"^{message}$"):
        schedule(networks[name](), replace(ARRAY, strips=True))


def padded_behind_a_layer(window: Window) -> QuantizedNetwork:
    """Of which the layer's results are written with the padding that the next one reads."""
    builder = Builder(np.random.default_rng(1))
    hidden = builder.conv(builder.input((1, 1, 2)), 1, pattern="full")
    return builder.network(builder.conv(hidden, 1, window, pattern="full"))


def test_an_array_that_is_only_compared_with_may_be_larger_than_any(monkeypatch):
    """The dense run of a network whose sparse one fits: no array could hold all its weights."""
    monkeypatch.setattr(capacity, "LARGEST_DEPTH", 2000)
    network = random_network(np.random.default_rng(1), (60, 60), 0.1, 8)
    config = schedule(network, ArrayConfig(lanes=1)).config
    with pytest.raises(
        CapacityError, match=r"^ArrayConfig\.weight_depth can be at most 2000, but this network needs 35\d\d$"
    ):
        schedule(random_network(np.random.default_rng(1), (60, 60), 1.0, 8), ArrayConfig(lanes=1))
    assert dense_cycles(network, config).interval > 3600


def test_it_may_have_more_mask_words_too(monkeypatch):
    for module in (capacity, zeroskip.contracts.config):
        monkeypatch.setattr(module, "LARGEST_DEPTH", 400)
    network = random_network(np.random.default_rng(1), (60, 60), 1.0, 8)
    assert dense_cycles(network, ArrayConfig(lanes=1, word=8)).interval > 3500


@pytest.mark.slow
def test_a_sparse_layer_of_more_weights_than_any_memory_holds():
    network = random_network(np.random.default_rng(1), (1100, 1000), 0.1, 8)
    config = schedule(network, ArrayConfig(lanes=1)).config
    assert config.weight_depth < 120_000
    assert dense_cycles(network, config).interval > 1_100_000
