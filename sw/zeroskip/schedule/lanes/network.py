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

from .dealing import Lanes, counts, deal
from .hosting import Hosting, first_channels, host
from .order import Bundle, bundles
from .plan import LaneShare, OwnedLayer, OwnedPlan, Tap
from .scatter import input_writes, output_writes, result_writes
from .views import Stored, stored_tensors


def plan(network: QuantizedNetwork, lanes: int, columns: int, epilogues: int = 1) -> OwnedPlan:
    """Map ``network`` to ``lanes`` × ``columns`` multipliers, with ``epilogues`` results written together."""
    network = prepared(network)
    hosts = {tensor: host(network, tensor, lanes) for tensor in {layer.source: None for layer in network.layers}}
    hosts |= {
        layer.residual: _nowhere(network, layer.residual, lanes)
        for layer in network.layers
        if layer.residual is not None and layer.residual not in hosts
    }
    # How high the strips are decides only what a layer across the columns does.
    parts = {
        layer.name: _part(network, layer, -(-network.shapes[layer.source][1] // columns)) for layer in network.layers
    }
    ordered = {name: _ordered(network, part, hosts, epilogues) for name, part in parts.items()}

    def cost(name: str, count: int) -> float:
        found, order = ordered[name]
        return float(max(found.sum(axis=0).max(), sum(max(count, bundle.turns) for bundle in order)))

    heights = strip_heights(network, columns, cost)
    tensors, depth, copy_depth = stored_tensors(network, heights, hosts)
    layers = tuple(_layer(network, layer, tensors, heights, columns, epilogues) for layer in network.layers)
    return OwnedPlan(
        layers=layers, tensors=tensors, input_writes=input_writes(network, tensors[INPUT]), depth=depth, copy_depth=copy_depth
    )  # fmt: skip


def _nowhere(network: QuantizedNetwork, tensor: str, lanes: int) -> Hosting:
    """A tensor that is added and never read lies in no lane."""
    channels = network.shapes[tensor][0]
    return Hosting(lanes=np.zeros((channels, lanes), dtype=np.bool_), slots=np.zeros(channels, dtype=np.intp))


def _part(network: QuantizedNetwork, layer: QuantizedLayer, strip: int) -> QuantizedLayer:
    """The layer as one column works on it: of a window across the columns, the rows of one strip."""
    return replace(layer, weight=layer.weight[:, :, :1].repeat(strip, axis=2)) if across(network, layer) else layer


def _ordered(
    network: QuantizedNetwork, layer: QuantizedLayer, hosts: Mapping[str, Hosting], epilogues: int
) -> tuple[IntArray, tuple[Bundle, ...]]:
    """Weights by row and lane, and the bundles of rows."""
    source = hosts[layer.source]
    found = counts(deal(layer, source), source.lanes.shape[1])
    owners = np.zeros(found.shape, dtype=np.bool_)
    if layer.output in hosts:
        owners = hosts[layer.output].lanes[layer.channel : layer.channel + layer.outputs]
    chains = None
    if layer.groups > 1:  # a lane goes from group to group in the order in which it stores their channels
        by_slot = np.argsort(source.slots[first_channels(layer)], kind="stable")
        chains = [[int(row) for row in by_slot if found[row, lane]] for lane in range(found.shape[1])]
    return found, bundles(found, owners, epilogues, chains)


def _layer(
    network: QuantizedNetwork, layer: QuantizedLayer, tensors: Mapping[str, Stored], heights: Heights, columns: int, epilogues: int,
) -> OwnedLayer:  # fmt: skip
    source = tensors[layer.source]
    part = _part(network, layer, source.strip)
    hosts = {tensor: stored.hosting for tensor, stored in tensors.items()}
    _, order = _ordered(network, part, hosts, epilogues)
    lane = deal(part, source.hosting)
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
        name=layer.name, computed=computed, width=shape[2], stride=layer.window.stride, taps=taps,
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


def _share(layer: QuantizedLayer, mine: np.ndarray, numbers: IntArray, taps: int, order: IntArray) -> LaneShare:
    rows = order[mine[order].any(axis=(1, 2, 3))]
    mask = np.zeros((len(rows), taps), dtype=np.bool_)
    weight = np.zeros(mask.shape, dtype=np.int64)
    at, channel, y, x = np.nonzero(mine[rows])
    tap = numbers[rows[at], channel, y, x]
    mask[at, tap] = True
    weight[at, tap] = layer.weight[rows[at], channel, y, x]
    return LaneShare(rows=rows, mask=mask, weight=weight)
