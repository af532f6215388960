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
from zeroskip.contracts.layout import BAND_POSITIONS
from zeroskip.contracts.network import RESIDUAL_FRACTION, IntArray, QuantizedLayer, QuantizedNetwork, accumulator_bits
from zeroskip.schedule.lanes.choice import one_column
from zeroskip.schedule.lanes.loading import load_elements
from zeroskip.schedule.lanes.plan import LaneShare, OwnedLayer, OwnedPlan
from zeroskip.schedule.strips.network import LEAST_ACCUMULATOR
from zeroskip.schedule.tables import distinct_tables, table_number

from .lane import cut

Images = dict[str, tuple[int, ...]]


def pack_channels(
    network: QuantizedNetwork,
    plan: OwnedPlan,
    columns: int,
    *,
    samples: bool = False,
    stream_bits: int = 32,
    load_elements: int = 1,
) -> tuple[ChannelLayout, Images]:
    """The layout of the smallest array for ``plan``, and its images.

    network : the one that was planned, with its copies
    samples : the columns hold samples, and ``plan`` is one of a single column
    load_elements : elements of the input that the array can store in one cycle
    """
    tables = distinct_tables(network)
    streams = [[_words(layer.shares[lane]) for layer in plan.layers] for lane in range(len(plan.layers[0].shares))]
    layout = _layout(network, plan, streams, columns, samples, stream_bits, load_elements)
    bands, passes = _written(layout, network, plan)
    images: Images = {
        "program": tuple(layout.program.encode(values) for values in _program(layout, network, plan, tables)),
        "constants": tuple(_constants(layout, network, plan)),
        "merge": tuple(_turns(layout, plan)), "bands": bands, "passes": passes,
        "input_rows": tuple(_input_rows(layout, plan)), "channels": tuple(_channels(layout, plan)),
        "taps": tuple(_taps(layout, plan)),
    }  # fmt: skip
    for number in range(plan.epilogues):
        images[f"rows{number}"] = tuple(_rows(layout, network, plan, number))
    if tables:
        images["tables"] = tuple(value & 0xFF for table in tables for value in table.tolist())
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
    samples: bool,
    stream_bits: int,
    load_elements: int,
) -> ChannelLayout:
    tiles = max(layer.tiles for layer in plan.layers)
    seen = max(max(network.shapes[layer.source][1:]) for layer in network.layers)
    outputs = int(np.prod(network.shapes[network.output_name]))
    words = max(sum(len(layer) for layer in lane) for lane in streams)
    weights = max(sum(int(layer.shares[lane].mask.sum()) for layer in plan.layers) for lane in range(len(streams)))
    sizes: dict[str, Any] = {
        "lanes": len(streams), "columns": columns, "weight_bits": network.weight_bits, "stream_bits": stream_bits, "strips": not samples,
        "maximum": any(layer.maximum for layer in network.layers), "residual": any(layer.residual is not None for layer in network.layers),
        "slopes": any(layer.slope is not None for layer in network.layers), "table_depth": len(distinct_tables(network)),
        "acc_bits": _accumulator(network, plan, 1 if samples else columns),
        "weight_depth": max(1, weights), "input_depth": plan.tensors[INPUT].size, "hidden_depth": max(1, plan.depth),
        "output_depth": outputs, "row_depth": sum(len(layer.bias) for layer in plan.layers), "layer_depth": len(plan.layers),
        "offset_depth": 1, "band_depth": sum(len(layer.writes) for layer in plan.layers),
        "pass_depth": sum(len(writes) for layer in plan.layers for writes in layer.writes) * 3,
        "input_band_depth": len(plan.input_writes) * (columns if samples else 1), "input_pass_depth": plan.tensors[INPUT].shape[0],
    }  # fmt: skip
    rest: dict[str, Any] = {
        "tap_depth": sum(len(layer.taps) for layer in plan.layers), "tile_bits": max(1, (tiles - 1).bit_length()),
        "across": not samples and any(layer.across for layer in plan.layers), "load_elements": load_elements,
        "epilogues": plan.epilogues, "copy_depth": plan.copy_depth,
        "reach": max(layer.reach for layer in plan.layers), "pixel_bits": seen.bit_length() + 2,
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


def _program(
    layout: ChannelLayout, network: QuantizedNetwork, plan: OwnedPlan, tables: Sequence[IntArray]
) -> Iterator[dict[str, int]]:
    band = 0
    readers = [layer for layer in network.layers if layer.source == INPUT]
    for layer, placed in zip(network.layers, plan.layers, strict=True):
        to_output = layer.output == network.output_name
        shape = network.shapes[layer.output]
        values = {
            "last": layer is network.layers[-1], "release": layer is readers[-1], "to_output": to_output,
            "outputs": int(np.prod(shape)) if to_output else 0, "zero_point": layer.zero_point, "low": layer.low, "high": layer.high,
            "width": placed.width - 1, "write_step": shape[0] if to_output else plan.tensors[layer.output].x_step, "band": band,
            "turns": sum(bundle.turns for bundle in placed.bundles) - 1, "tiles": placed.tiles - 1,
            "across": placed.across and layout.across, "maximum": layer.maximum,
            "tabled": layer.table is not None, "table": table_number(layer, tables),
            **_residual(network, plan, layer),
        }  # fmt: skip
        band += len(placed.writes)
        yield values


def _residual(network: QuantizedNetwork, plan: OwnedPlan, layer: QuantizedLayer) -> dict[str, int]:
    """Fields of a program word about what is added to the layer's results, and whether they are added later."""
    added, result = (plan.tensors.get(name) if name else None for name in (layer.residual, layer.output))
    copied = result is not None and result.copy is not None
    values = {
        "residual": 0, "residual_signed": 0, "residual_zero": 0, "residual_multiplier": 0, "residual_step": 0, "copied": copied,
    }  # fmt: skip
    if copied and result is not None:
        values["residual_step"] = result.copy_x_step
    if added is not None and layer.residual is not None:
        given = network.formats[layer.residual]
        values |= {
            "residual": 1, "residual_signed": given.signed, "residual_zero": given.zero_point,
            "residual_multiplier": layer.residual_multiplier, "residual_step": added.copy_x_step,
        }  # fmt: skip
    return values


def _constants(layout: ChannelLayout, network: QuantizedNetwork, plan: OwnedPlan) -> Iterator[int]:
    """The parts of every layer's constants."""
    addresses, tap = 1 << layout.operand_bits, 0
    for layer, placed in zip(network.layers, plan.layers, strict=True):
        source = plan.tensors[layer.source]
        down, right = placed.stride
        used, full = _used(layout, placed)
        values = {
            "n": len(placed.taps), "tap_base": tap, "tap_next": tap + len(placed.taps),
            "height": placed.strip, "last_height": placed.edge, "above_height": (placed.edge - placed.strip) % (1 << layout.pixel_bits),
            # Where every column has an image of its own, all below is padding.
            "both_heights": placed.strip + (placed.edge if layout.config.strips else 0),
            "strip": placed.strip * source.y_step % addresses, "width": source.shape[2],
            "used": used, "full": full,
            "x_last": (placed.width - 1) * right, "x_stride": right, "y_stride": down, "x_step": right * source.x_step % addresses,
            "band_step": (down * source.y_step - (placed.width - 1) * right * source.x_step) % addresses,
            "row_step": placed.group_step, "repeat": placed.group_rows - 2, "padding": placed.padding & 0xFF,
            "signed": network.formats[layer.source].signed, "from_input": layer.source == INPUT,
            "maximum": layer.maximum, "last": layer is network.layers[-1], "unused": 0,
            **_far(layout, placed, source.y_step),
        }  # fmt: skip
        yield from cut(layout.constants.encode(values), PART, layout.constant_parts)
        tap += len(placed.taps)


def _used(layout: ChannelLayout, placed: OwnedLayer) -> tuple[int, int]:
    """Columns that hold a part of the source; those whose strip has all rows, or none where every column has an image of its own."""
    if not layout.config.strips:
        return (1 << layout.config.columns) - 1, 0
    used = (1 << placed.columns) - 1
    return used, used if placed.edge == placed.strip else used >> 1


def _far(layout: ChannelLayout, placed: OwnedLayer, y_step: int) -> dict[str, int]:
    """Constants of the turns farther than a column. A limit that is no row of the image is never passed."""
    pixels, addresses = 1 << layout.pixel_bits, 1 << layout.operand_bits
    values: dict[str, int] = {}
    for level in range(layout.far_levels):
        distance = 3 ** (layout.far_levels - level)
        low, high = -(distance // 2) * placed.strip, (distance // 2 + 1) * placed.strip
        values |= {
            f"far_low{level}": max(low, -pixels // 2) % pixels, f"far_high{level}": min(high, pixels // 2 - 1),
            f"far_height{level}": distance * placed.strip % pixels, f"far_strip{level}": distance * placed.strip * y_step % addresses,
        }  # fmt: skip
    return values


def _turns(layout: ChannelLayout, plan: OwnedPlan) -> Iterator[int]:
    """For each turn, in their order, the lanes that give a sum to each epilogue."""
    for layer in plan.layers:
        lanes = np.zeros(len(layer.bias), dtype=object)
        for number, share in enumerate(layer.shares):
            lanes[share.rows] |= 1 << number
        for bundle in layer.bundles:
            given = [
                (f"lanes{epilogue}", int(lanes[row]))
                for row, epilogue in zip(bundle.rows, bundle.epilogues, strict=True)
            ]
            turns = [dict(given)] if bundle.apart else [dict([one]) for one in given]
            nothing = {f"lanes{epilogue}": 0 for epilogue in range(plan.epilogues)}
            for turn in turns:
                yield layout.merge.encode({**nothing, **turn, "complete": turn is turns[-1]})


def _rows(layout: ChannelLayout, network: QuantizedNetwork, plan: OwnedPlan, epilogue: int) -> Iterator[int]:
    """The rows of one epilogue, for each bundle; without a row, nothing is stored anywhere."""
    for layer, placed in zip(network.layers, plan.layers, strict=True):
        slope = layer.multiplier if layer.slope is None else layer.slope
        shift = layer.shift - (1 if layer.residual is None else RESIDUAL_FRACTION)
        for bundle in placed.bundles:
            if epilogue not in bundle.epilogues:
                yield 0
                continue
            row = bundle.rows[bundle.epilogues.index(epilogue)]
            channel = layer.channel + row
            yield layout.row.encode({
                "bias": placed.bias[row], "multiplier": layer.multiplier[row], "shift": shift[row], "slope": slope[row],
                "place": channel if layer.output == network.output_name else _place(layout, plan, layer, channel),
                "residual_place": channel // plan.epilogues, "used": 1,
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
    bands: list[int] = []
    passes: list[int] = []
    addresses, copies, all_columns = 1 << layout.store_bits, 1 << layout.copy_bits, (1 << layout.config.columns) - 1
    for layer, placed in zip(network.layers, plan.layers, strict=True):
        shape = network.shapes[layer.output]
        result = plan.tensors.get(layer.output)
        step = shape[2] * shape[0] if layer.output == network.output_name or result is None else result.y_step
        added = plan.tensors[layer.residual] if layer.residual is not None else None
        for number, writes in enumerate(placed.writes):
            begin, more = len(passes), len(writes) - 1
            lists = {
                f"{position}_{what}": value
                for position in BAND_POSITIONS
                for what, value in (("begin", begin), ("more", more))
            }
            residual = 0 if added is None or added.copy is None else added.copy + number * added.copy_y_step
            bands.append(layout.band.encode({**lists, "last": number == len(placed.writes) - 1, "residual": residual}))
            passes += [
                layout.passes.encode({
                    "base": write.row * step % addresses, "turn": write.turn, "mask": write.mask if layout.config.strips else all_columns,
                    "copy": 0 if result is None or result.copy is None else (result.copy + write.row * result.copy_y_step) % copies,
                })
                for write in writes
            ]  # fmt: skip
    return tuple(bands), tuple(passes)


def _input_rows(layout: ChannelLayout, plan: OwnedPlan) -> Iterator[int]:
    stored = plan.tensors[INPUT]
    channels, height, width = stored.shape
    elements = load_elements(layout, plan)
    samples = 1 if layout.config.strips else layout.config.columns
    for sample in range(samples):
        for number, writes in enumerate(plan.input_writes):
            if len(writes) > 1:
                raise CapacityError("input: that one layer reads it in strips and another as a whole is not built yet")
            last = number == height - 1
            yield layout.input_row.encode({
                "last": last and sample == samples - 1, "sample_last": last,
                "columns": writes[0].mask if layout.config.strips else 1 << sample, "base": writes[0].row * stored.y_step,
                "width": width - 1, "steps": -(-channels // elements) - 1, "elements": elements,
                "x_step": stored.x_step % (1 << layout.operand_bits),  # one that is never taken may be larger than an address
            })  # fmt: skip


def _channels(layout: ChannelLayout, plan: OwnedPlan) -> Iterator[int]:
    hosting, elements = plan.tensors[INPUT].hosting, load_elements(layout, plan)
    channels = len(hosting.slots)
    nothing = {f"{name}{i}": 0 for i in range(layout.load_elements) for name in ("lanes", "offset")}
    for begin in range(0, channels, elements):
        step = dict(nothing)
        for i in range(min(elements, channels - begin)):
            step |= {f"lanes{i}": _lanes(hosting.lanes[begin + i]), f"offset{i}": int(hosting.slots[begin + i])}
        yield layout.channel.encode(step)


def _taps(layout: ChannelLayout, plan: OwnedPlan) -> Iterator[int]:
    for placed in plan.layers:
        for tap in placed.taps:
            offset = tap.offset % (1 << layout.operand_bits)
            yield layout.tap.encode({"offset": offset, "dy": tap.row, "dx": tap.cell})
