"""The FIFO against a queue."""

from __future__ import annotations

import gc
from collections import deque
from random import Random
from typing import Any

import pytest
from tests.hw.bench import simulate

from zeroskip_hw.primitives.fifo import Fifo


@pytest.mark.parametrize("depth", [2, 4, 16])
@pytest.mark.parametrize("seed, write_share", [(1, 0.8), (2, 0.2), (3, 0.65)])
def test_random_traffic(depth: int, seed: int, write_share: float) -> None:
    rng = Random(seed)
    dut = Fifo(width=9, depth=depth)

    async def bench(ctx: Any) -> None:
        model: deque[int] = deque()
        fills = set()
        for cycle in range(400):
            where = f"cycle {cycle}, seed {seed}"
            assert ctx.get(dut.valid) == bool(model), where
            assert ctx.get(dut.full) == (len(model) == depth), where
            if model:
                assert ctx.get(dut.data) == model[0], where
            fills.add(len(model))
            # Long stretches of each kind reach both ends.
            share = write_share if cycle // 50 % 2 else 1 - write_share
            write = len(model) < depth and rng.random() < share
            take = bool(model) and rng.random() < 1 - share
            data = rng.getrandbits(9)
            ctx.set(dut.write, write)
            ctx.set(dut.write_data, data)
            ctx.set(dut.take, take)
            if take:
                model.popleft()
            if write:
                model.append(data)
            await ctx.tick()
        assert {0, depth} <= fills, f"seed {seed} reached only {fills}"

    simulate(dut, bench)


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
@pytest.mark.parametrize("depth", [0, 1, 3, 12])
def test_refused_depths(depth: int) -> None:
    with pytest.raises(ValueError, match=rf"^depth must be a power of two of at least 2, not {depth}$"):
        Fifo(width=4, depth=depth)
    # Its remains warn that they were never used: here, not in some later test.
    gc.collect()
