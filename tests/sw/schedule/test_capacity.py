"""The array that a network needs, and the refusal of every other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.sim.image_builder import Builder
from tests.sim.image_cases import SAME_3, case
from tests.sim.networks import random_network

import zeroskip.contracts.config
from zeroskip.contracts.config import CAPACITIES, FEATURES, SIZES, ArrayConfig
from zeroskip.contracts.errors import CapacityError
from zeroskip.contracts.graph import INPUT, POINTWISE, Shape, Window
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.pack import pack
from zeroskip.schedule import capacity, schedule
from zeroskip.schedule.dense import dense_cycles

USES = {
    "maximum": "maxpool_overlapping", "residual": "residual_with_other_scale", "slopes": "prelu", "across": "global_average_then_linear",
    "table_depth": "table_then_convolution",
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


def demanding() -> QuantizedNetwork:
    """Needs more than one of everything: two columns' distance, two tables, a residual."""
    builder = Builder(np.random.default_rng(1))
    builder.input((6, 7, 5))
    x = builder.conv(INPUT, 4, Window(kernel=(9, 3), padding=(4, 1, 4, 1)), pattern="full", table=True)
    return builder.network(builder.conv(x, 4, SAME_3, pattern="full", residual=x, table=True))


@pytest.mark.parametrize("strips", [None, False])
@pytest.mark.parametrize("feature, name", USES.items())
def test_open_features_and_capacities_are_those_of_the_network(feature: str, name: str, strips: bool | None) -> None:
    config = schedule(case(name), replace(ARRAY, strips=strips)).config
    assert config.sized
    assert config.strips is (strips is None)
    used = [name for name in USES if getattr(config, name)]
    assert used == ([] if feature == "across" and strips is False else [feature])
    assert schedule(case(name), config).config == config


@pytest.mark.parametrize("feature", [*FEATURES, "table_depth"])
def test_a_feature_that_the_network_does_not_use_may_be_there(feature: str) -> None:
    """Also on an array that is left to the network otherwise: the memory of the residuals has a word then."""
    network = random_network(np.random.default_rng(1), (20, 12, 6), 0.5, 8)
    config = schedule(network, ArrayConfig(columns=2, **{feature: True if feature in FEATURES else 2})).config
    assert config.sized
    assert config.strips is (feature in ("strips", "across"))
    pack(schedule(network, config))


@pytest.mark.parametrize("kept, two_level", [(0.5, False), (0.05, True)])
def test_masks_are_stored_in_two_levels_where_that_saves_bits(kept: float, two_level: bool) -> None:
    network = random_network(np.random.default_rng(1), (200, 100), kept, 8)
    assert schedule(network, ArrayConfig()).config.two_level is two_level
    flat = schedule(network, ArrayConfig(two_level=False))
    assert all(one.form != "two-level" for layer in flat.encodings for one in layer)


@pytest.mark.parametrize("columns", [1, 3])
def test_the_columns_hold_samples_of_vectors_unless_strips_are_asked_for(columns: int) -> None:
    network = random_network(np.random.default_rng(1), (20, 12, 6), 0.5, 8)
    samples = schedule(network, ArrayConfig(columns=columns, two_level=False)).config
    assert samples.sized
    assert not any(getattr(samples, name) for name in (*FEATURES, "table_depth"))
    assert samples.input_row_depth == columns
    assert schedule(network, ArrayConfig(columns=columns, two_level=False, strips=False)).config == samples
    strips = schedule(network, ArrayConfig(columns=columns, strips=True)).config
    assert strips.sized
    assert strips.strips is True
    assert strips.input_row_depth == 1


def test_open_capacities_are_sized_to_the_network() -> None:
    network = random_network(np.random.default_rng(3), (40, 30, 20, 10), 0.4, 8)
    config = schedule(network, ArrayConfig(lanes=4, word=32)).config
    assert (config.output_depth, config.row_depth, config.layer_depth) == (10, 60, 3)
    assert (config.band_depth, config.pass_depth, config.input_row_depth) == (3, 3, 1)
    nnz = sum(np.count_nonzero(layer.weight) for layer in network.layers)
    assert nnz / 4 <= config.weight_depth <= 1.1 * nnz / 4
    # Channels are dealt to the lanes: each lane has its share of the input, or all of it where that is faster.
    assert config.input_depth in (10, 40)


