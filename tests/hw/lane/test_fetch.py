"""The fetch stage against the non-empty words of the layers it reads, in whatever form they are stored."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Any

import numpy as np
import pytest
from tests.hw.bench import layout_of, simulate
from tests.hw.lane.shares import Share, mask_memory, random_share

from zeroskip.contracts.timing import HEADER_TO_WORDS
from zeroskip.schedule.encoding import Encoding, Form
from zeroskip_hw.lane.fetch import Fetch


@dataclass(frozen=True)
class Entry:
    """A word of bits. data : as the queue has it; filled : its leaves that are not empty."""

    data: int
    filled: int
    number: int
    tile_end: bool
    layer_end: bool
    packed: bool = False
    fresh: bool = False


def entries_of(shares: list[Share], width: int) -> list[Entry]:
    """What one group gives."""
    entries = []
    for share in shares:
        words = share.words(width)
        if not words:
            entries.append(Entry(0, 0, 0, True, True))
        for tile in range(share.tiles if words else 0):
            entries += _tile(share, words, width, tile == share.tiles - 1)
    return entries


def _tile(share: Share, words: list[int], width: int, is_last: bool) -> list[Entry]:
    entries, leaves, left = [], width // 4, 0
    run = [word >> (4 * i) & 15 for word in words for i in range(leaves) if word >> (4 * i) & 15]
    following = [
        sum(leaf << (4 * i) for i, leaf in enumerate(run[at : at + leaves])) for at in range(0, len(run), leaves)
    ]
    for number, word in enumerate(words):
        filled = sum(1 << i for i in range(leaves) if word >> (4 * i) & 15)
        ends = number == len(words) - 1
        if not word:
            continue
        if share.form != "two-level":
            entries.append(Entry(word, filled, number, ends, ends and is_last))
            continue
        left -= filled.bit_count()
        fresh = left < 0
        left += leaves * fresh
        entries.append(Entry(following.pop(0) if fresh else 0, filled, number, ends, ends and is_last, True, fresh))
    return entries


EARLY_LEAVES = 39
"""Seed of layers whose last leaves come with a chunk that others follow."""

FLAGS = ("tile_end", "layer_end", "packed", "fresh")


@pytest.mark.parametrize("two_level", [False, True], ids=["bits", "levels"])
@pytest.mark.parametrize("word", [8, 16, 32, 64])
@pytest.mark.parametrize("seed", [*range(6), EARLY_LEAVES])
def test_gives_every_word_that_is_not_empty(word: int, two_level: bool, seed: int) -> None:
    """Three groups, whatever the pace at which words are taken."""
    rng = Random(seed)
    layout = layout_of(word=word, mask_depth=1024, two_level=two_level)
    shares = [random_share(rng, two_level=two_level) for _ in range(rng.randint(1, 4))]
    memory, expected = mask_memory(layout, shares), entries_of(shares, word) * 3
    dut = Fetch(layout)

    async def bench(ctx: Any) -> None:
        found, pace, data = 0, rng.choice([1.0, 0.4, 0.05]), 0
        for _ in range(20_000):
            if found >= len(expected):
                break
            ctx.set(dut.data, data)
            take = ctx.get(dut.valid) and rng.random() < pace
            ctx.set(dut.take, take)
            if take:
                wanted = expected[found]
                for name in FLAGS if two_level else FLAGS[:2]:
                    if name != "fresh" or wanted.packed:
                        assert ctx.get(getattr(dut.entry, name)) == getattr(wanted, name), f"seed {seed}, entry {found}"
                assert ctx.get(dut.entry.filled) == wanted.filled, f"seed {seed}, entry {found}"
                if wanted.filled:  # an empty word has neither bits nor a number
                    assert ctx.get(dut.entry.number) == wanted.number % (1 << layout.number_bits), (
                        f"seed {seed}, entry {found}"
                    )
                if wanted.filled and wanted.fresh >= wanted.packed:
                    assert ctx.get(dut.entry.data) == wanted.data, f"seed {seed}, entry {found}"
                found += 1
            if ctx.get(dut.enable):
                data = memory[ctx.get(dut.address) % len(memory)]
            await ctx.tick()
        assert found == len(expected), f"seed {seed}"

    simulate(dut, bench)


@pytest.mark.parametrize("form", ["bitmap", "dense", "two-level"])
def test_one_word_per_cycle(form: str) -> None:
    """A full queue behind it, and from then on a word in every cycle across the tiles."""
    layout = layout_of(word=16, two_level=form == "two-level")
    rows = [list(range(16))] * 12 if form == "dense" else [[0]] * 12
    memory = mask_memory(layout, [Share(16, rows, tiles=20, form=form)])
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
        # Words of four flags have four leaves: in two levels every fourth word of flags waits for one of leaves, behind its last chunk never.
        assert taken == 80

    simulate(dut, bench)


@pytest.mark.parametrize("form", ["bitmap", "dense", "two-level"])
@pytest.mark.parametrize("word", [8, 32])
@pytest.mark.parametrize("seed", range(4))
def test_words_come_in_the_steps_that_are_predicted(word: int, form: Form, seed: int) -> None:
    """Three groups, each word taken at once."""
    rng = Random(seed)
    layout = layout_of(word=word, mask_depth=1024, two_level=form == "two-level")
    shares = [random_share(rng, 90) for _ in range(rng.randint(1, 4))]
    if form == "dense":
        shares = [Share(share.n, [list(range(share.n)) for _ in share.rows], share.tiles, form) for share in shares]
    else:
        shares = [replace(share, form=form) for share in shares]
    steps, step = list[int](), 0
    for share in shares * 3:
        found = Encoding(np.array(share.stream, dtype=np.int64), word, form)
        step += layout.header_words + HEADER_TO_WORDS
        if not share.rows:
            steps.append(step := step + 1)
        for _ in range(share.tiles if share.rows else 0):
            entries, behind = found.steps
            steps += (step + entries).tolist()
            step = steps[-1] + behind
    memory = mask_memory(layout, shares)
    dut = Fetch(layout)

    async def bench(ctx: Any) -> None:
        data, times = 0, list[int]()
        for cycle in range(20_000):
            if len(times) == len(steps):
                break
            ctx.set(dut.data, data)
            take = ctx.get(dut.valid)
            ctx.set(dut.take, take)
            if take:
                times.append(cycle)
            if ctx.get(dut.enable):
                data = memory[ctx.get(dut.address) % len(memory)]
            await ctx.tick()
        assert [time - times[0] for time in times] == [step - steps[0] for step in steps], f"seed {seed}"

    simulate(dut, bench)
