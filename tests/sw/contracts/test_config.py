"""What an array may be, and how the rest is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from zeroskip.contracts.config import CAPACITIES, FEATURES, PRESETS, STRIP_CAPACITIES, ArrayConfig
from zeroskip.contracts.errors import InputError

DEPTHS = dict(zip(("acc_bits", *CAPACITIES), (20, 100, 90, 80, 70, 60, 50, 4), strict=True))
SIZES = DEPTHS | dict.fromkeys(FEATURES, False) | {"table_depth": 0}
"""Of an array for fully connected chains."""

STRIP_SIZES = DEPTHS | dict(zip(STRIP_CAPACITIES, (40, 30, 20, 15, 12), strict=True)) | {
    "strips": True, "maximum": True, "residual": False, "slopes": True, "table_depth": 3,
}  # fmt: skip
"""Of an array for images."""


@pytest.mark.parametrize(
    "option, values, rule",
    [
        ("lanes", (0, -1, 65), "1 … 64"),
        ("columns", (0, 17), "1 … 16"),
        ("word", (0, 4, 24, 128), "8, 16, 32 or 64"),
        ("weight_bits", (0, 2, 5, 32), "4, 8 or 16"),
        ("act_bits", (4, 16), "8"),
        ("stream_bits", (0, 24, 128), "8, 16, 32 or 64"),
        ("acc_bits", (1, 7, 41, -8), "8 … 40, or 0 to size it by the network"),
        ("layer_depth", (-1, 65), "1 … 64, or 0 to size it by the network"),
        ("weight_depth", (-1, 1 << 20), "0 … 1048575"),
        ("input_depth", (-1, 1 << 20), "0 … 1048575"),
        *((name, (-1, 1 << 20), "0 … 1048575") for name in STRIP_CAPACITIES),
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


@pytest.mark.parametrize("name", ["acc_bits", *CAPACITIES, *STRIP_CAPACITIES])
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


@pytest.mark.parametrize("name, value", [("maximum", True), ("residual", True), ("slopes", True), ("table_depth", 1)])
def test_what_only_images_need_is_refused_without_strips(name, value):
    with pytest.raises(InputError, match=rf"^ArrayConfig\.{name} needs strips, but strips is False$"):
        ArrayConfig(strips=False, **{name: value})
    assert ArrayConfig(strips=False, **{name: type(value)()}).strips is False
    assert getattr(ArrayConfig(**{name: value}), name) == value


@pytest.mark.parametrize("sizes", [{}, SIZES, STRIP_SIZES])
def test_the_json_form_comes_back(sizes):
    config = ArrayConfig(lanes=3, columns=5, **sizes)
    assert ArrayConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


def test_an_unknown_option_is_refused_with_the_place_and_the_known_ones():
    with pytest.raises(
        InputError, match=r"^net\.toml: unknown option 'lane'; allowed are acc_bits, act_bits, .*, word$"
    ):
        ArrayConfig.from_json({"lane": 4}, where="net.toml")


def test_sizes_fill_only_what_is_open():
    config = ArrayConfig(weight_depth=7)
    assert not config.sized
    sized = config.with_sizes(**SIZES)
    assert sized.sized
    assert sized.weight_depth == 7
    assert sized.mask_depth == SIZES["mask_depth"]


def test_features_and_tables_that_are_given_stay():
    given = ArrayConfig(maximum=False, slopes=True, table_depth=0)
    sized = given.with_sizes(**STRIP_SIZES)
    assert (sized.strips, sized.maximum, sized.residual, sized.slopes, sized.table_depth) == (
        True,
        False,
        False,
        True,
        0,
    )
    assert sized.sized


@pytest.mark.parametrize("name", DEPTHS)
def test_every_capacity_is_needed(name):
    assert not replace(ArrayConfig(**SIZES), **{name: 0}).sized


@pytest.mark.parametrize("name", [*DEPTHS, *STRIP_CAPACITIES])
def test_every_capacity_is_needed_with_strips(name):
    assert ArrayConfig(**STRIP_SIZES).sized
    assert not replace(ArrayConfig(**STRIP_SIZES), **{name: 0}).sized


@pytest.mark.parametrize("name", [*FEATURES, "table_depth"])
@pytest.mark.parametrize("sizes", [SIZES, STRIP_SIZES])
def test_every_feature_is_to_be_decided(name, sizes):
    assert not replace(ArrayConfig(**sizes), **{name: None}).sized


def test_presets_leave_their_sizes_to_the_network():
    assert {"tiny", "small", "default"} <= set(PRESETS)
    assert not any(preset.sized for preset in PRESETS.values())


def test_digests_tell_configurations_apart():
    configs = [
        ArrayConfig(**SIZES), ArrayConfig(**{**SIZES, "row_depth": 51}), ArrayConfig(lanes=5, **SIZES), ArrayConfig(**STRIP_SIZES),
        ArrayConfig(**{**STRIP_SIZES, "residual": True}), ArrayConfig(**{**STRIP_SIZES, "table_depth": 4}),
    ]  # fmt: skip
    digests = [config.digest for config in configs]
    assert len(set(digests)) == len(configs)
    assert all(0 <= digest < 1 << 32 for digest in digests)
    assert digests[0] == ArrayConfig(**SIZES).digest
