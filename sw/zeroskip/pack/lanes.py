"""Images of the lanes: masks, weights, and what all lanes are told of a layer."""

from __future__ import annotations

from collections.abc import Iterator

from zeroskip.contracts.graph import INPUT
from zeroskip.contracts.layout import PART, Layout
from zeroskip.schedule import Schedule
from zeroskip.schedule.lanes.plan import OwnedLayer


def masks(layout: Layout, plan: Schedule, lane: int) -> Iterator[int]:
    """Mask words of a lane: of every layer a header, and one stream of bits in its form."""
    for layer, encodings in zip(plan.plan.layers, plan.encodings, strict=True):
        found = encodings[lane]
        values = {
            "last": layer is plan.plan.layers[-1], "empty": not found.read,
            "dense": found.form == "dense", "packed": found.form == "two-level",
            "single": found.read == 1, "before_last": max(0, found.read - 2), "tiles": layer.tiles - 1 if found.read else 0,
        }  # fmt: skip
        yield from cut(layout.header.encode(values), layout.config.word, layout.header_words)
        yield from map(int, found.stream())


def weights(layout: Layout, plan: Schedule, lane: int) -> Iterator[int]:
    """A lane's stored weights, in the order of its mask bits."""
    limit = 1 << layout.config.weight_bits
    for layer in plan.plan.layers:
        share = layer.shares[lane]
        yield from (int(weight) % limit for weight in share.weight[share.mask])


def cut(value: int, width: int, parts: int) -> list[int]:
    """``value`` in ``parts`` words of ``width`` bits, the lowest first."""
    return [(value >> (width * i)) & ((1 << width) - 1) for i in range(parts)]


def constants(layout: Layout, plan: Schedule) -> Iterator[int]:
    """The parts of every layer's constants."""
    network = plan.network
    addresses, tap = 1 << layout.operand_bits, 0  # a step that is never taken may be as large as all addresses together
    for layer, placed in zip(network.layers, plan.plan.layers, strict=True):
        source = plan.plan.tensors[layer.source]
        down, right = placed.stride
        used, full = _used(layout, placed)
        values = {
            "n": len(placed.taps), "tap_base": tap, "tap_next": (tap + len(placed.taps)) % (1 << layout.tap_bits),
            "height": placed.strip, "last_height": placed.edge,
            "above_height": (placed.edge - placed.strip) % (1 << layout.config.pixel_bits),
            # Where every column has an image of its own, all below is padding.
            "both_heights": placed.strip + (placed.edge if layout.config.strips else 0),
            "strip": placed.strip * source.y_step % addresses, "width": source.shape[2],
            "used": used, "full": full,
            "x_last": (placed.width - 1) * right, "x_stride": right, "y_stride": down, "x_step": right * source.x_step % addresses,
            "band_step": (down * source.y_step - (placed.width - 1) * right * source.x_step) % addresses,
            "row_step": placed.group_step % addresses, "repeat": placed.group_rows - 2, "padding": placed.padding & 0xFF,
            "signed": network.formats[layer.source].signed, "from_input": layer.source == INPUT,
            "maximum": layer.maximum, "last": layer is network.layers[-1], "unused": 0,
            **_far(layout, placed, source.y_step),
        }  # fmt: skip
        yield from cut(layout.constants.encode(values), PART, layout.constant_parts)
        tap += len(placed.taps)


def _used(layout: Layout, placed: OwnedLayer) -> tuple[int, int]:
    """Columns that hold a part of the source; those whose strip has all rows, or none where every column has an image of its own."""
    if not layout.config.strips:
        return (1 << layout.config.columns) - 1, 0
    used = (1 << placed.columns) - 1
    return used, used if placed.edge == placed.strip else used >> 1


def _far(layout: Layout, placed: OwnedLayer, y_step: int) -> dict[str, int]:
    """Constants of the turns farther than a column. A limit that is no row of the image is never passed."""
    pixels, addresses = 1 << layout.config.pixel_bits, 1 << layout.operand_bits
    values: dict[str, int] = {}
    for level in range(layout.far_levels):
        distance = 3 ** (layout.far_levels - level)
        low, high = -(distance // 2) * placed.strip, (distance // 2 + 1) * placed.strip
        values |= {
            f"far_low{level}": max(low, -pixels // 2) % pixels, f"far_high{level}": min(high, pixels // 2 - 1),
            f"far_height{level}": distance * placed.strip % pixels, f"far_strip{level}": distance * placed.strip * y_step % addresses,
        }  # fmt: skip
    return values


def taps(layout: Layout, plan: Schedule) -> Iterator[int]:
    """What the bits of every layer's rows stand for."""
    for placed in plan.plan.layers:
        for tap in placed.taps:
            offset = tap.offset % (1 << layout.operand_bits)
            yield layout.tap.encode({"offset": offset, "dy": tap.row, "dx": tap.cell})
