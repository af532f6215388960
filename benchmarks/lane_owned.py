"""Cycles of an array whose lanes own the input channels, against today's: ``python benchmarks/lane_owned.py [NETWORK …]``.

Hosting, dealing, order of the rows and heights of the strips are the scheduler's. Its estimate of the cycles leaves out decoding, loading and
unloading; here a layer takes ``LAYER`` cycles besides.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the networks are those of the tests

from networks import DATA, compiled, convolutional
from tests.data.folder import missing
from tests.networks.dense import lenet_300_100

import zeroskip as zs
from zeroskip.cli import tables
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.schedule import prepared
from zeroskip.schedule.lanes.choice import choose
from zeroskip.schedule.lanes.estimate import tile_cycles
from zeroskip.schedule.lanes.level import level
from zeroskip.schedule.lanes.order import bundles
from zeroskip.schedule.strips.heights import strip_heights

SPARSITY = 0.8
LAYER = 24

SHAPES = ((4, 8, 1), (8, 8, 1), (8, 8, 2), (8, 8, 4), (16, 8, 2))
"""(lanes, columns, epilogues)."""


def cycles(network: QuantizedNetwork, lanes: int, columns: int, epilogues: int) -> tuple[float, int]:
    """Cycles of one sample, and what its nonzeros take at least."""
    network = prepared(network)
    _, work = choose(network, lanes, columns, epilogues)

    def cost(name: str, writes: int) -> float:
        return work[name].best(writes).cycles(writes)

    heights = strip_heights(network, columns, cost)
    total = sum(
        network.shapes[layer.output][2] * sum(cost(layer.name, writes) for writes in heights.writes[layer.name]) + LAYER
        for layer in network.layers
    )
    ideal = sum(
        math.ceil(np.count_nonzero(layer.weight) * math.prod(network.shapes[layer.output][1:]) / (lanes * columns))
        for layer in network.layers
    )
    return total, ideal


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
            row.append(f"{kept.sum() / lanes / tile_cycles(each, order):.3f}")
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
