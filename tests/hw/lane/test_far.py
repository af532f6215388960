"""Words of columns farther away against a plain choice."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from tests.hw.bench import joined, parted, simulate

from zeroskip_hw.lane.far import Far

MOVES = {0: 0, 1: -1, 2: 1}
"""Columns down, in distances, by what the stage is told."""


@pytest.mark.parametrize("width, distance", [(1, 1), (4, 3), (10, 3), (6, 9)])
@pytest.mark.parametrize("seed", range(3))
def test_every_column_gets_the_word_of_another(width: int, distance: int, seed: int) -> None:
    """A new word and a new move in every cycle; what says where the columns are comes one cycle before them."""
    rng, dut, wide = Random(seed), Far(width, distance), width + 2 * distance
    words = [
        ([rng.randrange(256) for _ in range(wide)], [rng.randrange(2) for _ in range(wide)], rng.randrange(3), rng.randrange(4))
        for _ in range(200)
    ]  # fmt: skip

    async def bench(ctx: Any) -> None:
        for cycle in range(len(words) + 2):
            if cycle < len(words):
                _, there, far, turn = words[cycle]
                for name, value in (("there", joined(there, 1)), ("distant", far), ("turn", turn)):
                    ctx.set(getattr(dut, name), value)
            if 1 <= cycle <= len(words):
                ctx.set(dut.data, joined(words[cycle - 1][0]))
                _, there, far, turn = words[cycle - 1]
                begin = distance * (1 + MOVES[far])
                assert ctx.get(dut.turn_out) == turn
                assert parted(ctx.get(dut.there_out), width, 1) == there[begin : begin + width], f"seed {seed}"
            if cycle > 1:
                data, _, far, _ = words[cycle - 2]
                begin = distance * (1 + MOVES[far])
                assert parted(ctx.get(dut.data_out), width) == data[begin : begin + width], f"seed {seed}"
            await ctx.tick()

    simulate(dut, bench)
