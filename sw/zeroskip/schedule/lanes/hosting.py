"""Which lanes store which channels of a tensor.

A lane stores only channels whose weights it holds. Channels are dealt so that in every layer that reads the tensor all lanes have equally
much to do. Where there are few channels, several lanes store the same one and share its weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zeroskip.contracts.network import QuantizedLayer, QuantizedNetwork

from .level import level

BoolArray = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.intp]
FloatArray = npt.NDArray[np.float64]

FEW = 2
"""With fewer channels than this for each lane, or as many, a channel may be stored in several lanes: single ones differ too much."""

STAGGER = 3
"""Lanes from where one slot begins to where the next does."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Hosting:
    """Where one tensor's channels are stored.

    lanes : (channels, lanes) bool
    slots : (channels,) place among a lane's channels, the same in all lanes that store it
    """

    lanes: BoolArray
    slots: Indices

    @property
    def depth(self) -> int:
        """Places that every lane has for this tensor at each position of the image."""
        return int(self.slots.max()) + 1


def host(network: QuantizedNetwork, tensor: str, lanes: int) -> Hosting:
    """Deal the channels of ``tensor``, which some layer reads: every channel to one lane."""
    readers = [layer for layer in network.layers if layer.source == tensor]
    return _whole(_work(network, tensor), _units(readers, network.shapes[tensor][0]), lanes)


def host_apart(network: QuantizedNetwork, tensor: str, lanes: int, together: int) -> Hosting:
    """Deal the channels of a vector such that ``together`` that follow each other lie in different lanes: they come in one cycle."""
    work = _work(network, tensor)
    units = np.arange(len(work))
    return _in_lanes(work, units, level(work, lanes, -(-len(work) // lanes), units // together), lanes)


def adds_up(layer: QuantizedLayer) -> bool:
    """Whether several lanes may find parts of one row, to be added. A grouped layer's channels lie in one lane; maxima are not added."""
    return layer.groups == 1 and not layer.maximum


def shareable(network: QuantizedNetwork, tensor: str, lanes: int) -> bool:
    """Whether :func:`share` may be better: few channels, all of which every row may read, and adds up."""
    readers = [layer for layer in network.layers if layer.source == tensor]
    return network.shapes[tensor][0] <= FEW * lanes and all(map(adds_up, readers))


def share(network: QuantizedNetwork, tensor: str, lanes: int, depth: int) -> Hosting:
    """Deal the channels to ``depth`` places of every lane: every channel to as many lanes as its work asks for.

    Channel c has slot c modulo ``depth``, in all lanes that store it.
    """
    work = _work(network, tensor).sum(axis=1)
    channels = len(work)
    stores = np.zeros((channels, lanes), dtype=np.bool_)
    for slot in range(depth):
        mine = np.arange(slot, channels, depth)
        ends = np.cumsum(_shares(work[mine], lanes))
        for channel, begin, end in zip(mine, [0, *ends[:-1]], ends, strict=True):
            # Each slot begins at another lane, so that lanes which share one channel differ in their other channels.
            stores[channel, (np.arange(begin, end) + STAGGER * slot) % lanes] = True
    return Hosting(lanes=stores, slots=np.arange(channels) % depth)


def everywhere(network: QuantizedNetwork, tensor: str, lanes: int) -> Hosting:
    """Every channel in every lane, so that any lane can work on any row."""
    channels = network.shapes[tensor][0]
    return Hosting(lanes=np.ones((channels, lanes), dtype=np.bool_), slots=np.arange(channels))


def channel_weights(layer: QuantizedLayer, channels: int) -> Indices:
    """(outputs, channels) kept weights of each output on each channel of the source."""
    kept = np.count_nonzero(layer.weight, axis=(2, 3))
    counts = np.zeros((layer.outputs, channels), dtype=np.intp)
    first = first_channels(layer)
    counts[np.arange(layer.outputs)[:, None], first[:, None] + np.arange(kept.shape[1])] = kept
    return counts


def first_channels(layer: QuantizedLayer) -> Indices:
    """(outputs,) the first channel of the source that each output reads."""
    return np.asarray(
        np.arange(layer.outputs) // (layer.outputs // layer.groups) * layer.weight.shape[1], dtype=np.intp
    )


def _work(network: QuantizedNetwork, tensor: str) -> FloatArray:
    """(channels, readers) products that a channel takes part in."""
    channels = network.shapes[tensor][0]
    return np.stack(
        [
            channel_weights(layer, channels).sum(axis=0) * float(math.prod(network.shapes[layer.output][1:]))
            for layer in network.layers
            if layer.source == tensor
        ],
        axis=1,
    )


def _units(readers: Sequence[QuantizedLayer], channels: int) -> Indices:
    """(channels,) number of the unit that a channel belongs to. What one row of a grouped layer reads stays together."""
    units = np.arange(channels)
    for size in sorted({layer.weight.shape[1] for layer in readers if layer.groups > 1}):
        for begin in range(0, channels, size):
            joined = np.isin(units, units[begin : begin + size])
            units[joined] = units[joined].min()
    return np.unique(units, return_inverse=True)[1]


def _whole(work: FloatArray, units: Indices, lanes: int) -> Hosting:
    """Every unit in one lane, and no lane with more units than it must have."""
    count = int(units.max()) + 1
    costs = np.zeros((count, work.shape[1]))
    np.add.at(costs, units, work)
    lane = level(costs, lanes, -(-count // lanes))
    return _in_lanes(costs, units, lane, lanes)


def _in_lanes(costs: FloatArray, units: Indices, lane: Indices, lanes: int) -> Hosting:
    """Every unit in its lane."""
    stores = np.zeros((len(units), lanes), dtype=np.bool_)
    stores[np.arange(len(units)), lane[units]] = True
    # The heaviest first in every lane, so that rows which follow each other in a depthwise layer are about equally long in all lanes.
    slots = np.zeros(len(units), dtype=np.intp)
    for one in range(lanes):
        mine = np.flatnonzero(lane[units] == one)
        heaviest = np.lexsort((mine, units[mine], -costs.sum(axis=1)[units[mine]]))
        slots[mine[heaviest]] = np.arange(len(mine))
    return Hosting(lanes=stores, slots=slots)


def _shares(work: FloatArray, lanes: int) -> Indices:
    """Lanes for each channel: one at least, all of them together, in proportion to ``work``."""
    work = work + 1e-6 * max(1.0, float(work.max()))
    shares: Indices = np.maximum(1, np.floor(lanes * work / work.sum())).astype(np.intp)
    while shares.sum() > lanes:
        shares[np.where(shares > 1, work / shares, np.inf).argmin()] -= 1
    while shares.sum() < lanes:
        shares[(work / shares).argmax()] += 1
    return shares
