"""Constants of the layers: sent once each, in order, behind the last lane."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from amaranth.hdl import ResetInserter, Signal
from tests.hw.bench import layout_of, load, parted, simulate

from zeroskip.contracts.layout import PART
from zeroskip_hw.control.constants import Constants

QUIET = 5
"""Cycles behind the gate in which a weight still needs its layer's constants."""


@pytest.mark.parametrize("seed", range(4))
def test_every_layer_once(seed: int) -> None:
    """Two programs in a row; lanes close one after the other and all open at once."""
    rng = Random(seed)
    layout = layout_of(lanes=3)
    layers = rng.randint(1, 3)
    words = [
        rng.getrandbits(layout.constants.width - 1) | (number == layers - 1) << (layout.constants.width - 1)
        for number in range(layers)
    ]
    parts = [part for word in words for part in parted(word, layout.constant_parts, PART)]
    dut, stopped = Constants(layout), Signal()

    async def bench(ctx: Any) -> None:
        ctx.set(stopped, 1)
        ctx.set(dut.closed, 7)
        await load(ctx, dut.load, layout, "constants", parts)
        ctx.set(stopped, 0)
        for number in range(2 * layers + 1):
            found = []
            for closed_for in range(1, 60):
                if ctx.get(dut.valid):
                    assert closed_for > QUIET
                    found.append(ctx.get(dut.part))
                if ctx.get(dut.resume):
                    break
                await ctx.tick()
            assert found == parted(words[number % layers], layout.constant_parts, PART), f"seed {seed}"
            for _ in range(rng.randrange(20)):
                await ctx.tick()
                assert not ctx.get(dut.valid)
            ctx.set(dut.closed, 0)
            await ctx.tick()
            for lane in rng.sample(range(3), 3):
                ctx.set(dut.closed, ctx.get(dut.closed) | 1 << lane)
                for _ in range(rng.randrange(3) if ctx.get(dut.closed) != 7 else 0):
                    assert not ctx.get(dut.valid)
                    await ctx.tick()

    simulate(ResetInserter(stopped)(dut), bench)
