"""The CRC over what is loaded, against zlib's."""

from __future__ import annotations

import zlib
from random import Random
from typing import Any

import pytest
from tests.hw.bench import simulate

from zeroskip_hw.control.load_check import LoadCheck


@pytest.mark.parametrize("gap", [2, 3, 7])
def test_parts_of_any_number_with_restarts(gap: int) -> None:
    """Parts come every ``gap`` cycles; a restart just behind a part leaves that out of what follows."""
    dut, rng = LoadCheck(), Random(gap)

    async def bench(ctx: Any) -> None:
        async def pulse(name: str) -> None:
            ctx.set(getattr(dut, name), 1)
            await ctx.tick()
            ctx.set(getattr(dut, name), 0)

        assert ctx.get(dut.crc) == 0
        for count in (0, 1, 2, 50):
            parts = [rng.getrandbits(32) for _ in range(count)]
            wanted = zlib.crc32(b"".join(part.to_bytes(4, "little") for part in parts))
            for right in (True, False):
                ctx.set(dut.expected, wanted ^ (0 if right else 1 << rng.randrange(32)))
                await pulse("restart")
                await ctx.tick().repeat(
                    3
                )  # the bus brings a part two cycles after its write, at the earliest two after the restart
                for part in parts:
                    ctx.set(dut.part, part)
                    await pulse("commit")
                    await ctx.tick().repeat(gap - 1)
                await ctx.tick()
                assert ctx.get(dut.crc) == wanted, f"{count} parts, {gap} cycles apart"
                await ctx.tick()
                assert ctx.get(dut.good) == right
                ctx.set(dut.part, rng.getrandbits(32))
                await pulse("commit")  # on its way when the next restart is asked for

    simulate(dut, bench)


@pytest.mark.parametrize("flipped", range(0, 160, 7))
def test_one_flipped_bit_is_noticed(flipped: int) -> None:
    dut, parts = LoadCheck(), [Random(flipped).getrandbits(32) for _ in range(5)]

    async def bench(ctx: Any) -> None:
        ctx.set(dut.expected, zlib.crc32(b"".join(part.to_bytes(4, "little") for part in parts)))
        for number, part in enumerate(parts):
            ctx.set(dut.part, part ^ ((1 << flipped % 32) if number == flipped // 32 else 0))
            ctx.set(dut.commit, 1)
            await ctx.tick()
            ctx.set(dut.commit, 0)
            await ctx.tick()
        await ctx.tick().repeat(3)
        assert not ctx.get(dut.good)

    simulate(dut, bench)
