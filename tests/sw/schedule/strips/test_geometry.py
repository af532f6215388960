"""Strips: whatever any column reads, some write has put there before, once, and it is what the window asks for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sim.any_image_network import describe, image_inputs, image_networks
from tests.sim.image_builder import Builder
from tests.sim.image_cases import CASES, case
from tests.sim.image_model import tensors

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.graph import INPUT, Window
from zeroskip.contracts.network import IntArray, QuantizedLayer, QuantizedNetwork
from zeroskip.schedule import LayerPlan, prepared, schedule
from zeroskip.schedule.strips.geometry import strip_rows, views

from .strip_model import BELOW, Array, rows_of_columns, seen

SAME_3 = Window(kernel=(3, 3), padding=(1, 1, 1, 1))
HALVE_3 = Window(kernel=(3, 3), stride=(2, 2), padding=(1, 1, 1, 1))


def require_reads_and_writes(network: QuantizedNetwork, config: ArrayConfig, seed: int) -> None:
    """Walks one sample through the plan: every operand, residual, output and number of writes."""
    plan, given = schedule(network, config), prepared(network)
    x = image_inputs(np.random.default_rng(seed), network, 1)
    values = {tensor: value[0] & 0xFF for tensor, value in tensors(given, x).items()}
    array = Array(plan)
    array.load(values[INPUT])
    counts = {INPUT: array.input.count.copy()}
    for layer, placed in zip(given.layers, plan.layers, strict=True):
        assert placed.name == layer.name
        message = f"layer {layer.name}, {config.columns} columns, seed {seed}\n{describe(given)}"
        _require_operands(array, placed, layer, given, values, counts, message)
        array.target(placed).clear()
        _run(array, placed, layer, values, message)
        counts[layer.output] = counts.get(layer.output, 0) + array.target(placed).count
        assert counts[layer.output].max() == 1, message
        # What is read of a layer's source after all of its writes is the same: they go elsewhere.
        _require_operands(array, placed, layer, given, values, counts, message)
    output = values[given.output_name].transpose(1, 2, 0).reshape(-1)
    np.testing.assert_array_equal(array.output.cells[0, : len(output)], output)
    assert (counts[given.output_name][0, : len(output)] == 1).all()
    assert not counts[given.output_name][1:].any()


def _require_operands(
    array: Array, placed: LayerPlan, layer: QuantizedLayer, network: QuantizedNetwork, values: dict[str, IntArray],
    counts: dict[str, IntArray], message: str,
) -> None:  # fmt: skip
    wanted = seen(network, layer, values[layer.source])
    taps = placed.columns[placed.columns >= 0]
    assert set(np.flatnonzero(layer.weight.reshape(layer.outputs, -1).any(axis=0))) <= set(taps.tolist()), message
    for band, entry in enumerate(placed.bands):
        for x in range(entry.width):
            found = array.operands(placed, band, x)
            for column, y in rows_of_columns(placed, band, array.columns, wanted.shape[0]):
                np.testing.assert_array_equal(found[column], wanted[y, x][:, taps], err_msg=f"{message}\nat {y, x}")


def _run(array: Array, placed: LayerPlan, layer: QuantizedLayer, values: dict[str, IntArray], message: str) -> None:
    """Tile after tile: residuals are read, then results written."""
    outputs, result = layer.outputs, values[layer.output]
    height, width = result.shape[1:]
    own = slice(layer.channel, layer.channel + outputs)
    computed = np.zeros((height, width), dtype=np.int64)
    number = 0
    for band, entry in enumerate(placed.bands):
        assert entry.width == width
        for x in range(width):
            rows = rows_of_columns(placed, band, array.columns, height)
            results = np.full((array.columns, outputs), BELOW)
            for column, y in rows:
                results[column] = result[own, y, x]
                computed[y, x] += 1
            if layer.residual is not None:
                addresses = array.residual_addresses(placed, band, x)
                before = array.hidden.read(addresses)
                for column, y in rows:
                    np.testing.assert_array_equal(before[column], values[layer.residual][:, y, x], err_msg=message)
            array.store(placed, band, x, results, number)
            if layer.residual is not None and array.target(placed) is array.hidden:
                # No result so far has overwritten what a later one of this tile adds.
                for column, _ in rows:
                    order = array.hidden.order[column, addresses]
                    assert ((order < 0) | (order >= number + np.arange(outputs))).all(), message
            number += outputs
    assert (computed == 1).all(), message


@pytest.mark.parametrize("columns", [1, 2, 3, 4, 7, 16])
@pytest.mark.parametrize("name", CASES)
def test_named_cases(name: str, columns: int) -> None:
    require_reads_and_writes(case(name), ArrayConfig(lanes=2, columns=columns, word=8), seed=1)


@settings(max_examples=60)
@given(image_networks(), st.integers(1, 16), st.integers(1, 5), st.sampled_from([8, 16, 32, 64]))
def test_any_network(network: QuantizedNetwork, columns: int, lanes: int, word: int) -> None:
    config = ArrayConfig(lanes=lanes, columns=columns, word=word, weight_bits=network.weight_bits, strips=True)
    require_reads_and_writes(network, config, seed=2)


# --- strips -----------------------------------------------------------------------------------------------------------


def chain(*windows: Window, height: int = 16) -> QuantizedNetwork:
    builder = Builder(np.random.default_rng(0))
    tensor = builder.input((2, height, height))
    for window in windows:
        tensor = builder.conv(tensor, 2, window, pattern="full")
    return builder.network(tensor)


@settings(max_examples=100)
@given(image_networks(), st.integers(1, 16))
def test_strips_cover_every_image_and_readers_agree(network: QuantizedNetwork, columns: int) -> None:
    rows, advance = strip_rows(network, columns)
    for layer in network.layers:
        height = network.shapes[layer.output][1]
        assert -(-height // columns) <= rows[layer.name] <= height
        if rows[layer.name] < height:
            assert advance[layer.source] == rows[layer.name] * layer.window.stride[0]
            assert layer.residual is None or advance[layer.residual] == rows[layer.name]


def test_a_tensor_that_one_column_reads_does_not_advance() -> None:
    network = chain(SAME_3, Window(kernel=(16, 16)))
    rows, advance = strip_rows(network, 4)
    assert rows == {"l0": 4, "l1": 1}
    assert advance[network.layers[1].source] == 0


def test_strips_follow_strides() -> None:
    rows, advance = strip_rows(chain(SAME_3, HALVE_3, HALVE_3), 4)
    assert list(rows.values()) == [4, 2, 1]
    assert [advance[name] for name in (INPUT, "t1", "t2")] == [4, 4, 2]


def test_strips_grow_where_a_layer_then_writes_in_step() -> None:
    """7 rows on 3 columns: 3 each. The layer before, of 14 rows, takes 6 for 5, as its reader advances."""
    rows, advance = strip_rows(chain(SAME_3, HALVE_3, height=14), 3)
    assert list(rows.values()) == [6, 3]
    assert advance["t1"] == 6


def test_readers_with_different_strides_agree_on_a_common_advance() -> None:
    builder = Builder(np.random.default_rng(0))
    source = builder.input((2, 12, 12))
    both = builder.tensor((4, 4, 4))
    builder.conv(source, 2, Window(kernel=(3, 3), stride=(3, 3)), output=both)
    builder.conv(source, 2, Window(kernel=(2, 2), stride=(2, 2), padding=(-4, -4, 0, 0)), output=both, channel=2)
    rows, advance = strip_rows(builder.network(both), 4)
    assert advance[INPUT] == 6
    assert rows == {"l0": 2, "l1": 3}


def test_a_depthwise_source_is_stored_channel_by_channel() -> None:
    network = case("depthwise_then_pointwise")
    found = views(network, 4, *strip_rows(network, 4))
    (first, second) = (found[layer.source] for layer in network.layers)
    assert first.planar
    assert (first.x_step, first.y_step, first.channel_step) == (1, first.cells, first.rows * first.cells)
    assert not second.planar
    assert (second.x_step, second.y_step, second.channel_step) == (6, 6 * second.cells, 1)


def test_columns_store_what_their_strips_need_and_no_more() -> None:
    """Rows of 3 + 2 in overlap on 2 columns of 6 rows; one cell of padding on either side."""
    network = chain(SAME_3, height=6)
    view = views(network, 2, *strip_rows(network, 2))[INPUT]
    assert (view.rows, view.cells, view.top, view.left, view.advance) == (5, 8, 1, 1, 3)
    assert view.size == 5 * 8 * 2
    assert view.needed.all()
    assert [view.image_row(1, row) for row in range(5)] == [2, 3, 4, 5, 6]
