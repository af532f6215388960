"""A network on one array: the plan, and the sizes that it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from zeroskip.contracts.config import CAPACITIES, ArrayConfig
from zeroskip.contracts.errors import CapacityError, InputError
from zeroskip.contracts.graph import INPUT
from zeroskip.contracts.network import IntArray, QuantizedNetwork, accumulator_bits

from .capacity import require_countable, sized_for
from .encoding import Encoding, encoding
from .fold import Folded, fold
from .lanes.choice import one_column
from .lanes.loading import enough, loading
from .lanes.network import filled, plan
from .lanes.plan import OwnedPlan
from .strips.prepare import prepared
from .tables import distinct_tables

Encodings = tuple[tuple[Encoding, ...], ...]
"""Of each layer, how every lane's mask is stored."""

DENSE = 0.9
"""Share of the weights from which on an array is sized for every mask: the network is not pruned yet."""

WORTH = 0.9
"""What is left of all stored bits, at most, if the array is to read masks in two levels."""

LEAST_ACCUMULATOR = 10
"""Bits that hold every activation: what maxima are taken of."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """The contents of a lane's hidden memory.

    tensors : addresses of each tensor, by name; one address is an activation in every column
    peak : addresses of all tensors together; tensors that do not live at the same time share addresses
    """

    tensors: Mapping[str, int]
    peak: int

    @property
    def apart(self) -> int:
        """Addresses that the tensors would take without sharing."""
        return sum(self.tensors.values())

    def to_json(self) -> dict[str, Any]:
        return {"peak": self.peak, "apart": self.apart, "tensors": dict(self.tensors)}


@dataclass(frozen=True, kw_only=True, eq=False)
class Schedule:
    """A network on one array of sized configuration.

    captured : the network, with the copies that the array makes
    folded : the same without what needs no computing
    plan : who works on what, and where everything lies; of a single column where the columns hold samples
    encodings : how the masks of the plan are stored
    """

    config: ArrayConfig
    captured: QuantizedNetwork
    folded: Folded
    plan: OwnedPlan
    encodings: Encodings

    @property
    def network(self) -> QuantizedNetwork:
        """What the array computes."""
        return self.folded.network

    @property
    def inputs(self) -> int:
        """Activations of one sample on the input stream."""
        return int(np.prod(self.network.shapes[INPUT]))

    @property
    def outputs(self) -> int:
        """Activations of one sample on the output stream."""
        return int(np.prod(self.network.shapes[self.network.output_name]))

    @property
    def tables(self) -> list[IntArray]:
        """(256,) stored values each."""
        return distinct_tables(self.network)

    @property
    def memory(self) -> Memory:
        sizes = {name: stored.size for name, stored in self.plan.tensors.items() if name != INPUT}
        return Memory(tensors=sizes, peak=self.plan.depth)


def in_strips(network: QuantizedNetwork, config: ArrayConfig) -> bool:
    """Whether the columns hold strips: as ``config`` says or another option implies, or else as the network needs."""
    return not network.flat or bool(config.across) if config.strips is None else config.strips


def schedule(network: QuantizedNetwork, config: ArrayConfig, *, built: bool = True) -> Schedule:
    """Map ``network`` to the array. What ``config`` leaves open is sized to the network.

    built : False for an array that is only compared with, which may be larger than any that can be built

    The array of a network that is hardly pruned has room for every mask of it. A flat network goes to an array whose columns are samples,
    unless ``config`` asks for strips.
    Raises InputError for a tensor that nothing reads, and CapacityError with both figures for what does not fit, naming the option where
    a given capacity is too small.
    """
    require_countable(network)
    _require_read(network)
    captured = prepared(network)
    folded = fold(captured)
    try:
        return _scheduled(captured, folded, config, built=built, compact=False)
    except CapacityError as error:
        if not any(getattr(config, name) for name in CAPACITIES):
            raise
        try:  # an array of given size may hold less than the fastest plan wants
            return _scheduled(captured, folded, config, built=built, compact=True)
        except CapacityError:
            raise error from None


def _scheduled(
    captured: QuantizedNetwork, folded: Folded, config: ArrayConfig, *, built: bool, compact: bool
) -> Schedule:
    strips = in_strips(captured, config)
    placed, encodings, needs, words = _placed(folded.network, config, strips, compact=compact)
    if built and not config.sized and _is_dense(captured):
        *_, others, more_words = _placed(filled(captured), config, strips, compact=True)
        left_open = [name for name in CAPACITIES if name in others and not getattr(config, name)]
        needs |= {name: max(needs[name], others[name]) for name in left_open}
        words = words if config.mask_depth else max(words, more_words)
    sized = sized_for(config, needs, words, captured.weight_bits, built=built)
    return Schedule(config=sized, captured=captured, folded=folded, plan=placed, encodings=encodings)


def _placed(
    network: QuantizedNetwork, config: ArrayConfig, strips: bool, *, compact: bool
) -> tuple[OwnedPlan, Encodings, dict[str, Any], int]:
    """The plan, how its masks are stored, what it needs besides, and the mask words of the lane that has the most."""
    columns, together = config.columns if strips else 1, config.load_elements or config.stream_elements
    placed = plan(network, config.lanes, columns, config.epilogues, together, compact=compact)
    encodings = _encodings(placed, config)
    # With room for other masks of a share that is dense now.
    words = max(sum(layer[lane].read for layer in encodings) for lane in range(config.lanes))
    needs = _needs(network, placed, config, strips)
    needs["two_level"] = any(one.form == "two-level" for layer in encodings for one in layer)
    return placed, encodings, needs, words


def _is_dense(network: QuantizedNetwork) -> bool:
    weights = [layer.weight for layer in network.layers if not layer.maximum]
    return bool(sum(np.count_nonzero(weight) for weight in weights) >= DENSE * sum(weight.size for weight in weights))


def _encodings(placed: OwnedPlan, config: ArrayConfig) -> Encodings:
    """Every mask in its best form; in two levels where the array can, or if left open, where that is worth its gates."""
    found = {
        two_level: tuple(
            tuple(encoding(share, config.word, two_level=two_level) for share in layer.shares)
            for layer in placed.layers
        )
        for two_level in ((False, True) if config.two_level is None else (config.two_level,))
    }
    if config.two_level is not None:
        return found[config.two_level]
    bits = {
        two_level: sum(one.bits(config.weight_bits) for layer in layers for one in layer)
        for two_level, layers in found.items()
    }
    return found[bits[True] <= WORTH * bits[False]]


def _require_read(network: QuantizedNetwork) -> None:
    read = {network.output_name, *(name for layer in network.layers for name in (layer.source, layer.residual))}
    for layer in network.layers:
        if layer.output not in read:
            raise InputError(f"tensor {layer.output!r}: must be read by a layer, or be the output")


def _needs(network: QuantizedNetwork, placed: OwnedPlan, config: ArrayConfig, strips: bool) -> dict[str, Any]:
    layers, lanes = placed.layers, range(config.lanes)
    tiles = max(layer.tiles for layer in layers)
    beat = config.stream_elements
    how = loading(placed, config.load_elements, beat) if config.load_elements else enough(placed, beat)
    channels, height, _ = network.shapes[INPUT]
    return {
        "strips": strips, "maximum": any(layer.maximum for layer in network.layers),
        "residual": any(layer.residual is not None for layer in network.layers),
        "slopes": any(layer.slope is not None for layer in network.layers),
        "across": strips and any(layer.across for layer in layers), "table_depth": len(distinct_tables(network)),
        "load_elements": 1 if config.load_elements else how.elements, "reach": _reach(placed, config.columns if strips else 1),
        "acc_bits": _accumulator(network, placed, config.columns if strips else 1),
        "pixel_bits": _pixel_bits(network, placed), "tile_bits": max(1, (tiles - 1).bit_length()),
        "weight_depth": max(1, *(sum(int(layer.shares[lane].mask.sum()) for layer in layers) for lane in lanes)),
        "input_depth": placed.tensors[INPUT].size, "hidden_depth": max(1, placed.depth),
        "copy_depth": max(placed.copy_depth, int(bool(config.residual))),
        "output_depth": int(np.prod(network.shapes[network.output_name])), "row_depth": sum(len(layer.bias) for layer in layers),
        "layer_depth": len(layers), "tap_depth": sum(len(layer.taps) for layer in layers),
        "band_depth": sum(len(layer.writes) for layer in layers),
        "pass_depth": sum(len(writes) for layer in layers for writes in layer.writes),
        "input_row_depth": height * (1 if strips else config.columns), "channel_depth": len(how.begins(channels)),
    }  # fmt: skip


def _reach(placed: OwnedPlan, columns: int) -> int:
    """Rows that lie as far away as there are columns, or farther, are padding to all of them."""
    return min(max(1, *(layer.reach for layer in placed.layers)), columns)


def _pixel_bits(network: QuantizedNetwork, placed: OwnedPlan) -> int:
    """Bits of every row and cell that a window reaches, with their sign, and of the limits that they are compared with."""
    largest = 1
    for layer, owned in zip(network.layers, placed.layers, strict=True):
        rows, cells = [tap.row for tap in owned.taps], [tap.cell for tap in owned.taps]
        down, right = owned.stride
        largest = max(
            largest, -min(rows), -min(cells), max(rows) + (len(owned.writes) - 1) * down, max(cells) + owned.width * right,
            owned.strip + owned.edge, network.shapes[layer.source][2], right, down,
        )  # fmt: skip
    return max(2, largest.bit_length() + 1)


def _accumulator(network: QuantizedNetwork, placed: OwnedPlan, columns: int) -> int:
    """Bits that hold every sum; across the columns, that of the padding too which fills the last strips up."""
    bits = [LEAST_ACCUMULATOR]
    for layer, owned in zip(network.layers, placed.layers, strict=True):
        whole = one_column(network, layer, columns * owned.strip).weight
        if not layer.maximum:
            bits.append(accumulator_bits(whole, owned.bias, network.formats[layer.source]))
    return max(bits)
