"""Hosting of the tensors, and order of the rows, with the fewest estimated cycles."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from zeroskip.contracts.graph import INPUT
from zeroskip.contracts.network import QuantizedLayer, QuantizedNetwork
from zeroskip.schedule.strips.readers import across

from .copies import epilogues_of
from .dealing import counts, deal
from .estimate import STEADY, Counts, tile_cycles
from .hosting import FEW, Hosting, adds_up, everywhere, first_channels, host, host_apart, share, shareable
from .order import Bundle, bundles

MOST_EVERYWHERE = 1024
"""Channels of a vector that may be stored in all lanes: those of one block RAM."""

MOST_SHARED = 4
"""Times the places that a lane needs at least, at most, where channels are stored in several lanes."""

NEAR = 1.03
"""More cycles of a tensor's readers are not worth the memory that fewer would take."""

WORTH = 0.98
"""What is left of the cycles, at most, if a vector is to be stored in all lanes."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Order:
    """One order of a layer's rows."""

    counts: Counts
    bundles: tuple[Bundle, ...]
    tiles: int

    def cycles(self, writes: int) -> float:
        """Estimated cycles of one output position whose results are each written so often."""
        return tile_cycles(self.counts, self.bundles, writes, self.tiles)


@dataclass(frozen=True, kw_only=True, eq=False)
class Work:
    """What the lanes do in one layer.

    orders : with full bundles, and with bundles whose rows have no lane in common
    parts : as in :func:`~zeroskip.schedule.lanes.dealing.deal`
    """

    orders: tuple[Order, ...]
    parts: int

    def best(self, writes: int) -> Order:
        """The order with the fewest cycles when results are written so often."""
        return min(self.orders, key=lambda order: order.cycles(writes))


def choose(
    network: QuantizedNetwork, lanes: int, columns: int, epilogues: int, load_elements: int, *, compact: bool = False
) -> tuple[dict[str, Hosting], dict[str, Work]]:
    """Hosting by tensor, and work by layer.

    Channels are dealt to the lanes. A vector may be stored in all of them instead, so that a lane works on whole rows: where a row has very
    few weights, there are fewer partial sums to merge. A ``compact`` choice takes the fewest places in every lane instead.
    """
    read = list(dict.fromkeys(layer.source for layer in network.layers))
    most = 1 if compact else MOST_SHARED
    hosts = {tensor: _host(network, tensor, lanes, columns, load_elements, most) for tensor in read}
    unread = {layer.residual for layer in network.layers if layer.residual is not None and layer.residual not in hosts}
    hosts |= {tensor: _nowhere(network, tensor, lanes) for tensor in sorted(unread)}
    work = work_of(network, hosts, columns, epilogues)
    for tensor in [] if compact else read:
        readers = [layer for layer in network.layers if layer.source == tensor]
        channels, *position = network.shapes[tensor]
        if lanes == 1 or position != [1, 1] or channels > MOST_EVERYWHERE or not all(map(adds_up, readers)):
            continue
        if tensor == INPUT and channels > sum(map(_cycles, work.values())):
            continue  # every lane would take them one by one, for longer than all layers work
        tried = {**hosts, tensor: everywhere(network, tensor, lanes)}
        found = {
            layer.name: min(
                (_work(network, layer, tried, columns, epilogues, parts) for parts in _powers(lanes)), key=_cycles
            )
            for layer in readers
        }
        for layer in network.layers:
            if layer.output == tensor:
                found[layer.name] = _work(network, layer, tried, columns, epilogues, work[layer.name].parts)
        if sum(map(_cycles, found.values())) < WORTH * sum(_cycles(work[name]) for name in found):
            hosts, work = tried, {**work, **found}
    return hosts, work


def work_of(network: QuantizedNetwork, hosts: Mapping[str, Hosting], columns: int, epilogues: int) -> dict[str, Work]:
    """Work by layer, where rows are shared by all lanes that store their channels."""
    return {layer.name: _work(network, layer, hosts, columns, epilogues, 0) for layer in network.layers}


