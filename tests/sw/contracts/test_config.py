"""What an array may be, and how the rest is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from zeroskip.contracts.config import CAPACITIES, FEATURES, PRESETS, SIZES, ArrayConfig
from zeroskip.contracts.errors import InputError

NUMBERS = {
    "load_elements": 2, "reach": 1, "acc_bits": 20, "pixel_bits": 6, "tile_bits": 7, "mask_depth": 100, "weight_depth": 90,
    "input_depth": 80, "hidden_depth": 70, "copy_depth": 65, "output_depth": 60, "row_depth": 50, "layer_depth": 4, "tap_depth": 40,
    "band_depth": 30, "pass_depth": 20, "input_row_depth": 15, "channel_depth": 12,
}  # fmt: skip
SAMPLES = NUMBERS | dict.fromkeys(FEATURES, False) | {"table_depth": 0}
"""Of an array whose columns hold samples."""

STRIPS = NUMBERS | {
    "strips": True, "maximum": True, "residual": True, "slopes": True, "two_level": True, "across": True, "table_depth": 3,
}  # fmt: skip
"""Of an array whose columns hold strips, with all features."""


@pytest.mark.parametrize(
    "option, values, rule",
    [
        ("lanes", (0, -1, 65), "1 … 64"),
        ("columns", (0, 17), "1 … 16"),
        ("epilogues", (0, 3, 5, 8), "1, 2 or 4"),
        ("word", (0, 4, 24, 128), "8, 16, 32 or 64"),
        ("weight_bits", (0, 2, 5, 32), "4, 8 or 16"),
        ("act_bits", (4, 16), "8"),
        ("stream_bits", (0, 24, 128), "8, 16, 32 or 64"),
        ("load_elements", (-1, 3, 8), "1, 2, 4, or 0 to size it by the network"),
        ("reach", (-1, 17), "1 … 16, or 0 to size it by the network"),
        ("pixel_bits", (-1, 1, 17), "2 … 16, or 0 to size it by the network"),
        ("tile_bits", (-1, 25), "1 … 24, or 0 to size it by the network"),
        ("acc_bits", (1, 7, 41, -8), "8 … 40, or 0 to size it by the network"),
        ("layer_depth", (-1, 65), "1 … 64, or 0 to size it by the network"),
        *((name, (-1, 1 << 20), "0 … 1048575") for name in CAPACITIES if name != "layer_depth"),
        ("table_depth", (-1, 17), "0 … 16, or left to the network"),
    ],
)
def test_values_outside_the_rule_are_refused(option, values, rule):
    for value in values:
        with pytest.raises(InputError, match=rf"^ArrayConfig\.{option} must be {rule}, not {value}$"):
            ArrayConfig(**{option: value})


@pytest.mark.parametrize("value", [2.0, "4", None, True])
def test_only_integers_are_taken(value):
    with pytest.raises(InputError, match=rf"^ArrayConfig\.lanes must be an integer, not {value!r}$"):
        ArrayConfig(lanes=value)


@pytest.mark.parametrize("stream_bits, most", [(8, 1), (16, 2), (32, 4), (64, 8)])
def test_a_step_of_the_input_lies_within_a_beat(stream_bits, most):
    counts = [count for count in (1, 2, 4, 8) if count <= most]
    assert [ArrayConfig(stream_bits=stream_bits, load_elements=count).load_elements for count in counts] == counts
    rule = f"{', '.join(map(str, counts))}, or 0 to size it by the network"
    with pytest.raises(InputError, match=rf"^ArrayConfig\.load_elements must be {rule}, not {2 * most}$"):
        ArrayConfig(stream_bits=stream_bits, load_elements=2 * most)


@pytest.mark.parametrize("value", [0, 1, None, "yes"])
def test_the_place_of_the_sums_is_true_or_false(value):
    with pytest.raises(InputError, match=rf"^ArrayConfig\.block_queue must be true or false, not {value!r}$"):
        ArrayConfig(block_queue=value)
    assert ArrayConfig(block_queue=True).block_queue


@pytest.mark.parametrize("name", SIZES)
def test_no_capacity_but_that_of_the_tables_may_be_none(name):
    with pytest.raises(InputError, match=rf"^ArrayConfig\.{name} must be an integer, not None$"):
        ArrayConfig(**{name: None})
    assert ArrayConfig(table_depth=None) == ArrayConfig()


@pytest.mark.parametrize("value", [0, 1, "yes", 1.0])
@pytest.mark.parametrize("name", FEATURES)
def test_features_are_true_false_or_left_open(name, value):
    with pytest.raises(
        InputError, match=rf"^ArrayConfig\.{name} must be true, false, or left to the network, not {value!r}$"
    ):
        ArrayConfig(**{name: value})
    assert getattr(ArrayConfig(**{name: None}), name) is None


@pytest.mark.parametrize("value", [True, False, "2", 2.0])
def test_a_number_of_tables_is_no_switch(value):
    with pytest.raises(InputError, match=rf"^ArrayConfig\.table_depth must be an integer, not {value!r}$"):
        ArrayConfig(table_depth=value)


def test_sums_across_the_columns_are_refused_without_strips():
    with pytest.raises(InputError, match=r"^ArrayConfig\.across needs strips, but strips is False$"):
        ArrayConfig(strips=False, across=True)
    assert ArrayConfig(across=True).strips is None
    assert ArrayConfig(strips=False, across=False).across is False


@pytest.mark.parametrize("name, value", [("maximum", True), ("residual", True), ("slopes", True), ("table_depth", 1)])
def test_all_else_goes_with_samples_in_the_columns_too(name, value):
    assert getattr(ArrayConfig(strips=False, **{name: value}), name) == value


@pytest.mark.parametrize("sizes", [{}, SAMPLES, STRIPS])
def test_the_json_form_comes_back(sizes):
    config = ArrayConfig(lanes=3, columns=5, **sizes)
    assert ArrayConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


def test_an_unknown_option_is_refused_with_the_place_and_the_known_ones():
    with pytest.raises(
        InputError, match=r"^net\.toml: unknown option 'lane'; allowed are acc_bits, across, act_bits, .*, word$"
    ):
        ArrayConfig.from_json({"lane": 4}, where="net.toml")


def test_sizes_fill_only_what_is_open():
    config = ArrayConfig(weight_depth=7)
    assert not config.sized
    sized = config.with_sizes(**SAMPLES)
    assert sized.sized
    assert sized.weight_depth == 7
    assert sized.mask_depth == SAMPLES["mask_depth"]


def test_features_and_tables_that_are_given_stay():
    given = ArrayConfig(maximum=False, slopes=True, table_depth=0)
    sized = given.with_sizes(**STRIPS)
    assert {name: getattr(sized, name) for name in (*FEATURES, "table_depth")} == {
        "strips": True, "maximum": False, "residual": True, "slopes": True, "two_level": True, "across": True, "table_depth": 0,
    }  # fmt: skip
    assert sized.sized


@pytest.mark.parametrize("name", SIZES)
def test_every_size_is_needed(name):
    assert set(SIZES) == set(NUMBERS)
    assert ArrayConfig(**STRIPS).sized
    assert not replace(ArrayConfig(**STRIPS), **{name: 0}).sized


@pytest.mark.parametrize("name", SIZES)
def test_only_the_memory_of_the_residuals_is_not_needed_without_them(name):
    assert ArrayConfig(**SAMPLES).sized
    assert replace(ArrayConfig(**SAMPLES), **{name: 0}).sized == (name == "copy_depth")


@pytest.mark.parametrize("name", [*FEATURES, "table_depth"])
@pytest.mark.parametrize("sizes", [SAMPLES, STRIPS])
def test_every_feature_is_to_be_decided(name, sizes):
    assert not replace(ArrayConfig(**sizes), **{name: None}).sized


def test_presets_leave_their_sizes_to_the_network():
    assert {"tiny", "small", "default"} <= set(PRESETS)
    assert not any(preset.sized for preset in PRESETS.values())


def test_digests_tell_configurations_apart():
    configs = [
        ArrayConfig(**SAMPLES), ArrayConfig(**{**SAMPLES, "row_depth": 51}), ArrayConfig(lanes=5, **SAMPLES), ArrayConfig(**STRIPS),
        ArrayConfig(**{**STRIPS, "residual": False}), ArrayConfig(**{**STRIPS, "table_depth": 4}),
        ArrayConfig(epilogues=2, **STRIPS), ArrayConfig(block_queue=True, **STRIPS),
    ]  # fmt: skip
    digests = [config.digest for config in configs]
    assert len(set(digests)) == len(configs)
    assert all(0 <= digest < 1 << 32 for digest in digests)
    assert digests[0] == ArrayConfig(**SAMPLES).digest
