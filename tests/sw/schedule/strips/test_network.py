"""Plans of image networks: what the program says of each layer, and that every word of it can be written."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sim.any_image_network import describe, image_networks
from tests.sim.image_builder import Builder
from tests.sim.image_cases import case

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.graph import INPUT, Shape, Window
from zeroskip.contracts.layout import Layout
from zeroskip.contracts.network import QuantizedNetwork, accumulator_bits
from zeroskip.pack import pack
from zeroskip.schedule import Memory, prepared, schedule
from zeroskip.schedule.strips.network import LEAST_ACCUMULATOR

SAME_3 = Window(kernel=(3, 3), padding=(1, 1, 1, 1))


def single(shape: Shape, outputs: int, window: Window | None = None, groups: int = 1) -> QuantizedNetwork:
    builder = Builder(np.random.default_rng(0))
    builder.input(shape)
    return builder.network(builder.conv(INPUT, outputs, window or Window(), groups=groups, pattern="full"))


@settings(max_examples=80)
@given(
    image_networks(), st.integers(1, 12), st.integers(1, 16), st.sampled_from([8, 16, 32, 64]), st.sampled_from([8, 16, 32, 64])
)  # fmt: skip
def test_plans_fit_the_array_they_ask_for_and_every_word_can_be_written(
    network: QuantizedNetwork, lanes: int, columns: int, word: int, stream_bits: int
) -> None:
    asked = ArrayConfig(
        lanes=lanes, columns=columns, word=word, weight_bits=network.weight_bits, stream_bits=stream_bits, strips=True
    )
    plan = schedule(network, asked)
    program, layout = pack(plan), Layout(plan.config)
    assert schedule(network, plan.config).config == plan.config
    assert set(program.images) == {memory.name for memory in layout.memories}
    longest = {"masks": 0, "weights": 0}
    for memory in layout.memories:
        image = program.images[memory.name]
        assert len(image) <= memory.depth, memory.name
        assert all(0 <= value < 1 << memory.width for value in image), memory.name
        kind = memory.name.split(".")[-1]
        if kind in longest:
            longest[kind] = max(longest[kind], len(image))
        elif memory.name != "merge":  # whose lanes are padded to a power of two
            assert len(image) == memory.depth, memory.name
    assert longest["weights"] == plan.config.weight_depth
    assert plan.config.mask_depth - longest["masks"] < 2 * len(plan.layers)


@settings(max_examples=80)
@given(image_networks(), st.integers(1, 16))
def test_layers_are_described(network: QuantizedNetwork, columns: int) -> None:
    plan = schedule(network, ArrayConfig(columns=columns, weight_bits=network.weight_bits, strips=True))
    whole = prepared(network)
    for placed, layer in zip(plan.layers, whole.layers, strict=True):
        height, width = whole.shapes[layer.output][1:]
        assert (placed.name, placed.output, placed.channel) == (layer.name, layer.output, layer.channel)
        assert (placed.positions, placed.tiles) == (height * width, placed.strip * width)
        assert height <= placed.strip * columns
        assert (placed.kept, placed.shape) == (np.count_nonzero(layer.weight), (layer.outputs, layer.weight[0].size))
        assert [placed.program[name] for name in ("from_input", "to_output", "last")] == [
            layer.source == INPUT, layer.output == whole.output_name, layer is whole.layers[-1],
        ], describe(whole)  # fmt: skip
    # The input's half is given back by the last layer that reads it.
    assert [placed.program["release"] for placed in plan.layers].count(True) == 1
    released = next(placed.name for placed in plan.layers if placed.program["release"])
    assert released == [layer.name for layer in whole.layers if layer.source == INPUT][-1]


def test_lanes_of_a_maximum_hold_whole_rows() -> None:
    network = case("maxpool_overlapping")
    for lanes in (3, 7):
        plan = schedule(network, ArrayConfig(lanes=lanes, columns=2))
        (pool,) = (placed for placed, layer in zip(plan.layers, network.layers, strict=True) if layer.maximum)
        assert all(run.head_others == run.tail_others == 0 for run in pool.runs)


def test_accumulators_hold_sums_and_at_least_every_activation() -> None:
    network = case("most_negative_weights_and_long_rows")
    needed = max(accumulator_bits(layer.weight, layer.bias, network.formats[layer.source]) for layer in network.layers)
    assert schedule(network, ArrayConfig()).config.acc_bits == needed
    assert schedule(case("a_layer_without_weights"), ArrayConfig()).config.acc_bits >= LEAST_ACCUMULATOR


def test_a_network_of_maxima_alone_has_the_least_accumulator() -> None:
    builder = Builder(np.random.default_rng(0))
    builder.input((2, 6, 6))
    network = builder.network(builder.maximum(INPUT, Window(kernel=(2, 2), stride=(2, 2)), identity=True))
    plan = schedule(network, ArrayConfig(columns=2))
    assert plan.config.acc_bits == LEAST_ACCUMULATOR
    assert plan.config.maximum


@pytest.mark.parametrize(
    "network",
    [
        single((16, 1, 1), 16), single((4, 3, 3), 1, Window(stride=(9, 9))), single((8, 1, 1), 8, groups=8),
        single((8, 1, 1), 8, groups=2),
    ],
    ids=["one pixel", "stride beyond the image", "depthwise", "grouped"],
)  # fmt: skip
@pytest.mark.parametrize("columns", [1, 2])
def test_a_step_that_is_never_taken_may_be_larger_than_an_address(network: QuantizedNetwork, columns: int) -> None:
    plan = schedule(network, ArrayConfig(lanes=1, columns=columns, word=8, stream_bits=8, strips=True))
    steps = [plan.layers[0].program[name] for name in ("x_step", "y_step", "write_step")]
    assert max(steps) >= 1 << Layout(plan.config).store_bits
    assert len(pack(plan).images["program"]) == 1


@pytest.mark.parametrize(
    "network",
    [
        single((1 << 16, 1, 1), 1), single((1, 1, 1 << 12), 1), single((1, 16, 1 << 12), 1), single((1, 1, 1), 1 << 12),
        single((1, 1, 1), 1, Window(padding=(0, 255, 0, 0), stride=(1, 256))),
    ],
    ids=["channels", "pixels in a row", "positions", "outputs", "writes"],
)  # fmt: skip
def test_the_most_that_the_words_can_count_can_be_written(network: QuantizedNetwork) -> None:
    """One more is refused: see test_capacity.py."""
    plan = schedule(network, ArrayConfig(strips=True))
    assert pack(plan).layers[0].positions == plan.layers[0].positions


def test_memory_lists_the_tensors_of_the_hidden_buffer() -> None:
    plan = schedule(case("one_dense_row"), ArrayConfig())
    assert plan.memory == Memory(tensors={}, peak=0)
    assert plan.config.hidden_depth == 1
    assert schedule(single((1, 1, 1), 1), ArrayConfig()).memory is None  # flat
    plan = schedule(case("residual_in_place"), ArrayConfig(columns=2))
    assert plan.memory is not None
    assert list(plan.memory.tensors) == ["t1", "t2"]
    assert plan.config.hidden_depth == plan.memory.peak == plan.memory.apart