@pytest.mark.parametrize("elements", [1, 2, 8])
def test_so_many_elements_are_taken_at_once_as_lie_in_different_lanes(elements: int) -> None:
    network = chain((8, 3, 3), 4)
    config = schedule(network, ArrayConfig(lanes=elements, columns=2, stream_bits=64)).config
    assert (config.load_elements, config.channel_depth) == (elements, 8 // elements)
    slow = schedule(network, ArrayConfig(lanes=elements, columns=2, stream_bits=64, load_elements=1)).config
    assert (slow.load_elements, slow.channel_depth) == (1, 8)
    assert schedule(network, replace(slow, load_elements=8, channel_depth=0)).config.channel_depth == 8 // elements


@pytest.mark.parametrize("different", [1, 2, 3])
def test_equal_tables_are_stored_once(different: int) -> None:
    network = chain((2, 3, 3), 4, 4, 4, table=True)
    tables = [network.layers[min(number, different - 1)].table for number in range(3)]
    layers = tuple(replace(layer, table=table) for layer, table in zip(network.layers, tables, strict=True))
    plan = schedule(replace(network, layers=layers), ARRAY)
    assert plan.config.table_depth == len(plan.tables) == different
    for stored, table in zip(plan.tables, tables, strict=False):
        assert stored.tolist() == table.tolist()


def test_capacities_that_are_given_stay() -> None:
    sized = schedule(demanding(), ARRAY).config
    assert schedule(demanding(), sized).config == sized
    sized = replace(sized, mask_depth=sized.mask_depth + 10)  # more tiles make longer headers
    for name in SIZES:
        most = {"load_elements": 4, "reach": 16, "pixel_bits": 16, "tile_bits": 24, "acc_bits": 40, "layer_depth": 64}
        larger = replace(sized, **{name: most.get(name, getattr(sized, name) + 100)})
        assert schedule(demanding(), larger).config == larger, name


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*(name for name in SIZES if name != "load_elements"), "table_depth"])
def test_a_size_too_small_by_one_is_refused(name: str) -> None:
    sized = schedule(demanding(), ARRAY).config
    needed = getattr(sized, name)
    assert needed > 1, "0 would leave it to the network"
    with pytest.raises(
        CapacityError, match=rf"^ArrayConfig\.{name} must be at least {needed} for this network, not {needed - 1}$"
    ):
        schedule(demanding(), replace(sized, **{name: needed - 1}))


@pytest.mark.parametrize("name", ["maximum", "residual", "slopes", "across"])
def test_a_feature_that_the_array_lacks_is_refused(name: str) -> None:
    with pytest.raises(CapacityError, match=rf"^ArrayConfig\.{name} must be true for this network, not false$"):
        schedule(case(USES[name]), replace(ARRAY, **{name: False}))


def test_a_table_that_the_array_lacks_is_refused() -> None:
    with pytest.raises(CapacityError, match=r"^ArrayConfig\.table_depth must be at least 1 for this network, not 0$"):
        schedule(case(USES["table_depth"]), replace(ARRAY, table_depth=0))


def test_weights_of_another_width_are_refused() -> None:
    with pytest.raises(CapacityError, match=r"^ArrayConfig\.weight_bits is 4, but the network has 8-bit weights$"):
        schedule(demanding(), ArrayConfig(weight_bits=4))


def test_an_accumulator_beyond_the_widest_is_refused() -> None:
    network = random_network(np.random.default_rng(3), (40, 30, 20, 10), 0.4, 8)
    first = replace(network.layers[0], bias=np.full(30, 1 << 39))
    with pytest.raises(CapacityError, match=r"^ArrayConfig\.acc_bits can be at most 40, but this network needs 41$"):
        schedule(replace(network, layers=(first, *network.layers[1:])), ArrayConfig())


def test_more_layers_than_any_array_has_are_refused() -> None:
    deep = random_network(np.random.default_rng(1), [2] * 66, 1.0, 8)
    with pytest.raises(CapacityError, match=r"^ArrayConfig\.layer_depth can be at most 64, but this network needs 65$"):
        schedule(deep, ArrayConfig())


