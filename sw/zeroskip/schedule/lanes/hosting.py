"""Which lanes store which channels of a tensor.

A lane stores only channels whose weights it holds. Channels are dealt so that in every layer that reads the tensor all lanes have equally
much to do. Where there are few channels, several lanes store the same one and share its weights.
"""

from __future__ import annotations

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
"""With fewer channels than this for each lane, or as many, a channel is stored in several lanes: single ones differ too much."""

TINY = 4
"""So few channels are stored in every lane."""

FOLD = 3
"""Places of a lane for each channel that it would have by itself, where channels are few."""


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
    """Deal the channels of ``tensor``, which some layer reads."""
    channels = network.shapes[tensor][0]
    readers = [layer for layer in network.layers if layer.source == tensor]
    units = _units(readers, channels)
    work = np.stack([_work(layer, network.shapes[layer.output], channels) for layer in readers], axis=1)
    if channels <= FEW * lanes and all(layer.groups == 1 for layer in readers):
        return _shared(work.sum(axis=1), lanes)
    return _whole(work, units, lanes)


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


def _work(layer: QuantizedLayer, output: tuple[int, int, int], channels: int) -> FloatArray:
    """(channels,) products that a channel takes part in."""
    return np.asarray(channel_weights(layer, channels).sum(axis=0) * float(output[1] * output[2]))


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
    stores = np.zeros((len(units), lanes), dtype=np.bool_)
    stores[np.arange(len(units)), lane[units]] = True
    # The heaviest first in every lane, so that rows which follow each other in a depthwise layer are about equally long in all lanes.
    slots = np.zeros(len(units), dtype=np.intp)
    for one in range(lanes):
        mine = np.flatnonzero(lane[units] == one)
        heaviest = np.lexsort((mine, units[mine], -costs.sum(axis=1)[units[mine]]))
        slots[mine[heaviest]] = np.arange(len(mine))
    return Hosting(lanes=stores, slots=slots)


def _shared(work: FloatArray, lanes: int) -> Hosting:
    """Every channel in several lanes, in proportion to its work. Channel c has slot c modulo the number of slots."""
    channels = len(work)
    depth = channels if channels <= TINY else min(channels, max(2, -(-FOLD * channels // lanes)))
    stores = np.zeros((channels, lanes), dtype=np.bool_)
    for slot in range(depth):
        mine = np.arange(slot, channels, depth)
        ends = np.cumsum(_shares(work[mine], lanes))
        for channel, begin, end in zip(mine, [0, *ends[:-1]], ends, strict=True):
            # Each slot begins at another lane, so that lanes which share one channel differ in their other channels.
            stores[channel, (np.arange(begin, end) + FOLD * slot) % lanes] = True
    return Hosting(lanes=stores, slots=np.arange(channels) % depth)


def _shares(work: FloatArray, lanes: int) -> Indices:
    """Lanes for each channel: one at least, all of them together, in proportion to ``work``."""
    work = work + 1e-6 * max(1.0, float(work.max()))
    shares: Indices = np.maximum(1, np.floor(lanes * work / work.sum())).astype(np.intp)
    while shares.sum() > lanes:
        shares[np.where(shares > 1, work / shares, np.inf).argmin()] -= 1
    while shares.sum() < lanes:
        shares[(work / shares).argmax()] += 1
    return shares
