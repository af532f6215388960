"""What is folded and deleted changes no output by a single bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sim.any_network import any_inputs, any_network
from tests.sim.networks import random_network

from zeroskip import reference
from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.network import IntArray, QuantizedNetwork, accumulator_bound
from zeroskip.schedule import LoweredLayer, lower
from zeroskip.schedule.lower import requantize

ROOM = ArrayConfig(
    strips=False, maximum=False, residual=False, slopes=False, table_depth=0, word=8, acc_bits=30, mask_depth=4096, weight_depth=4096, input_depth=64, hidden_depth=128, output_depth=64,
    row_depth=512, layer_depth=6,
)  # fmt: skip

networks = st.builds(
    lambda seed: any_network(np.random.default_rng(seed), ROOM, largest=20, deepest=6), st.integers(0, 2**32)
)
banks = st.sampled_from([1, 2, 4, 8])


def compute(layers: tuple[LoweredLayer, ...], x: IntArray) -> IntArray:
    """What the array computes: each layer reads its stored columns, holes included, and writes its rows."""
    values = np.where(layers[0].columns >= 0, x[:, layers[0].columns], 111)
    for layer in layers:
        acc = values @ np.where(layer.mask, layer.weight, 0).T + layer.bias
        values = requantize(acc, layer.multiplier, layer.shift, layer.zero_point, layer.low, layer.high)
    return values


def without(network: QuantizedNetwork, layer: int, *, rows: object = (), columns: object = ()) -> QuantizedNetwork:
    """``network`` with these rows and columns of one layer pruned."""
    weight = network.layers[layer].weight.copy()
    weight[rows, :] = 0
    weight[:, columns] = 0
    layers = list(network.layers)
    layers[layer] = replace(layers[layer], weight=weight)
    return replace(network, layers=tuple(layers))


@given(networks, banks, st.integers(0, 2**32))
def test_the_lowered_network_equals_the_reference(network, banks, seed):
    x = any_inputs(np.random.default_rng(seed), network, 6)
    np.testing.assert_array_equal(compute(lower(network, banks), x), reference.run(network, x))


@given(networks, banks)
def test_only_what_is_worth_computing_remains(network, banks):
    layers = lower(network, banks)
    for i, layer in enumerate(layers):
        assert layer.mask.any(axis=1).all(), f"layer {i}: a row without weights"
        assert (layer.weight[~layer.mask] == 0).all()
        assert layer.name == network.layers[i].name
        if i:
            assert layer.mask.any(axis=0).all(), f"layer {i}: a column that nothing reads"
            assert layer.columns.tolist() == layers[i - 1].rows.tolist()
        stored = layer.columns >= 0
        original = network.layers[i].weight[:, :, 0, 0][np.ix_(layer.rows, layer.columns[stored])]
        if network.layers[i].weight.any() and layer.weight.any():
            np.testing.assert_array_equal(layer.weight[:, stored], original)
    assert layers[-1].rows.tolist() == list(range(network.output_shape[0]))


@given(networks)
def test_the_accumulator_needs_no_more_than_before(network):
    for before, after in zip(network.layers, lower(network, 4), strict=True):
        bound = accumulator_bound(before.weight, before.bias, network.formats[before.source])[after.rows]
        assert (accumulator_bound(after.weight, after.bias, after.input) <= bound).all()


@given(networks, banks)
def test_inputs_lie_in_the_bank_of_their_place_in_a_beat(network, banks):
    first = lower(network, banks)[0]
    for stored, original in enumerate(first.columns.tolist()):
        if original >= 0:
            assert stored % banks == original % banks
            assert stored <= original
        else:
            assert not first.mask[:, stored].any()
    for bank in range(banks):
        kept = [column for column in first.columns[bank::banks].tolist() if column >= 0]
        assert kept == sorted(kept)
        assert (first.columns[bank : bank + len(kept) * banks : banks] >= 0).all(), "a hole before the last"


@pytest.fixture
def network() -> QuantizedNetwork:
    return random_network(np.random.default_rng(2), (12, 9, 8, 6), 1.0, 8)


@pytest.mark.parametrize("layer", [0, 1, 2])
@pytest.mark.parametrize(
    "part", [{"rows": [0, 2]}, {"columns": [0, 2]}, {"rows": slice(None)}, {"rows": [1], "columns": [1]}]
)
def test_dead_rows_columns_and_layers(network, layer, part):
    pruned = without(network, layer, **part)
    x = any_inputs(np.random.default_rng(layer), pruned, 50)
    np.testing.assert_array_equal(compute(lower(pruned, 4), x), reference.run(pruned, x))


def test_a_dead_hidden_row_takes_its_column_along(network):
    first, second, _ = lower(without(network, 0, rows=[0, 2]), 1)
    assert first.rows.tolist() == [row for row in range(len(network.layers[0].weight)) if row not in (0, 2)]
    assert second.columns.tolist() == first.rows.tolist()


def test_an_unread_hidden_row_takes_the_inputs_along_that_only_it_reads(network):
    pruned = without(without(network, 0, rows=slice(1, None), columns=[]), 1, columns=[0])
    weight = pruned.layers[0].weight.copy()
    weight[0, 0], weight[1, 1] = 1, 1
    pruned = replace(pruned, layers=(replace(pruned.layers[0], weight=weight), *pruned.layers[1:]))
    first = lower(pruned, 1)[0]
    assert (first.rows.tolist(), first.columns.tolist(), first.nnz) == ([1], [1], 1)


def test_dead_layers_cost_one_weight_each_and_dead_outputs_one_zero_each(network):
    for layer in range(3):
        network = without(network, layer, rows=slice(None))
    lowered = lower(network, 1)
    assert [layer.nnz for layer in lowered] == [1, 1, network.output_shape[0]]
    assert not any(layer.weight.any() for layer in lowered)