def test_more_tables_than_any_array_has_are_refused() -> None:
    assert schedule(chain((1, 2, 2), *[1] * 16, table=True), ARRAY).config.table_depth == 16
    with pytest.raises(CapacityError, match=r"^ArrayConfig\.table_depth can be at most 16, but this network needs 17$"):
        schedule(chain((1, 2, 2), *[1] * 17, table=True), ARRAY)


def test_more_rows_than_can_be_numbered_are_refused() -> None:
    with pytest.raises(CapacityError, match=r"^ArrayConfig\.pixel_bits can be at most 16, but this network needs 18$"):
        schedule(chain((1, 1 << 15, 1), 1), ArrayConfig(lanes=1, strips=True))


LIMITS = {
    **{name: (1 << 20) - 1 for name in CAPACITIES if name != "mask_depth"}, "layer_depth": 64, "acc_bits": 40, "reach": 16,
    "pixel_bits": 16, "tile_bits": 24, "table_depth": 16,
}  # fmt: skip


@pytest.mark.parametrize("name, most", LIMITS.items())
def test_what_no_array_has_is_refused_by_name(name: str, most: int) -> None:
    sized = schedule(demanding(), ARRAY).config
    needs = {one: getattr(sized, one) for one in (*FEATURES, *SIZES, "table_depth") if one != "mask_depth"}
    with pytest.raises(
        CapacityError, match=rf"^ArrayConfig\.{name} can be at most {most}, but this network needs {most + 1}$"
    ):
        capacity.sized_for(ARRAY, {**needs, name: most + 1}, 10, 8)


@pytest.mark.parametrize(
    "name, message",
    [
        ("channels", "input: at most 65536 channels, not 65537"),
        ("input_row", "input: at most 4096 pixels in a row, not 4097"),
        ("output_row", "layer 'l0': at most 4096 output pixels in a row, not 4098"),
    ],
)
def test_more_than_the_words_can_count_is_refused(name: str, message: str) -> None:
    networks = {
        "channels": lambda: chain((65537, 1, 1), 1), "input_row": lambda: chain((1, 1, 4097), 1),
        "output_row": lambda: chain((1, 1, 4096), 1, window=Window(padding=(0, 1, 0, 1))),
    }  # fmt: skip
    with pytest.raises(CapacityError, match=f"^{message}$"):
        schedule(networks[name](), replace(ARRAY, strips=True))


def test_as_much_as_the_words_can_count_is_packed() -> None:
    pack(schedule(chain((1, 1, 4096), 1), ArrayConfig(lanes=1, strips=True)))


def test_an_array_that_is_only_compared_with_may_be_larger_than_any(monkeypatch: pytest.MonkeyPatch) -> None:
    """The dense run of a network whose sparse one fits: no array could hold all its weights."""
    monkeypatch.setattr(capacity, "LARGEST_DEPTH", 2000)
    network = random_network(np.random.default_rng(1), (60, 60), 0.1, 8)
    config = schedule(network, ArrayConfig(lanes=1)).config
    with pytest.raises(
        CapacityError, match=r"^ArrayConfig\.weight_depth can be at most 2000, but this network needs 3[56]\d\d$"
    ):
        schedule(random_network(np.random.default_rng(1), (60, 60), 1.0, 8), ArrayConfig(lanes=1))
    assert dense_cycles(network, config).interval > 3600


def test_it_may_have_more_mask_words_too(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (capacity, zeroskip.contracts.config):
        monkeypatch.setattr(module, "LARGEST_DEPTH", 400)
    network = random_network(np.random.default_rng(1), (60, 60), 1.0, 8)
    assert dense_cycles(network, ArrayConfig(lanes=1, word=8)).interval > 3500


@pytest.mark.slow
def test_a_sparse_layer_of_more_weights_than_any_memory_holds() -> None:
    network = random_network(np.random.default_rng(1), (1100, 1000), 0.1, 8)
    config = schedule(network, ArrayConfig(lanes=1)).config
    assert config.weight_depth < 120_000
    assert dense_cycles(network, config).interval > 1_100_000
