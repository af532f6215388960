"""Operands of the columns against a plain choice."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from tests.hw.bench import joined, layout_of, parted, simulate

from zeroskip.contracts.timing import turn_stages
from zeroskip_hw.lane.turn import OPERAND_BITS, Turn

DOWN = {0: 0, 1: -1, 2: 1, 3: None}
"""Columns down, by turn."""


def operands_of(data: list[int], down: int | None, there: int, padding: int, signed: bool) -> list[int]:
    found = []
    for column in range(len(data)):
        source = len(data) if down is None else column + down
        inside = 0 <= source < len(data) and there >> source & 1
        byte = data[source] if inside else padding
        found.append(byte - 256 & 0x1FF if signed and byte & 0x80 else byte)
    return found


@pytest.mark.parametrize("columns", [1, 2, 5, 8])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_every_column_gets_its_operand(columns: int, signed: bool, seed: int) -> None:
    """A new word and a new turn in every cycle."""
    rng = Random(seed)
    layout = layout_of(columns=columns)
    dut = Turn(layout)
    padding = rng.choice([0, 255, rng.randrange(256)])
    words = [
        ([rng.randrange(256) for _ in range(columns)], rng.randrange(4), rng.randrange(1 << columns))
        for _ in range(300)
    ]

    async def bench(ctx: Any) -> None:
        ctx.set(dut.padding, padding)
        ctx.set(dut.signed, signed)
        for cycle in range(len(words) + 1):
            if cycle < len(words):
                ctx.set(dut.turn, words[cycle][1])
                ctx.set(dut.there, words[cycle][2] << 1)
            if cycle:
                ctx.set(dut.data, joined([0, *words[cycle - 1][0]]))
            number = cycle - 1 - turn_stages(layout)
            if number >= 0:
                data, turn, there = words[number]
                found = parted(ctx.get(dut.operands), columns, OPERAND_BITS)
                assert found == operands_of(data, DOWN[turn], there, padding, signed), f"seed {seed}, word {number}"
            await ctx.tick()

    simulate(dut, bench)
