"""The fetch stage against the non-empty words of the layers it reads."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from tests.hw.bench import layout_of, simulate
from tests.hw.lane.shares import Share, mask_memory, random_share

from zeroskip_hw.lane.fetch import Fetch


def entries_of(shares: list[Share], width: int) -> list[tuple[int, int, int, bool, bool]]:
    """(mask, filled bytes, number, tile_end, layer_end) of one group."""
    entries = []
    for share in shares:
        words = share.words(width)
        if not words:
            entries.append((0, 0, 0, True, True))
        for tile in range(share.tiles if words else 0):
            for number, word in enumerate(words):
                if word:
                    filled = sum(1 << i for i in range(width // 8) if word >> (8 * i) & 0xFF)
                    ends = number == len(words) - 1
                    entries.append((word, filled, number, ends, ends and tile == share.tiles - 1))
    return entries


@pytest.mark.parametrize("word", [8, 16, 32])
@pytest.mark.parametrize("seed", range(6))
def test_gives_every_word_that_is_not_empty(word: int, seed: int) -> None:
    """Three groups, whatever the pace at which words are taken."""
    rng = Random(seed)
    layout = layout_of(word=word, mask_depth=1024)
    shares = [random_share(rng) for _ in range(rng.randint(1, 4))]
    memory, expected = mask_memory(layout, shares), entries_of(shares, word) * 3
    dut = Fetch(layout)

    async def bench(ctx: Any) -> None:
        found, pace, data = [], rng.choice([1.0, 0.4, 0.05]), 0
        for _ in range(20_000):
            if len(found) >= len(expected):
                break
            ctx.set(dut.data, data)
            take = ctx.get(dut.valid) and rng.random() < pace
            ctx.set(dut.take, take)
            if take:
                place = 1 << layout.number_bits
                entry = tuple(ctx.get(getattr(dut, n)) for n in ("mask", "filled", "number", "tile_end", "layer_end"))
                wanted = expected[len(found)]
                assert entry[1:2] + entry[3:] == wanted[1:2] + wanted[3:], f"seed {seed}"
                if wanted[1]:  # an empty word has neither bits nor a number
                    assert entry[:3] == (*wanted[:2], wanted[2] % place), f"seed {seed}"
                found.append(entry)
            if ctx.get(dut.enable):
                data = memory[ctx.get(dut.address) % len(memory)]
            await ctx.tick()
        assert len(found) == len(expected), f"seed {seed}"

    simulate(dut, bench)


def test_one_word_per_cycle() -> None:
    """A full queue behind it, and from then on a word in every cycle across the tiles."""
    layout = layout_of(word=16)
    memory = mask_memory(layout, [Share(16, [[0]] * 12, tiles=20)])
    dut = Fetch(layout)

    async def bench(ctx: Any) -> None:
        data, taken = 0, 0
        for cycle in range(120):
            ctx.set(dut.data, data)
            take = cycle >= 40 and ctx.get(dut.valid)
            ctx.set(dut.take, take)
            taken += take
            if cycle == 39:
                assert ctx.get(dut.stuck)
            if ctx.get(dut.enable):
                data = memory[ctx.get(dut.address)]
            await ctx.tick()
        assert taken == 80

    simulate(dut, bench)
