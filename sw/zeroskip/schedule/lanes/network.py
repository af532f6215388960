"""A network of window operators on lanes that own channels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from zeroskip.contracts.graph import INPUT
from zeroskip.contracts.network import IntArray, QuantizedLayer, QuantizedNetwork
from zeroskip.schedule.strips.heights import Heights, strip_heights
from zeroskip.schedule.strips.prepare import prepared
from zeroskip.schedule.strips.readers import across, in_one_column

from .choice import Work, choose, one_column, work_of
from .copies import copies_of
from .dealing import Lanes, deal
from .hosting import first_channels
from .plan import LaneShare, OwnedLayer, OwnedPlan, Tap
from .scatter import input_writes, output_writes, result_writes
from .views import Stored, stored_tensors


def plan(
    network: QuantizedNetwork,
    lanes: int,
    columns: int,
    epilogues: int = 1,
    load_elements: int = 1,
    *,
    compact: bool = False,
) -> OwnedPlan:
    """Map ``network`` to ``lanes`` × ``columns`` multipliers.

    epilogues : results that may be written together; load_elements : elements of the input that may be stored together
    compact : in the smallest memories, and not in the fewest cycles: where everything lies does not depend on the mask
    """
    network = prepared(network)
    hosts, work = choose(
        filled(network) if compact else network, lanes, columns, epilogues, load_elements, compact=compact
    )
    heights = strip_heights(network, columns, lambda name, writes: work[name].best(writes).cycles(writes))
    if compact:
        work = work_of(network, hosts, columns, epilogues)
    tensors, depth, copy_depth = stored_tensors(network, heights, hosts, copies_of(network, epilogues))
    layers = tuple(_layer(network, layer, work[layer.name], tensors, heights, columns) for layer in network.layers)
    return OwnedPlan(
        layers=layers, tensors=tensors, input_writes=input_writes(network, tensors[INPUT]), epilogues=epilogues, depth=depth,
        copy_depth=copy_depth,
    )  # fmt: skip


def filled(network: QuantizedNetwork) -> QuantizedNetwork:
    """The network with no weight left out."""
    layers = tuple(replace(layer, weight=np.where(layer.weight == 0, 1, layer.weight)) for layer in network.layers)
    return replace(network, layers=layers)


def _layer(
    network: QuantizedNetwork,
    layer: QuantizedLayer,
    work: Work,
    tensors: Mapping[str, Stored],
    heights: Heights,
    columns: int,
) -> OwnedLayer:
    source = tensors[layer.source]
    part = one_column(network, layer, source.strip)
    order = work.best(max(heights.writes[layer.name])).bundles
    lane = deal(part, source.hosting, work.parts)
    taps, numbers = _taps(part, lane, source)
    rows = np.array([row for bundle in order for row in bundle.rows])
    shape, given = network.shapes[layer.output], network.formats[layer.source]
    padding = given.low if layer.maximum else given.zero_point
    bias = layer.bias
    if across(network, layer) and not layer.maximum:
        beyond = (columns * source.strip - source.shape[1]) * source.shape[2]
        bias = bias - layer.weight[:, 0, 0, 0] * padding * beyond
    computed = heights.computed[layer.name]
    if layer.output == network.output_name:
        written = output_writes(shape, computed, columns)
    else:
        written = result_writes(network, layer.output, tensors[layer.output], computed, columns)
    return OwnedLayer(
        name=layer.name, width=shape[2], stride=layer.window.stride, taps=taps,
        captured=tuple(_captured(layer, lane == one, numbers, len(taps)) for one in range(source.hosting.lanes.shape[1])),
        shares=tuple(_share(part, lane == one, numbers, len(taps), rows) for one in range(source.hosting.lanes.shape[1])),
        group_rows=layer.outputs // layer.groups, group_step=layer.weight.shape[1] if layer.groups > 1 else 0,
        bundles=order, bias=bias, writes=written,
        across=across(network, layer), padding=padding, **_seen(network, layer, source),
    )  # fmt: skip


def _seen(network: QuantizedNetwork, layer: QuantizedLayer, source: Stored) -> dict[str, int]:
    """How the layer's columns see the strips of its source."""
    height = source.shape[1]
    if in_one_column(network, layer):
        return {"strip": height, "columns": 1, "edge": height}
    return {"strip": source.strip, "columns": source.columns, "edge": height - (source.columns - 1) * source.strip}


def _taps(layer: QuantizedLayer, lane: Lanes, source: Stored) -> tuple[tuple[Tap, ...], IntArray]:
    """The taps that some row uses in some lane, in the order of their addresses, and the number of each weight's tap.

    The latter has the weight's shape; it counts only where something is stored.
    """
    window = layer.window
    slots = source.hosting.slots[first_channels(layer)[:, None] + np.arange(layer.weight.shape[1])]
    if layer.groups > 1:
        slots = slots - slots.min(axis=1, keepdims=True)
    _, _, high, wide = layer.weight.shape
    row, cell = np.meshgrid(
        np.arange(high) * window.dilation[0] - window.padding[0], np.arange(wide) * window.dilation[1] - window.padding[1],
        indexing="ij",
    )  # fmt: skip
    place = (np.arange(high * wide).reshape(high, wide) * source.x_step)[None, None] + slots[:, :, None, None]
    used = np.unique(place[lane >= 0])
    number = np.searchsorted(used, place)
    positions, slot = np.divmod(used, source.x_step)
    rows, cells = row.reshape(-1)[positions], cell.reshape(-1)[positions]
    offsets = source.base + rows * source.y_step + cells * source.x_step + slot
    taps = tuple(Tap(*values) for values in zip(offsets.tolist(), rows.tolist(), cells.tolist(), strict=True))
    return taps, number


def _captured(layer: QuantizedLayer, mine: np.ndarray, numbers: IntArray, taps: int) -> tuple[int, ...]:
    """The place in the flattened kernel of what each tap is in one lane; a strip may have more rows than a kernel across the columns."""
    _, _, high, wide = layer.weight.shape
    found = np.full(taps, -1)
    row, channel, y, x = np.nonzero(mine)
    found[numbers[row, channel, y, x]] = np.where(y < high, (channel * high + y) * wide + x, -1)
    return tuple(found.tolist())


def _share(layer: QuantizedLayer, mine: np.ndarray, numbers: IntArray, taps: int, order: IntArray) -> LaneShare:
    rows = order[mine[order].any(axis=(1, 2, 3))]
    mask = np.zeros((len(rows), taps), dtype=np.bool_)
    weight = np.zeros(mask.shape, dtype=np.int64)
    at, channel, y, x = np.nonzero(mine[rows])
    tap = numbers[rows[at], channel, y, x]
    mask[at, tap] = True
    weight[at, tap] = layer.weight[rows[at], channel, y, x]
    return LaneShare(rows=rows, mask=mask, weight=weight)
