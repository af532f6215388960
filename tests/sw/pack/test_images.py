"""Every list of an image is found where words say, is what the plan has, and fills its sized memory."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sim.any_image_network import image_networks
from tests.sim.image_builder import Builder
from tests.sim.image_cases import CASES, case
from tests.sw.pack.arrays import any_vectors, arrays, planned

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.graph import INPUT, Window
from zeroskip.contracts.layout import PART, Layout
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.contracts.program import Program
from zeroskip.schedule.network import DENSE


def decoded(program: Program, memory: str) -> list[dict[str, int]]:
    """The words of an image, layers' constants each as one."""
    layout = Layout(program.config)
    words = {
        "program": layout.program, "merge": layout.merge, "bands": layout.band, "passes": layout.passes, "input_rows": layout.input_row,
        "channels": layout.channel, "taps": layout.tap, "constants": layout.constants,
    }  # fmt: skip
    image = program.images[memory]
    if memory == "constants":
        parts = layout.constant_parts
        image = tuple(
            sum(part << PART * i for i, part in enumerate(image[at : at + parts])) for at in range(0, len(image), parts)
        )
    return [words.get(memory, layout.row).decode(word) for word in image]


def require_filled(program: Program) -> None:
    layout = Layout(program.config)
    assert set(program.images) == {memory.name for memory in layout.memories}
    # The array of a network that is hardly pruned has room for other masks.
    exact = sum(layer.kept for layer in program.layers) < DENSE * sum(
        math.prod(layer.shape) for layer in program.layers
    )
    longest = {"masks": 0, "weights": 0}
    for memory in layout.memories:
        image = program.images[memory.name]
        assert len(image) <= memory.depth, memory.name
        assert all(0 <= word < 1 << memory.width for word in image), memory.name
        if memory.per_lane:
            kind = memory.name.split(".")[1]
            longest[kind] = max(longest[kind], len(image))
        elif exact and memory.name != "merge" and not memory.name.startswith("rows"):
            assert len(image) == memory.depth, memory.name
    if not exact:
        return
    assert max(1, longest["weights"]) == program.config.weight_depth
    if not any("dense" in layer.forms for layer in program.layers):  # of those less is stored than there is room for
        assert program.config.mask_depth - longest["masks"] < 2 * len(program.layers)


@settings(max_examples=60, deadline=None)
@given(image_networks(), arrays)
def test_images_fill_the_sized_memories_and_no_more(network: QuantizedNetwork, array: ArrayConfig) -> None:
    require_filled(planned(network, array)[1])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), arrays)
def test_images_of_vectors_fill_the_sized_memories_and_no_more(seed: int, array: ArrayConfig) -> None:
    require_filled(planned(any_vectors(seed, array, 8), array)[1])


@settings(max_examples=60, deadline=None)
@given(image_networks(), arrays)
def test_lists_lie_where_the_words_say(network: QuantizedNetwork, array: ArrayConfig) -> None:
    plan, program = planned(network, array)
    layout, config = Layout(plan.config), plan.config
    layers, constants, bands, passes, taps = (
        decoded(program, memory) for memory in ("program", "constants", "bands", "passes", "taps")
    )
    turns, bundles = (
        decoded(program, "merge"),
        [decoded(program, f"rows{number}") for number in range(config.epilogues)],
    )
    at_turn = at_bundle = 0
    for layer, placed, word, constant in zip(plan.network.layers, plan.plan.layers, layers, constants, strict=True):
        assert word["width"] == placed.width - 1
        assert word["tiles"] == placed.tiles - 1
        mine = taps[constant["tap_base"] : constant["tap_base"] + constant["n"]]
        assert len(mine) == constant["n"] == len(placed.taps)
        assert constant["tap_next"] == (constant["tap_base"] + constant["n"]) % (1 << layout.tap_bits)
        assert [(tap["dy"], tap["dx"]) for tap in mine] == [(tap.row, tap.cell) for tap in placed.taps]
        assert [tap["offset"] for tap in mine] == [tap.offset % (1 << layout.operand_bits) for tap in placed.taps]
        for number, writes in enumerate(placed.writes):
            band = bands[word["band"] + number]
            assert band["last"] == (number == len(placed.writes) - 1)
            found = passes[band["begin"] : band["begin"] + band["more"] + 1]
            assert [one["turn"] for one in found] == [write.turn for write in writes]
            every = (1 << config.columns) - 1
            assert [one["mask"] for one in found] == [write.mask if config.strips else every for write in writes]
        # Turn by turn, whoever gives sums; the last turn of a bundle completes it.
        gives = np.array([[row in set(share.rows.tolist()) for share in placed.shares] for row in range(layer.outputs)])
        for bundle in placed.bundles:
            mine = turns[at_turn : at_turn + bundle.turns]
            assert [turn["complete"] for turn in mine] == [0] * (bundle.turns - 1) + [1]
            for row, epilogue in zip(bundle.rows, bundle.epilogues, strict=True):
                lanes = sum(1 << int(lane) for lane in np.flatnonzero(gives[row]))
                assert sum(turn[f"lanes{epilogue}"] for turn in mine) == lanes
                assert bundles[epilogue][at_bundle]["bias"] == placed.bias[row]
                assert bundles[epilogue][at_bundle]["multiplier"] == layer.multiplier[row]
            at_turn, at_bundle = at_turn + bundle.turns, at_bundle + 1
    assert len(turns) == at_turn
    assert [word["last"] for word in layers] == [0] * (len(layers) - 1) + [1]
    assert [word["last"] for word in constants] == [0] * (len(layers) - 1) + [1]
    last_reader = max(i for i, layer in enumerate(plan.network.layers) if layer.source == INPUT)
    assert [word["release"] for word in layers] == [int(i == last_reader) for i in range(len(layers))]


