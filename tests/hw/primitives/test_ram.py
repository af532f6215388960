"""The block RAM's behavioural model; the Verilog module behind it is covered wherever Verilog is simulated."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from tests.hw.bench import simulate

from zeroskip_hw.primitives.ram import Ram


def test_starts_with_its_image() -> None:
    contents = (7, 0, 255, 42)
    dut = Ram(width=8, depth=4, init=contents)

    async def bench(ctx: Any) -> None:
        ctx.set(dut.read_enable, 1)
        for address, expected in enumerate(contents):
            ctx.set(dut.read_address, address)
            await ctx.tick()
            assert ctx.get(dut.read_data) == expected

    simulate(dut, bench)


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("depth", [1, 2, 5, 16])
def test_random_access(depth: int, parts: int) -> None:
    """Read data comes one cycle later and stays while reading is off; each part is written by its own enable."""
    rng = Random(depth * 10 + parts)
    width = 8 * parts
    dut = Ram(width=width, depth=depth, parts=parts)

    async def bench(ctx: Any) -> None:
        model = [0] * depth
        shown = ctx.get(dut.read_data)
        for cycle in range(300):
            enable, write_address, data = rng.getrandbits(parts), rng.randrange(depth), rng.getrandbits(width)
            read_address, read = rng.randrange(depth), rng.random() < 0.7
            # What a read gives of a word that is being written is left open.
            if read and read_address == write_address:
                enable = 0
            ctx.set(dut.write_enable, enable)
            ctx.set(dut.write_address, write_address)
            ctx.set(dut.write_data, data)
            ctx.set(dut.read_enable, read)
            ctx.set(dut.read_address, read_address)
            if read:
                shown = model[read_address]
            for part in range(parts):
                if enable >> part & 1:
                    mask = 0xFF << (8 * part)
                    model[write_address] = model[write_address] & ~mask | data & mask
            await ctx.tick()
            assert ctx.get(dut.read_data) == shown, f"cycle {cycle}, depth {depth}, parts {parts}"

    simulate(dut, bench)
