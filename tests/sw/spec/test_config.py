"""What an array may be, and how the rest is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from zeroskip.spec.config import CAPACITIES, PRESETS, ArrayConfig
from zeroskip.spec.errors import InputError

SIZES = dict(zip(("acc_bits", *CAPACITIES), (20, 100, 90, 80, 70, 60, 50, 4), strict=True))


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


def test_the_json_form_comes_back():
    config = ArrayConfig(lanes=3, columns=5, **SIZES)
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


@pytest.mark.parametrize("name", SIZES)
def test_every_capacity_is_needed(name):
    assert not replace(ArrayConfig(**SIZES), **{name: 0}).sized


def test_presets_leave_their_sizes_to_the_network():
    assert {"tiny", "small", "default"} <= set(PRESETS)
    assert not any(preset.sized for preset in PRESETS.values())


def test_digests_tell_configurations_apart():
    configs = [ArrayConfig(**SIZES), ArrayConfig(**{**SIZES, "row_depth": 51}), ArrayConfig(lanes=5, **SIZES)]
    digests = [config.digest for config in configs]
    assert len(set(digests)) == 3
    assert all(0 <= digest < 1 << 32 for digest in digests)
    assert digests[0] == ArrayConfig(**SIZES).digest
