"""Cycles of an array whose lanes own the input channels, against today's: ``python benchmarks/lane_owned.py [NETWORK …]``.

Dealing, order of the rows and heights of the strips are those of the scheduler. The cycles are a model: a lane issues a weight per cycle,
may be ``QUEUE`` rows ahead of the merge, and a bundle of rows is merged in the cycles that its partial sums and its writes take. Decoding is
left out, loading and unloading too, and a layer's fixed cost is ``LAYER`` cycles.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the networks are those of the tests

from networks import DATA, compiled, convolutional
from tests.data.folder import missing
from tests.networks.dense import lenet_300_100

import zeroskip as zs
from zeroskip.cli import tables
from zeroskip.contracts.network import QuantizedLayer, QuantizedNetwork
from zeroskip.schedule import prepared
from zeroskip.schedule.lanes.dealing import counts, deal
from zeroskip.schedule.lanes.hosting import Hosting, host
from zeroskip.schedule.lanes.level import level
from zeroskip.schedule.lanes.order import Bundle, bundles
from zeroskip.schedule.strips.heights import strip_heights
from zeroskip.schedule.strips.readers import across

SPARSITY = 0.8
QUEUE = 16
LAYER = 24
TILES = 4
"""Tiles from whose last ones the cycles of a tile are taken."""

SHAPES = ((4, 8, 1), (8, 8, 1), (8, 8, 2), (8, 8, 4), (16, 8, 2))
"""(lanes, columns, epilogues)."""

Counts = npt.NDArray[np.intp]


def tile_cycles(found: Counts, order: Sequence[Bundle], count: int) -> float:
    """Cycles from one tile to the next, when every result is written ``count`` times."""
    lanes = found.shape[1]
    free, now, ends = [0] * lanes, 0, []
    taken: list[deque[int]] = [deque([0] * QUEUE, maxlen=QUEUE) for _ in range(lanes)]
    plan = [
        (max(count, bundle.turns), [(int(lane), int(found[row, lane])) for row in bundle.rows for lane in np.flatnonzero(found[row])])
        for bundle in order
    ]  # fmt: skip
    for _ in range(TILES):
        for step, parts in plan:
            ready = 0
            for lane, weights in parts:
                free[lane] = max(free[lane], taken[lane][0]) + weights
                ready = max(ready, free[lane])
            now = max(now + step, ready)
            for lane, _ in parts:
                taken[lane].append(now)
        ends.append(now)
    return (ends[-1] - ends[0]) / (TILES - 1)


def cycles(network: QuantizedNetwork, lanes: int, columns: int, epilogues: int) -> tuple[float, int]:
    """Cycles of one sample, and what its nonzeros take at least."""
    network = prepared(network)
    hosts = {tensor: host(network, tensor, lanes) for tensor in {layer.source for layer in network.layers}}
    found: dict[str, tuple[Counts, tuple[Bundle, ...]]] = {}
    for layer in network.layers:
        part = layer
        if across(network, layer):
            part = replace(layer, weight=layer.weight[:, :, : -(-network.shapes[layer.source][1] // columns)])
        each = counts(deal(part, hosts[layer.source]), lanes)
        found[layer.name] = each, _order(network, layer, each, hosts, epilogues)
    work = {name: tile_cycles(*both, 1) for name, both in found.items()}

    def cost(name: str, count: int) -> float:
        return max(work[name], sum(max(count, bundle.turns) for bundle in found[name][1]))

    heights = strip_heights(network, columns, cost)
    total = sum(
        network.shapes[layer.output][2] * sum(cost(layer.name, count) for count in heights.writes[layer.name]) + LAYER
        for layer in network.layers
    )
    ideal = sum(
        math.ceil(np.count_nonzero(layer.weight) * math.prod(network.shapes[layer.output][1:]) / (lanes * columns))
        for layer in network.layers
    )
    return total, ideal


def _order(
    network: QuantizedNetwork, layer: QuantizedLayer, each: Counts, hosts: dict[str, Hosting], epilogues: int
) -> tuple[Bundle, ...]:
    """The better of full bundles and of those whose rows have no lane in common."""
    owners = np.zeros(each.shape, dtype=np.bool_)
    if layer.output in hosts:
        owners = hosts[layer.output].lanes[layer.channel : layer.channel + layer.outputs]
    chains = None
    if layer.groups > 1:
        slots = hosts[layer.source].slots[
            np.arange(layer.outputs) // (layer.outputs // layer.groups) * layer.weight.shape[1]
        ]
        by_slot = np.argsort(slots, kind="stable")
        chains = [[int(row) for row in by_slot if each[row, lane]] for lane in range(each.shape[1])]
    return bundles(each, owners, epilogues, chains)


def _utilisation() -> None:
    """A random fully connected layer on lanes that merge one row per cycle."""
    generator = np.random.default_rng(0)
    sparsities, rows = (0.5, 0.75, 0.9, 0.95, 0.98), []
    for lanes in (4, 8, 16, 32):
        row = []
        for sparsity in sparsities:
            kept = generator.random((256, 1152)) >= sparsity
            lane = level(kept.sum(axis=0)[:, None].astype(float), lanes, -(-1152 // lanes))
            each = np.stack([kept[:, lane == one].sum(axis=1) for one in range(lanes)], axis=1)
            order = bundles(each, np.zeros(each.shape, dtype=np.bool_), 1)
            row.append(f"{kept.sum() / lanes / tile_cycles(each, order, 1):.3f}")
        rows.append((str(lanes), *row))
    heads = ("lanes", *(f"{sparsity:.0%}" for sparsity in sparsities))
    tables.out.print(tables.NumberTable("utilisation, random 256 × 1152", heads, rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help="of tests/networks/catalog.py; all by default")
    wanted = parser.parse_args().networks
    rows = []
    for name, source, network in convolutional():
        if wanted and name not in wanted:
            continue
        design = compiled(network, SPARSITY, zs.ArrayConfig(lanes=source.lanes, columns=source.columns))
        row = [name, f"{design.cycles.interval:,} ({source.lanes} × {source.columns})"]
        for shape in SHAPES:
            total, ideal = cycles(design.network, *shape)
            row.append(f"{total:,.0f} ({total / ideal:.2f})")
        rows.append(tuple(row))
    if not wanted and missing(DATA, "dns_pruned_lenet") is None:
        design = compiled(lenet_300_100(DATA, "sparse"), 0, zs.ArrayConfig(lanes=16))
        tables.out.print(
            f"LeNet-300-100 sparse, 16 × 1: today {design.cycles.interval}, "
            + ", ".join(
                f"{cycles(design.network, 16, 1, epilogues)[0]:.0f} with W = {epilogues}" for epilogues in (1, 2, 4)
            )
        )
    heads = ("80 % pruned", "today", *(f"{lanes} × {columns}, W = {w}" for lanes, columns, w in SHAPES))
    tables.out.print(tables.NumberTable("cycles of a sample (÷ ideal)", heads, rows))
    _utilisation()


if __name__ == "__main__":
    main()
