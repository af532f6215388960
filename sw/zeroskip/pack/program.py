"""Schedule → program: the images of all memories."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from zeroskip.contracts.layout import Layout
from zeroskip.contracts.network import QuantizedLayer
from zeroskip.contracts.program import LayerInfo, Program
from zeroskip.schedule import Schedule
from zeroskip.schedule.encoding import Encoding, stored_bits
from zeroskip.schedule.lanes.plan import OwnedLayer

from . import inputs, lanes, results


def pack(plan: Schedule) -> Program:
    """Memory images of everything that ``plan`` has placed."""
    layout = Layout(plan.config)
    bands, passes = results.bands_and_passes(layout, plan)
    images = {
        "program": results.program(layout, plan), "constants": lanes.constants(layout, plan), "merge": results.turns(layout, plan),
        **{f"rows{number}": results.rows(layout, plan, number) for number in range(plan.config.epilogues)},
        "bands": bands, "passes": passes, "input_rows": inputs.input_rows(layout, plan), "channels": inputs.channels(layout, plan),
        "taps": lanes.taps(layout, plan),
    }  # fmt: skip
    if plan.config.table_depth:
        images["tables"] = (int(value) & 0xFF for table in plan.tables for value in table)
    for lane in range(plan.config.lanes):
        images[f"lane{lane:02}.masks"] = lanes.masks(layout, plan, lane)
        images[f"lane{lane:02}.weights"] = lanes.weights(layout, plan, lane)
    layers = tuple(
        _info(plan, *of_layer)
        for of_layer in zip(plan.captured.layers, plan.network.layers, plan.plan.layers, plan.encodings, strict=True)
    )
    return Program(
        config=plan.config, layers=layers, inputs=plan.inputs, outputs=plan.outputs,
        images={name: tuple(words) for name, words in images.items()},
    )  # fmt: skip


def _info(
    plan: Schedule, captured: QuantizedLayer, layer: QuantizedLayer, placed: OwnedLayer, encodings: Sequence[Encoding]
) -> LayerInfo:
    """Rows and taps have the numbers of the captured layer."""
    _, height, width = plan.network.shapes[layer.output]
    strips, epilogues = bool(plan.config.strips), range(plan.config.epilogues)
    together = plan.config.columns if not strips else placed.columns if placed.across else 1
    rows = plan.folded.rows(layer)
    found = [dict(zip(bundle.epilogues, rows[list(bundle.rows)].tolist(), strict=True)) for bundle in placed.bundles]
    taps = _captured_taps(plan, layer)
    return LayerInfo(
        name=layer.name, shape=(captured.outputs, captured.weight[0].size), kept=int(np.count_nonzero(captured.weight)),
        nnz=sum(len(one.positions) for one in encodings), forms=tuple(one.form for one in encodings),
        stored_bits=stored_bits(plan.config, encodings), tiles=placed.tiles,
        positions=height * width * together, output=layer.output, channel=layer.channel,
        strip=len(placed.writes) if strips else 0, across=placed.across,
        bundles=tuple(tuple(bundle.get(epilogue, -1) for epilogue in epilogues) for bundle in found),
        columns=tuple(tuple(int(taps[tap]) if tap >= 0 else -1 for tap in lane) for lane in placed.captured),
    )  # fmt: skip


def _captured_taps(plan: Schedule, layer: QuantizedLayer) -> npt.NDArray[np.intp]:
    """The place of each of the layer's taps in the flattened kernel of the captured one."""
    _, inputs, high, wide = layer.weight.shape
    channels = np.arange(inputs) if layer.groups > 1 else plan.folded.channels[layer.source]
    return np.asarray((channels[:, None] * high * wide + np.arange(high * wide)).reshape(-1), dtype=np.intp)
