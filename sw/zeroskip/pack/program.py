"""Schedule → program: the images of all memories, and back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from zeroskip.contracts.layout import BAND_POSITIONS, Layout, Word
from zeroskip.contracts.network import IntArray
from zeroskip.contracts.program import LayerInfo, Program
from zeroskip.schedule import Band, LayerPlan, Pass, Schedule

from .lane import pack_lanes, unpack_lane


def pack(plan: Schedule) -> Program:
    """Memory images of everything that ``plan`` has placed."""
    layout = Layout(plan.config)
    images: dict[str, tuple[int, ...]] = {
        "program": tuple(layout.program.encode(_program(layout, p)) for p in plan.layers),
        "merge": tuple(_merge(layout, plan)),
        "rows": tuple(word for p in plan.layers for word in _rows(layout, p)),
    }
    if plan.config.strips:
        images |= _strips(layout, plan)
    else:
        images["input"] = tuple(_input(layout, plan))
    if plan.config.table_depth:
        images["tables"] = tuple(value & 0xFF for table in plan.tables for value in table.tolist())
    for lane, (masks, weights) in enumerate(pack_lanes(plan)):
        images[f"lane{lane:02}.masks"] = tuple(masks)
        images[f"lane{lane:02}.weights"] = tuple(weights)
    layers = tuple(
        LayerInfo(
            name=p.name, shape=p.shape, kept=p.kept, nnz=p.nnz, tiles=p.tiles, positions=p.positions,
            output=p.output, channel=p.channel, strip=p.strip, rows=tuple(p.rows.tolist()), columns=tuple(p.columns.tolist()),
        )
        for p in plan.layers
    )  # fmt: skip
    return Program(config=plan.config, layers=layers, inputs=plan.inputs, outputs=plan.outputs, images=images)


def _program(layout: Layout, p: LayerPlan) -> dict[str, int]:
    """The fields of a layer's program word. A step that is never taken may be larger than an address."""
    lanes = sum(1 << lane for lane, run in enumerate(p.runs) if run.end > run.begin)
    steps = {name: value % (1 << layout.store_bits) for name, value in p.program.items() if name.endswith("_step")}
    return {**p.program, **steps, "lanes": lanes}


def _merge(layout: Layout, plan: Schedule) -> list[int]:
    words = []
    for p in plan.layers:
        for lane in range(1 << layout.lane_bits):
            run = p.runs[lane] if lane < plan.config.lanes else None
            words.append(layout.merge.encode({
                "row": p.first_row + run.first_row, "slot": run.slot,
                "head_others": run.head_others, "tail_others": run.tail_others,
            }) if run else 0)  # fmt: skip
    return words


def _rows(layout: Layout, p: LayerPlan) -> Iterator[int]:
    """The row words of a layer. Without slopes, a row scales negative values like all others. Without a residual, it reads any."""
    slope = p.multiplier if p.slope is None else p.slope
    residual = np.zeros_like(p.places) if p.residual_places is None else p.residual_places
    names = ("bias", "multiplier", "shift", "place", "slope", "residual_place")
    columns = (p.bias, p.multiplier, p.shift - 1, p.places, slope, residual)
    for values in zip(*(column.tolist() for column in columns), strict=True):
        yield layout.row.encode(dict(zip(names, values, strict=True)))


def _input(layout: Layout, plan: Schedule) -> list[int]:
    assert plan.kept_inputs is not None
    keep = np.zeros(layout.beat_depth * plan.config.stream_elements, dtype=np.bool_)
    keep[: plan.inputs] = plan.kept_inputs
    beats = keep.reshape(-1, plan.config.stream_elements)[: -(-plan.inputs // plan.config.stream_elements)]
    return [
        layout.beat.encode({"last": i == len(beats) - 1, "keep": sum(1 << j for j in np.flatnonzero(beat).tolist())})
        for i, beat in enumerate(beats)
    ]


def _strips(layout: Layout, plan: Schedule) -> dict[str, tuple[int, ...]]:
    """The images that say where results and inputs are written, and where mask words lie."""
    addresses = 1 << layout.store_bits
    layers = [p.bands for p in plan.layers]
    bands, passes = band_images(layout.band, layout.passes, addresses, layers, [{}] * len(layers))
    channels, x_step, channel_step = plan.input_layout
    constants = {
        "channels": channels - 1, "x_step": x_step % addresses, "channel_step": channel_step, "width": plan.input_bands[0].width - 1,
    }  # fmt: skip
    image = [plan.input_bands]
    input_bands, input_passes = band_images(layout.input_band, layout.input_passes, addresses, image, [constants])
    return {
        "bands": bands, "passes": passes, "input_bands": input_bands, "input_passes": input_passes,
        "offsets": tuple(offset % addresses for p in plan.layers for offset in p.offsets),
    }  # fmt: skip


def band_images(
    band_word: Word, pass_word: Word, addresses: int, groups: Sequence[Sequence[Band]],
    constants: Sequence[dict[str, int]],
) -> tuple[tuple[int, ...], tuple[int, ...]]:  # fmt: skip
    """The words of all bands, and the words of the passes that these bands list."""
    bands: list[int] = []
    passes: list[int] = []
    for group, given in zip(groups, constants, strict=True):
        for band in group:
            values: dict[str, Any] = {**given, "last": band is group[-1], "residual": band.residual % addresses}
            for position in BAND_POSITIONS:
                listed: tuple[Pass, ...] = getattr(band, position)
                values |= {f"{position}_begin": len(passes), f"{position}_more": max(0, len(listed) - 1)}
                passes += [
                    pass_word.encode({
                        "base": entry.base % addresses, "turn": entry.turn, "mask": entry.mask, "constant": entry.constant,
                        "value": entry.value,
                    })
                    for entry in listed
                ]  # fmt: skip
            # An empty list, which nothing takes, may lie behind the end of the memory.
            values = {
                name: 0 if name.endswith("_begin") and value == len(passes) else value for name, value in values.items()
            }
            bands.append(band_word.encode(values))
    return tuple(bands), tuple(passes)


def unpack(program: Program) -> dict[str, tuple[IntArray, np.ndarray]]:
    """Weights and masks by layer name, (outputs, inputs) of the captured layer, read from the images alone.

    Rows and columns that were folded away are zero and unmasked.
    """
    layout = Layout(program.config)
    lanes = [
        list(unpack_lane(layout, program.images[f"lane{lane:02}.masks"], program.images[f"lane{lane:02}.weights"]))
        for lane in range(program.config.lanes)
    ]
    result = {}
    first_row = 0
    for i, layer in enumerate(program.layers):
        weight = np.zeros(layer.shape, dtype=np.int64)
        mask = np.zeros(layer.shape, dtype=np.bool_)
        for lane, entries in enumerate(lanes):
            word = program.images["merge"][(i << layout.lane_bits) + lane]
            row = layout.merge.decode(word)["row"] - first_row - 1
            for begins, column, value in entries[i]:
                row += begins
                where = layer.rows[row], layer.columns[column]
                weight[where], mask[where] = value, True
        result[layer.name] = weight, mask
        first_row += len(layer.rows)
    return result
