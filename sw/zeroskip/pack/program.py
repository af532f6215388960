"""Schedule → program: the images of all memories, and back."""

from __future__ import annotations

import numpy as np

from zeroskip.schedule import Schedule
from zeroskip.spec.layout import Layout
from zeroskip.spec.network import IntArray, QuantizedNetwork
from zeroskip.spec.program import LayerInfo, Program

from .lane import pack_lanes, unpack_lane


def pack(plan: Schedule, network: QuantizedNetwork) -> Program:
    """Memory images of ``network`` as placed by ``plan``."""
    layout = Layout(plan.config)
    images: dict[str, tuple[int, ...]] = {
        "program": tuple(_program(layout, plan)),
        "merge": tuple(_merge(layout, plan)),
        "rows": tuple(_rows(layout, plan)),
        "input": tuple(_input(layout, plan)),
    }
    for lane, (masks, weights) in enumerate(pack_lanes(plan)):
        images[f"lane{lane:02}.masks"] = tuple(masks)
        images[f"lane{lane:02}.weights"] = tuple(weights)
    layers = tuple(
        LayerInfo(
            name=p.layer.name, shape=(captured.weight.shape[0], captured.weight.shape[1]),
            kept=int(np.count_nonzero(captured.weight)), nnz=p.layer.nnz,
            rows=tuple(p.layer.rows.tolist()), columns=tuple(p.layer.columns.tolist()),
        )
        for p, captured in zip(plan.layers, network.layers, strict=True)
    )  # fmt: skip
    return Program(config=plan.config, layers=layers, inputs=plan.inputs, outputs=plan.outputs, images=images)


def _program(layout: Layout, plan: Schedule) -> list[int]:
    words = []
    for i, p in enumerate(plan.layers):
        words.append(layout.program.encode({
            "last": i == len(plan.layers) - 1, "signed": p.layer.input.signed, "rows": len(p.layer.rows),
            "offset": (p.store - p.first_row) % (1 << layout.store_bits),
            "zero_point": p.layer.zero_point, "low": p.layer.low, "high": p.layer.high,
        }))  # fmt: skip
    return words


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


def _rows(layout: Layout, plan: Schedule) -> list[int]:
    return [
        layout.row.encode({"bias": bias, "multiplier": multiplier, "shift": shift - 1})
        for p in plan.layers
        for bias, multiplier, shift in zip(
            p.layer.bias.tolist(), p.layer.multiplier.tolist(), p.layer.shift.tolist(), strict=True
        )
    ]


def _input(layout: Layout, plan: Schedule) -> list[int]:
    keep = np.zeros(layout.beat_depth * plan.config.stream_elements, dtype=np.bool_)
    columns = plan.layers[0].layer.columns
    keep[columns[columns >= 0]] = True
    beats = keep.reshape(-1, plan.config.stream_elements)[: -(-plan.inputs // plan.config.stream_elements)]
    return [
        layout.beat.encode({"last": i == len(beats) - 1, "keep": sum(1 << j for j in np.flatnonzero(beat).tolist())})
        for i, beat in enumerate(beats)
    ]


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
