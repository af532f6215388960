"""A plan on lanes that own channels → the images of all memories."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from zeroskip.contracts.channels import PART, ChannelLayout
from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.errors import CapacityError
from zeroskip.contracts.graph import INPUT
from zeroskip.contracts.network import QuantizedLayer, QuantizedNetwork, accumulator_bits
from zeroskip.schedule.lanes.choice import one_column
from zeroskip.schedule.lanes.plan import LaneShare, OwnedLayer, OwnedPlan, Write
from zeroskip.schedule.plan import Band, Pass
from zeroskip.schedule.strips.network import LEAST_ACCUMULATOR

from .lane import cut
from .program import band_images

Images = dict[str, tuple[int, ...]]


def pack_channels(
    network: QuantizedNetwork, plan: OwnedPlan, columns: int, *, stream_bits: int = 32
) -> tuple[ChannelLayout, Images]:
    """The layout of the smallest array for ``plan``, and its images.

    network : the one that was planned, with its copies
    """
    for layer, placed in zip(network.layers, plan.layers, strict=True):
        if placed.reach > 1 or layer.residual is not None or layer.table is not None:
            raise CapacityError(f"layer {layer.name!r}: far neighbours, residuals and tables are not built yet")
    streams = [[_words(layer.shares[lane]) for layer in plan.layers] for lane in range(len(plan.layers[0].shares))]
    layout = _layout(network, plan, streams, columns, stream_bits)
    bands, passes = _written(layout, network, plan)
    images: Images = {
        "program": tuple(layout.program.encode(values) for values in _program(network, plan)),
        "constants": tuple(_constants(layout, network, plan)),
        "merge": tuple(_contributions(plan)), "rows": tuple(_rows(layout, network, plan)), "bands": bands, "passes": passes,
        "input_rows": tuple(_input_rows(layout, plan)), "channels": tuple(_channels(layout, plan)),
        "taps": tuple(_taps(layout, plan)),
    }  # fmt: skip
    for lane, words in enumerate(streams):
        images[f"lane{lane:02}.masks"] = tuple(_masks(layout, plan, words))
        limit = 1 << layout.config.weight_bits
        kept = [layer.shares[lane] for layer in plan.layers]
        images[f"lane{lane:02}.weights"] = tuple(w % limit for share in kept for w in share.weight[share.mask].tolist())
    return layout, images


def _layout(
    network: QuantizedNetwork,
    plan: OwnedPlan,
    streams: Sequence[Sequence[Sequence[int]]],
    columns: int,
    stream_bits: int,
) -> ChannelLayout:
    tiles = max(layer.tiles for layer in plan.layers)
    seen = max(max(network.shapes[layer.source][1:]) for layer in network.layers)
    outputs = int(np.prod(network.shapes[network.output_name]))
    words = max(sum(len(layer) for layer in lane) for lane in streams)
    weights = max(sum(int(layer.shares[lane].mask.sum()) for layer in plan.layers) for lane in range(len(streams)))
    sizes: dict[str, Any] = {
        "lanes": len(streams), "columns": columns, "weight_bits": network.weight_bits, "stream_bits": stream_bits, "strips": True,
        "maximum": any(layer.maximum for layer in network.layers), "residual": False,
        "slopes": any(layer.slope is not None for layer in network.layers), "table_depth": 0,
        "acc_bits": _accumulator(network, plan, columns),
        "weight_depth": max(1, weights), "input_depth": plan.tensors[INPUT].size, "hidden_depth": max(1, plan.depth),
        "output_depth": outputs, "row_depth": sum(len(layer.bias) for layer in plan.layers), "layer_depth": len(plan.layers),
        "offset_depth": 1, "band_depth": sum(len(layer.writes) for layer in plan.layers),
        "pass_depth": sum(len(writes) for layer in plan.layers for writes in layer.writes) * 3,
        "input_band_depth": len(plan.input_writes), "input_pass_depth": plan.tensors[INPUT].shape[0],
    }  # fmt: skip
    rest: dict[str, Any] = {
        "tap_depth": sum(len(layer.taps) for layer in plan.layers), "tile_bits": max(1, (tiles - 1).bit_length()),
        "pixel_bits": seen.bit_length() + 2, "across": any(layer.across for layer in plan.layers),
    }  # fmt: skip
    depth = words + len(plan.layers)
    while True:  # the header's width depends on the depth that it helps to fill
        layout = ChannelLayout(ArrayConfig(**sizes, mask_depth=depth), **rest)
        needed = words + len(plan.layers) * layout.header_words
        if needed <= depth:
            return layout
        depth = needed


def _accumulator(network: QuantizedNetwork, plan: OwnedPlan, columns: int) -> int:
    """Bits that hold every sum; across the columns, that of the padding too which fills the last strips up."""
    bits = [LEAST_ACCUMULATOR]
    for layer, placed in zip(network.layers, plan.layers, strict=True):
        whole = one_column(network, layer, columns * placed.strip).weight
        if not layer.maximum:
            bits.append(accumulator_bits(whole, placed.bias, network.formats[layer.source]))
    return max(bits)


def _words(share: LaneShare) -> list[int]:
    """Mask words of a lane's share of a layer: one stream of bits, up to the last that is set."""
    positions = np.flatnonzero(share.mask)
    words = [0] * (int(positions[-1]) // 32 + 1 if len(positions) else 0)
    for position in positions.tolist():
        words[position // 32] |= 1 << position % 32
    return words


def _masks(layout: ChannelLayout, plan: OwnedPlan, streams: Sequence[Sequence[int]]) -> Iterator[int]:
    at = 0
    for number, words in enumerate(streams):
        begin = at + layout.header_words
        header = layout.header.encode({
            "last": number == len(streams) - 1, "empty": not words, "tiles": plan.layers[number].tiles - 1 if words else 0,
            "begin": begin, "single": len(words) == 1, "before_last": max(0, begin + len(words) - 2),
        })  # fmt: skip
        yield from cut(header, layout.config.word, layout.header_words)
        yield from words
        at = begin + len(words)


def _program(network: QuantizedNetwork, plan: OwnedPlan) -> Iterator[dict[str, int]]:
    band = 0
    readers = [layer for layer in network.layers if layer.source == INPUT]
    for layer, placed in zip(network.layers, plan.layers, strict=True):
        to_output = layer.output == network.output_name
        shape = network.shapes[layer.output]
        values = {
            "last": layer is network.layers[-1], "release": layer is readers[-1], "to_output": to_output,
            "outputs": int(np.prod(shape)) if to_output else 0, "zero_point": layer.zero_point, "low": layer.low, "high": layer.high,
            "width": placed.width - 1, "write_step": shape[0] if to_output else plan.tensors[layer.output].x_step, "band": band,
            "padding": 0, "rows": len(placed.bias) - 1, "tiles": placed.tiles - 1, "across": placed.across, "maximum": layer.maximum,
        }  # fmt: skip
        band += len(placed.writes)
        yield values


def _constants(layout: ChannelLayout, network: QuantizedNetwork, plan: OwnedPlan) -> Iterator[int]:
    """The parts of every layer's constants."""
    addresses, tap = 1 << layout.operand_bits, 0
    for layer, placed in zip(network.layers, plan.layers, strict=True):
        source = plan.tensors[layer.source]
        down, right = placed.stride
        used = (1 << placed.columns) - 1
        values = {
            "n": len(placed.taps), "tap_base": tap, "tap_next": tap + len(placed.taps),
            "height": placed.strip, "last_height": placed.edge, "both_heights": placed.strip + placed.edge,
            "strip": placed.strip * source.y_step % addresses, "width": source.shape[2],
            "used": used, "full": used if placed.edge == placed.strip else used >> 1,
            "x_last": (placed.width - 1) * right, "x_stride": right, "y_stride": down, "x_step": right * source.x_step % addresses,
            "band_step": (down * source.y_step - (placed.width - 1) * right * source.x_step) % addresses,
            "row_step": placed.group_step, "repeat": placed.group_rows - 2, "padding": placed.padding & 0xFF,
            "signed": network.formats[layer.source].signed, "from_input": layer.source == INPUT,
            "maximum": layer.maximum, "last": layer is network.layers[-1], "unused": 0,
        }  # fmt: skip
        yield from cut(layout.constants.encode(values), PART, layout.constant_parts)
        tap += len(placed.taps)


def _contributions(plan: OwnedPlan) -> Iterator[int]:
    """For each row, in the order in which rows are merged, the lanes that have a weight in it."""
    for layer in plan.layers:
        lanes = np.zeros(len(layer.bias), dtype=object)
        for number, share in enumerate(layer.shares):
            lanes[share.rows] |= 1 << number
        yield from (int(lanes[row]) for bundle in layer.bundles for row in bundle.rows)


def _rows(layout: ChannelLayout, network: QuantizedNetwork, plan: OwnedPlan) -> Iterator[int]:
    for layer, placed in zip(network.layers, plan.layers, strict=True):
        slope = layer.multiplier if layer.slope is None else layer.slope
        for row in (row for bundle in placed.bundles for row in bundle.rows):
            channel = layer.channel + row
            yield layout.row.encode({
                "bias": placed.bias[row], "multiplier": layer.multiplier[row], "shift": layer.shift[row] - 1, "slope": slope[row],
                "place": channel if layer.output == network.output_name else _place(layout, plan, layer, channel),
            })  # fmt: skip


def _place(layout: ChannelLayout, plan: OwnedPlan, layer: QuantizedLayer, channel: int) -> int:
    stored = plan.tensors[layer.output]
    return _lanes(stored.hosting.lanes[channel]) << layout.operand_bits | stored.base + int(
        stored.hosting.slots[channel]
    )


def _lanes(stores: npt.NDArray[np.bool_]) -> int:
    """A bit for each lane that stores a channel."""
    return sum(1 << lane for lane in np.flatnonzero(stores).tolist())


def _written(
    layout: ChannelLayout, network: QuantizedNetwork, plan: OwnedPlan
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Images of the bands, and of the writes that they list."""
    groups = []
    for layer, placed in zip(network.layers, plan.layers, strict=True):
        shape = network.shapes[layer.output]
        step = shape[2] * shape[0] if layer.output == network.output_name else plan.tensors[layer.output].y_step
        groups.append([_band(placed, writes, step) for writes in placed.writes])
    return band_images(layout.band, layout.passes, 1 << layout.store_bits, groups, [{}] * len(groups))


def _band(placed: OwnedLayer, writes: Sequence[Write], step: int) -> Band:
    passes = tuple(Pass(base=write.row * step, mask=write.mask, turn=write.turn) for write in writes)
    return Band(width=placed.width, first=passes, middle=passes, last=passes)


def _input_rows(layout: ChannelLayout, plan: OwnedPlan) -> Iterator[int]:
    stored = plan.tensors[INPUT]
    for number, writes in enumerate(plan.input_writes):
        if len(writes) > 1:
            raise CapacityError("input: that one layer reads it in strips and another as a whole is not built yet")
        yield layout.input_row.encode({
            "last": number == len(plan.input_writes) - 1, "columns": writes[0].mask,
            "base": writes[0].row * stored.y_step, "width": stored.shape[2] - 1, "channels": stored.shape[0] - 1,
            "x_step": stored.x_step,
        })  # fmt: skip


def _channels(layout: ChannelLayout, plan: OwnedPlan) -> Iterator[int]:
    hosting = plan.tensors[INPUT].hosting
    for lanes, slot in zip(hosting.lanes, hosting.slots, strict=True):
        yield layout.channel.encode({"lanes": _lanes(lanes), "offset": int(slot)})


def _taps(layout: ChannelLayout, plan: OwnedPlan) -> Iterator[int]:
    for placed in plan.layers:
        for tap in placed.taps:
            offset = tap.offset % (1 << layout.operand_bits)
            yield layout.tap.encode({"offset": offset, "dy": tap.row, "dx": tap.cell})
