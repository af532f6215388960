"""Checks that a plan fits the array, and finds how large an array must be for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zeroskip.contracts.config import (
    FEATURES,
    LARGEST_DEPTH,
    MOST_LAYERS,
    MOST_TABLES,
    SIZES,
    ArrayConfig,
)
from zeroskip.contracts.errors import CapacityError
from zeroskip.contracts.graph import INPUT
from zeroskip.contracts.layout import CHANNEL_BITS, WIDTH_BITS, Layout
from zeroskip.contracts.network import ACC_BITS_LIMIT, QuantizedNetwork


def sized_for(
    config: ArrayConfig, needs: Mapping[str, Any], words: int, weight_bits: int, *, built: bool = True
) -> ArrayConfig:
    """Size what ``config`` leaves open to ``needs``.

    words : mask words of the lane that has the most, without headers
    built : False for an array that is only compared with: what no array can hold is then sized to the largest

    Raises CapacityError, naming the option and both figures, where a given capacity is too small or no capacity is large enough.
    """
    layers = needs["layer_depth"]
    if built:
        _require_possible({**needs, "mask_depth": words + layers})
    needed = dict(needs) if built else {name: _within(name, need) for name, need in needs.items()}
    needed["mask_depth"] = _with_headers(config.with_sizes(**needed), words, layers)
    if not built:
        return config.with_sizes(**{name: _within(name, need) for name, need in needed.items()})
    _require_possible(needed)
    sized = config.with_sizes(**needed)
    _require(sized, needed, weight_bits)
    return sized


def require_countable(network: QuantizedNetwork) -> None:
    """Refuse images with more than the memory words of any array can count."""
    channels, _, width = network.shapes[INPUT]
    _at_most("input", "channels", 1 << CHANNEL_BITS, channels)
    _at_most("input", "pixels in a row", 1 << WIDTH_BITS, width)
    for layer in network.layers:
        wide = network.shapes[layer.output][2]
        _at_most(f"layer {layer.name!r}", "output pixels in a row", 1 << WIDTH_BITS, wide)


def _at_most(where: str, what: str, most: int, found: int) -> None:
    if found > most:
        raise CapacityError(f"{where}: at most {most} {what}, not {found}")


def _with_headers(config: ArrayConfig, words: int, layers: int) -> int:
    """The header's size depends on the depth that it helps to fill. A few steps reach the fixed point."""
    depth = words + layers
    while True:
        needed = words + layers * Layout(config.with_sizes(mask_depth=_within("mask_depth", depth))).header_words
        if needed <= depth:
            return depth
        depth = needed


def _require_possible(needs: Mapping[str, Any]) -> None:
    """Refuse needs that no array meets in any configuration."""
    for name, need in needs.items():
        if need != _within(name, need):
            raise CapacityError(
                f"ArrayConfig.{name} can be at most {_within(name, need)}, but this network needs {need}"
            )


def _within(name: str, need: int) -> int:
    """``need``, or the most that an array can have."""
    limits = {
        "acc_bits": ACC_BITS_LIMIT, "layer_depth": MOST_LAYERS, "table_depth": MOST_TABLES, "reach": 16, "pixel_bits": 16,
        "tile_bits": 24, "load_elements": 8,
    }  # fmt: skip
    return need if name in FEATURES else min(need, limits.get(name, LARGEST_DEPTH))


def _require(config: ArrayConfig, needs: Mapping[str, Any], weight_bits: int) -> None:
    for name in (*SIZES, "table_depth"):
        have = getattr(config, name) or 0
        if have < needs.get(name, 0):
            raise CapacityError(f"ArrayConfig.{name} must be at least {needs[name]} for this network, not {have}")
    if config.strips != needs["strips"]:
        raise CapacityError(
            f"ArrayConfig.strips must be {str(needs['strips']).lower()} for this design, not {config.strips}"
        )
    for name in FEATURES:
        if needs[name] and not getattr(config, name):
            raise CapacityError(f"ArrayConfig.{name} must be true for this network, not false")
    if config.weight_bits != weight_bits:
        raise CapacityError(
            f"ArrayConfig.weight_bits is {config.weight_bits}, but the network has {weight_bits}-bit weights"
        )
