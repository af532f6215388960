"""A network of window operators on an array whose columns are strips of one image."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.errors import CapacityError, InputError
from zeroskip.contracts.graph import INPUT
from zeroskip.contracts.layout import CHANNEL_BITS, PASSES_BITS, REPEAT_BITS, TILE_BITS, WIDTH_BITS
from zeroskip.contracts.network import RESIDUAL_FRACTION, IntArray, QuantizedLayer, QuantizedNetwork, accumulator_bits
from zeroskip.schedule.capacity import sized_for
from zeroskip.schedule.plan import Band, LayerPlan, Memory, Schedule
from zeroskip.schedule.split import LaneRun, split
from zeroskip.schedule.tables import distinct_tables, table_number

from .geometry import View, padded, strip_rows, views
from .memory import allocate, lives
from .prepare import prepared
from .scatter import input_bands, output_bands, result_bands
from .taps import stored_weights

LEAST_ACCUMULATOR = 10
"""Bits that hold every activation, and a value below all of them for maxima."""


def schedule_strips(network: QuantizedNetwork, config: ArrayConfig, *, built: bool) -> Schedule:
    """Map ``network`` to the array. Raises InputError for a tensor that nothing reads."""
    _require_read(network)
    network = prepared(network)
    rows, advance = strip_rows(network, config.columns)
    stored, hidden = allocate(network, views(network, config.columns, rows, advance))
    tables = distinct_tables(network)
    plans: list[LayerPlan] = []
    first = {"row": 0, "group": 0, "band": 0}
    for layer in network.layers:
        plans.append(_layer(network, layer, config, stored, rows[layer.name], tables, first))
        first["row"] += layer.outputs
        first["group"] += plans[-1].groups
        first["band"] += len(plans[-1].bands)

    source, output = stored[INPUT], network.shapes[network.output_name]
    outputs, image = int(np.prod(output)), input_bands(source, config.columns, padded(network, INPUT))
    needs = {
        "strips": True, "maximum": any(layer.maximum for layer in network.layers),
        "residual": any(layer.residual is not None for layer in network.layers),
        "slopes": any(layer.slope is not None for layer in network.layers), "table_depth": len(tables),
        "input_depth": source.size, "hidden_depth": hidden, "output_depth": outputs, "row_depth": first["row"],
        "acc_bits": _accumulator(network), "offset_depth": first["group"], "band_depth": first["band"],
        "pass_depth": _passes([band for plan in plans for band in plan.bands]),
        "input_band_depth": len(image), "input_pass_depth": _passes(image),
    }  # fmt: skip
    _require_counts(network, plans, image)
    alive = lives(network)
    return Schedule(
        config=sized_for(config, needs, [plan.runs for plan in plans], network.weight_bits, built=built), layers=tuple(plans),
        inputs=int(np.prod(network.shapes[INPUT])), outputs=outputs, input_bands=image,
        input_layout=(network.shapes[INPUT][0], source.x_step, source.channel_step), tables=tuple(tables),
        memory=Memory(tensors={tensor: view.size for tensor, view in stored.items() if tensor in alive}, peak=hidden if alive else 0),
    )  # fmt: skip


def _require_read(network: QuantizedNetwork) -> None:
    read = {network.output_name, *(name for layer in network.layers for name in (layer.source, layer.residual))}
    for tensor in network.shapes:
        if tensor not in read:
            raise InputError(f"tensor {tensor!r}: must be read by a layer, or be the output")


def _layer(
    network: QuantizedNetwork, layer: QuantizedLayer, config: ArrayConfig, stored: Mapping[str, View], strip: int,
    tables: list[IntArray], first: Mapping[str, int],
) -> LayerPlan:  # fmt: skip
    source, to_output = stored[layer.source], layer.output == network.output_name
    shape = network.shapes[layer.output]
    weights = stored_weights(layer, source, config.word)
    residual = None if layer.residual is None else stored[layer.residual]
    step = 0 if residual is None else residual.y_step
    channels = layer.channel + np.arange(layer.outputs)
    if to_output:
        places, write_step, padding = channels, shape[0], 0
        bands = output_bands(shape, strip, config.columns, step)
    else:
        target = stored[layer.output]
        places, write_step, padding = (
            channels * target.channel_step,
            target.x_step,
            padded(network, layer.output),
        )
        bands = result_bands(target, strip, config.columns, padding, step)
    runs = _runs(weights.mask, config, layer.maximum, bands)
    given = network.formats[layer.source]
    program = {
        "last": layer is network.layers[-1], "to_output": to_output, "from_input": layer.source == INPUT,
        "release": layer is [other for other in network.layers if other.source == INPUT][-1],
        "signed": given.signed, "outputs": int(np.prod(shape)) if to_output else 0,
        "zero_point": layer.zero_point, "low": layer.low, "high": layer.high,
        "width": shape[2] - 1, "x_step": layer.window.stride[1] * source.x_step, "y_step": layer.window.stride[0] * source.y_step,
        "write_step": write_step, "band": first["band"], "padding": padding, "maximum": layer.maximum,
        "residual": 0, "residual_signed": 0, "residual_zero": 0, "residual_multiplier": 0, "residual_step": 0,
        "tabled": layer.table is not None, "table": table_number(layer, tables),
    }  # fmt: skip
    if residual is not None and layer.residual is not None:
        other = network.formats[layer.residual]
        program |= {
            "residual": 1, "residual_signed": other.signed, "residual_zero": other.zero_point,
            "residual_multiplier": layer.residual_multiplier, "residual_step": residual.x_step,
        }  # fmt: skip
    return LayerPlan(
        name=layer.name, shape=(layer.outputs, layer.weight[0].size), kept=int(np.count_nonzero(layer.weight)),
        output=layer.output, channel=layer.channel, strip=strip, positions=shape[1] * shape[2],
        weight=weights.weight, mask=weights.mask, rows=np.arange(layer.outputs), columns=weights.columns,
        bias=layer.bias, multiplier=layer.multiplier, slope=layer.slope,
        shift=layer.shift if residual is None else layer.shift - (RESIDUAL_FRACTION - 1),
        places=places,
        residual_places=None if residual is None else np.array(
            [residual.address(k, residual.top, residual.left) for k in range(layer.outputs)]
        ),
        runs=runs, first_row=first["row"], first_group=first["group"], groups=len(weights.offsets), offsets=weights.offsets,
        row_step=layer.weight.shape[1] * source.channel_step if layer.groups > 1 else 0,
        repeat=layer.outputs // layer.groups if layer.groups > 1 else min(layer.outputs, 1 << REPEAT_BITS),
        bands=bands, program=program,
    )  # fmt: skip


def _runs(
    mask: npt.NDArray[np.bool_], config: ArrayConfig, maximum: bool, bands: tuple[Band, ...]
) -> tuple[LaneRun, ...]:
    """Equal runs of nonzeros. For a maximum, and where writing the parts of cut rows would take longer, the cuts lie between rows."""
    whole = split(mask, config.lanes, config.word, whole_rows=True)
    if maximum:
        return whole
    equal = split(mask, config.lanes, config.word)
    writes = np.mean([count for band in bands for count in band.counts])

    def least(runs: tuple[LaneRun, ...]) -> float:
        results = sum(run.last_row - run.first_row + 1 for run in runs if run.end > run.begin)
        return max(max(run.end - run.begin for run in runs), float(results * writes))

    return whole if least(whole) < least(equal) else equal


def _accumulator(network: QuantizedNetwork) -> int:
    sums = (
        accumulator_bits(layer.weight, layer.bias, network.formats[layer.source])
        for layer in network.layers
        if not layer.maximum
    )
    return max([LEAST_ACCUMULATOR, *sums])


def _passes(bands: list[Band] | tuple[Band, ...]) -> int:
    return sum(len(band.first) + len(band.middle) + len(band.last) for band in bands)


def _require_counts(network: QuantizedNetwork, plans: list[LayerPlan], image: tuple[Band, ...]) -> None:
    """Raises CapacityError for counts that the words' counters cannot hold."""
    channels, _, width = network.shapes[INPUT]
    checks = [("input", "channels", channels, 1 << CHANNEL_BITS), ("input", "pixels in a row", width, 1 << WIDTH_BITS)]
    for plan in plans:
        location = f"layer {plan.name!r}"
        checks += [
            (location, "output pixels in a row", plan.bands[0].width, 1 << WIDTH_BITS),
            (location, "output positions in a strip", plan.tiles, 1 << TILE_BITS),
            (location, "outputs in a group", plan.repeat, 1 << REPEAT_BITS),
        ]  # fmt: skip
    for location, bands in [("input", image), *((f"layer {plan.name!r}", plan.bands) for plan in plans)]:
        most = max(max(len(band.first), len(band.middle), len(band.last)) for band in bands)
        checks.append((location, "writes of one element", most, 1 << PASSES_BITS))
    for location, what, count, most in checks:
        if count > most:
            raise CapacityError(f"{location}: at most {most} {what}, not {count}")