@settings(max_examples=40, deadline=None)
@given(image_networks(), arrays)
def test_every_element_of_the_input_goes_where_it_is_read(network: QuantizedNetwork, array: ArrayConfig) -> None:
    plan, program = planned(network, array)
    layout, stored = Layout(plan.config), plan.plan.tensors[INPUT]
    channels, height, width = stored.shape
    rows, steps = decoded(program, "input_rows"), decoded(program, "channels")
    assert len(rows) == height * layout.group_samples
    assert [row["sample_last"] for row in rows] == ([0] * (height - 1) + [1]) * layout.group_samples
    assert [row["last"] for row in rows] == [0] * (len(rows) - 1) + [1]
    elements, by_channel = rows[0]["elements"] + 1, rows[0]["by_channel"]
    assert {(row["elements"], row["by_channel"], row["channels"], row["width"]) for row in rows} == {
        (elements - 1, by_channel, channels - 1, width - 1)
    }
    assert len(steps) == (channels if by_channel else -(-channels // elements))
    for begin, step in enumerate(steps):  # where one may begin at any channel, each has the channels that follow
        for i in range(1, elements if by_channel else 1):
            there = steps[begin + i] if begin + i < len(steps) else {"lanes0": 0, "offset0": 0}
            assert (step[f"lanes{i}"], step[f"offset{i}"]) == (there["lanes0"], there["offset0"])
    found = [(step[f"lanes{i}"], step[f"offset{i}"]) for step in steps for i in range(1 if by_channel else elements)][
        :channels
    ]
    for (lanes, offset), stores, slot in zip(found, stored.hosting.lanes, stored.hosting.slots, strict=True):
        assert [lanes >> lane & 1 for lane in range(plan.config.lanes)] == stores.astype(int).tolist()
        assert offset == slot
    for step in steps:  # what is stored at once lies in different lanes
        masks = [step[f"lanes{i}"] for i in range(elements)]
        assert sum(masks) == np.bitwise_or.reduce(np.array(masks, dtype=object))
    if not plan.config.strips:
        assert [row["columns"] for row in rows] == [
            1 << sample for sample in range(plan.config.columns) for _ in range(height)
        ]


def test_every_field_is_used() -> None:
    """By some word of some network, on arrays that have all features."""
    builder = Builder(np.random.default_rng(1))
    largest = builder.maximum(builder.input((4, 6, 5)), Window(kernel=(6, 5)))
    networks = [*(case(name) for name in CASES), builder.network(builder.conv(largest, 3, pattern="full"))]
    used: dict[str, set[str]] = defaultdict(set)
    there: dict[str, set[str]] = defaultdict(set)
    everything = ArrayConfig(
        lanes=3, columns=4, epilogues=2, stream_bits=16, load_elements=2, strips=True, maximum=True, residual=True, slopes=True,
        across=True, reach=4, table_depth=2,
    )  # fmt: skip
    for network in networks:
        _, program = planned(network, everything)
        for memory in (
            "program",
            "constants",
            "merge",
            "rows0",
            "rows1",
            "bands",
            "passes",
            "input_rows",
            "channels",
            "taps",
        ):
            for word in decoded(program, memory):
                there[memory] |= set(word)
                used[memory] |= {field for field, value in word.items() if value}
    assert {memory: there[memory] - used[memory] - {"unused"} for memory in there} == {
        memory: set() for memory in there
    }


def test_rows_without_slopes_or_residual_can_be_written_beside_such() -> None:
    """Without a slope of its own a row scales negative values like the others."""
    plan, program = planned(case("prelu_on_a_residual"), ArrayConfig(lanes=2, columns=2))
    rows = decoded(program, "rows0")
    at = 0
    for layer, placed in zip(plan.network.layers, plan.plan.layers, strict=True):
        slope = layer.multiplier if layer.slope is None else layer.slope
        for bundle in placed.bundles:
            (row,) = bundle.rows
            assert rows[at]["slope"] == slope[row]
            assert rows[at]["residual_place"] == (row if layer.residual else 0)
            at += 1
    assert {layer.slope is None for layer in plan.network.layers} == {False, True}


def test_places_among_residuals_are_only_those_of_what_is_added() -> None:
    """Other layers may have more channels than that memory has addresses."""
    builder = Builder(np.random.default_rng(1))
    x = builder.conv(builder.input((2, 3, 3)), 2, pattern="full")
    y = builder.conv(x, 2, residual=x, pattern="full")
    network = builder.network(builder.conv(y, 40, Window(kernel=(3, 3)), pattern="full"))
    plan, program = planned(network, ArrayConfig(lanes=2, columns=3))
    assert plan.config.copy_depth < 40
    assert {row["residual_place"] for row in decoded(program, "rows0")[-40:]} == {0}


def test_a_step_that_is_never_taken_may_be_as_large_as_all_addresses() -> None:
    builder = Builder(np.random.default_rng(1))
    x = builder.conv(builder.input((16, 1, 1)), 16, groups=2, pattern="full")
    y = builder.conv(x, 16, residual=x, pattern="full")
    network = builder.network(builder.conv(y, 64, pattern="full"))
    for epilogues in (1, 4):
        planned(network, ArrayConfig(lanes=2, epilogues=epilogues))


def test_tables_are_stored_as_bytes() -> None:
    network = case("table_then_convolution")
    _, program = planned(network, ArrayConfig(lanes=2, columns=2))
    (table,) = (layer.table for layer in network.layers if layer.table is not None)
    assert program.images["tables"] == tuple((table & 0xFF).tolist())