def _host(network: QuantizedNetwork, tensor: str, lanes: int, columns: int, load_elements: int, most: int) -> Hosting:
    """The hosting with the fewest places in a lane among those that are ``NEAR`` the fastest; ``most`` times the fewest of all at most."""
    channels, *position = network.shapes[tensor]
    together = min(load_elements, 1 << (lanes.bit_length() - 1))
    while position != [1, 1] and channels % together:
        together //= 2
    # One lane can have what a row of a grouped layer reads, or what comes together, but not both.
    alone = all(layer.groups == 1 or layer.weight.shape[1] == 1 for layer in network.layers if layer.source == tensor)
    apart = tensor == INPUT and together > 1 and alone
    if apart and channels > (lanes if most == 1 else FEW * lanes):
        return host_apart(network, tensor, lanes, together)
    if not shareable(network, tensor, lanes):
        return host(network, tensor, lanes)
    least = -(-channels // lanes)
    tried = [share(network, tensor, lanes, depth) for depth in range(least, min(channels, most * least) + 1)]
    readers = [layer for layer in network.layers if layer.source == tensor]
    cycles = [
        sum(
            math.prod(network.shapes[layer.output][1:]) * _cycles(_work(network, layer, {tensor: hosting}, columns, 1, 0))
            for layer in readers
        )
        for hosting in tried
    ]  # fmt: skip
    return next(hosting for hosting, found in zip(tried, cycles, strict=True) if found <= NEAR * min(cycles))


def one_column(network: QuantizedNetwork, layer: QuantizedLayer, strip: int) -> QuantizedLayer:
    """The layer as one column works on it: of a window across the columns, the rows of one strip."""
    return replace(layer, weight=layer.weight[:, :, :1].repeat(strip, axis=2)) if across(network, layer) else layer


def _powers(lanes: int) -> list[int]:
    return [1 << i for i in range(lanes.bit_length()) if 1 << i <= lanes]


def _cycles(work: Work) -> float:
    return work.best(1).cycles(1)


def _nowhere(network: QuantizedNetwork, tensor: str, lanes: int) -> Hosting:
    """A tensor that is added and never read lies in no lane."""
    channels = network.shapes[tensor][0]
    return Hosting(lanes=np.zeros((channels, lanes), dtype=np.bool_), slots=np.zeros(channels, dtype=np.intp))


def _work(
    network: QuantizedNetwork,
    layer: QuantizedLayer,
    hosts: Mapping[str, Hosting],
    columns: int,
    epilogues: int,
    parts: int,
) -> Work:
    source = hosts[layer.source]
    part = one_column(network, layer, -(-network.shapes[layer.source][1] // columns))
    found = counts(deal(part, source, parts), source.lanes.shape[1])
    owners = np.zeros(found.shape, dtype=np.bool_)
    if layer.output in hosts:
        owners = hosts[layer.output].lanes[layer.channel : layer.channel + layer.outputs]
    chains = None
    if layer.groups > 1:  # a lane goes from group to group in the order in which it stores their channels
        by_slot = np.argsort(source.slots[first_channels(layer)], kind="stable")
        chains = [[int(row) for row in by_slot if found[row, lane]] for lane in range(found.shape[1])]
    tiles = 1 if network.shapes[layer.output][1:] == (1, 1) else STEADY
    fixed = epilogues_of(layer, network, epilogues)
    # The output has one port for results, and only one epilogue gets the sum of all columns.
    together = 1 if layer.output == network.output_name or across(network, layer) else epilogues
    modes = (True, False) if together > 1 else (True,)
    return Work(
        orders=tuple(
            Order(counts=found, bundles=bundles(found, owners, together, chains, fixed=fixed, full=full), tiles=tiles)
            for full in modes
        ),
        parts=parts,
    )
