"""The decoder against the words that a layer's mask image stands for."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from amaranth.hdl import Module
from tests.hw.bench import layout_of, simulate

from zeroskip.contracts.layout import Layout
from zeroskip.contracts.timing import FIFO_WORDS, HEADER_BUBBLES
from zeroskip_hw.lane.decoder import Decoder
from zeroskip_hw.primitives.ram import Ram

ADDRESS_TO_QUEUE = 4
"""Cycles from a word's address to its place at the queue's end: address, memory, word, non-empty bytes."""


@dataclass(frozen=True)
class Lane:
    """One lane's share of a layer; with strips, ``repeat``, ``repeat_left`` and ``tiles`` are counted from 0, as stored."""

    words: list[int]
    start: int
    end: int
    first: int
    tiles: int = 0
    row_base: int = 0
    row_step: int = 0
    repeat: int = 0
    repeat_left: int = 0


@dataclass(frozen=True)
class Entry:
    """What the decoder says about one word; ``gap``: pipeline positions without a word before it."""

    mask: int
    place: int
    begins: int
    tile_end: int
    layer_end: int
    gap: int

    def filled(self, word: int) -> int:
        """Which bytes have a one."""
        return sum(1 << i for i in range(word // 8) if self.mask >> (8 * i) & 0xFF)


def image_of(layout: Layout, layers: list[Lane]) -> list[int]:
    """The lane's mask memory."""
    image: list[int] = []
    width = layout.config.word
    for number, lane in enumerate(layers):
        given = {"last": number == len(layers) - 1, "empty": not lane.words, "left": max(len(lane.words) - 2, -1)}
        names = ("start", "end", "first", "tiles", "row_base", "row_step", "repeat", "repeat_left")
        header = layout.header.encode({**given, **{name: getattr(lane, name) for name in names}})
        image += [header >> (width * i) & ((1 << width) - 1) for i in range(layout.header_words)] + lane.words
    return image


def entries_of(layout: Layout, layers: list[Lane], offsets: list[int]) -> list[Entry]:
    """The words of one group. ``offsets``: with strips, the address of each mask word of a row."""
    entries: list[Entry] = []
    for lane in layers:
        gap = layout.header_words + HEADER_BUBBLES
        if not lane.words:
            entries.append(Entry(0, 0, 0, not layout.config.strips, 1, gap))
        for tile in range(lane.tiles + 1):
            group, begins, base, left = lane.first, True, lane.row_base, lane.repeat_left
            for i, word in enumerate(lane.words):
                begins |= group == lane.start
                ends = i == len(lane.words) - 1
                if word:
                    place = (offsets[group] + base) % (1 << layout.store_bits) if layout.config.strips else group
                    entries.append(Entry(word, place, begins, ends, ends and tile == lane.tiles, gap))
                    begins, gap = False, 0
                else:
                    gap += 1
                if group == lane.end:
                    base, left = (base, left - 1) if left else (base + lane.row_step, lane.repeat)
                group = lane.start if group == lane.end else group + 1
    return entries


def random_layers(rng: Random, layout: Layout, number: int) -> list[Lane]:
    layers = []
    top = layout.config.offset_depth if layout.config.strips else 1 << layout.group_bits
    for _ in range(number):
        start = rng.randrange(top)
        end = rng.randrange(start, top) if rng.random() < 0.7 else start
        density = rng.choice([0.1, 0.5, 1.0])
        count = rng.choice([0, 1, 2, rng.randrange(1, 45)])
        words = [rng.getrandbits(layout.config.word) if rng.random() < density else 0 for _ in range(count)]
        if words:
            # A lane's share begins and ends with a weight.
            words[0], words[-1] = words[0] or 1, words[-1] or 1 << (layout.config.word - 1)
        raster = {}
        if layout.config.strips:
            repeat = rng.choice([0, 1, 5])
            raster = {
                "tiles": rng.choice([0, 1, 2, rng.randrange(9)]), "repeat": repeat, "repeat_left": rng.randint(0, repeat),
                "row_base": rng.getrandbits(layout.store_bits), "row_step": rng.getrandbits(layout.store_bits),
            }  # fmt: skip
        layers.append(Lane(words, start, end, rng.randrange(start, end + 1), **raster))
    return layers


class Bench:
    def __init__(self, layout: Layout, layers: list[Lane], rng: Random | None = None) -> None:
        rng = rng or Random(0)
        offsets = [rng.getrandbits(layout.store_bits) for _ in range(layout.config.offset_depth)]
        self.entries = entries_of(layout, layers, offsets)
        self.decoder = decoder = Decoder(layout)
        ram = Ram(width=layout.config.word, depth=layout.config.mask_depth, init=tuple(image_of(layout, layers)))
        self.top = m = Module()
        m.submodules.decoder, m.submodules.ram = decoder, ram
        m.d.comb += [
            ram.read_address.eq(decoder.address), ram.read_enable.eq(decoder.enable), decoder.data.eq(ram.read_data),
        ]  # fmt: skip
        if layout.config.strips:
            m.submodules.offsets = lookup = Ram(width=layout.store_bits, depth=len(offsets), init=tuple(offsets))
            m.d.comb += [
                lookup.read_address.eq(decoder.number), lookup.read_enable.eq(decoder.enable), decoder.offset.eq(lookup.read_data),
            ]  # fmt: skip

    def check(self, ctx: Any, entry: Entry, where: str) -> None:
        d = self.decoder
        found = tuple(ctx.get(value) for value in (d.filled, d.begins, d.tile_end, d.layer_end))
        assert found == (entry.filled(len(d.mask)), entry.begins, entry.tile_end, entry.layer_end), where
        if entry.mask:
            assert (ctx.get(d.mask), ctx.get(d.place)) == (entry.mask, entry.place), where


def layout_for(word: int, strips: bool) -> Layout:
    sizes = {"input_depth": word * 5, "hidden_depth": word * 5, "mask_depth": 300}
    return layout_of(word=word, strips=strips, **sizes)


@pytest.mark.parametrize("strips", [False, True], ids=["flat", "strips"])
@pytest.mark.parametrize("word", [8, 16, 64])
@pytest.mark.parametrize("seed", range(8))
def test_words_in_order_over_several_groups(strips: bool, word: int, seed: int) -> None:
    """Rows that straddle words, empty words, layers without any, tile after tile, and from the last layer back to the first."""
    rng = Random(seed)
    layout = layout_for(word, strips)
    bench = Bench(layout, random_layers(rng, layout, rng.randint(1, 4)), rng)

    async def testbench(ctx: Any) -> None:
        share = rng.choice([1.0, 0.5, 0.1])
        for number, entry in enumerate(bench.entries * 3):
            for _ in range(200):
                take = bool(ctx.get(bench.decoder.valid)) and rng.random() < share
                if take:
                    break
                ctx.set(bench.decoder.take, 0)
                await ctx.tick()
            assert take, f"no word {number} within 200 cycles, seed {seed}"
            bench.check(ctx, entry, f"word {number}, seed {seed}")
            ctx.set(bench.decoder.take, 1)
            await ctx.tick()
        ctx.set(bench.decoder.take, 0)

    simulate(bench.top, testbench)


@pytest.mark.parametrize("strips", [False, True], ids=["flat", "strips"])
@pytest.mark.parametrize("seed", range(6))
def test_one_mask_word_per_cycle(strips: bool, seed: int) -> None:
    """With every word taken at once, the distance between two is what lies between them in the image and no more.

    Nothing lies between tiles.
    """
    rng = Random(seed)
    layout = layout_for(8, strips)
    layers = random_layers(rng, layout, 3)
    bench = Bench(layout, layers)

    async def testbench(ctx: Any) -> None:
        when = []
        for cycle in range(1200):
            valid = ctx.get(bench.decoder.valid)
            ctx.set(bench.decoder.take, valid)
            if valid:
                when.append(cycle)
            await ctx.tick()
        entries = bench.entries
        assert when[0] == entries[0].gap + ADDRESS_TO_QUEUE, "the first word stands behind the first header"
        expected = [entry.gap + 1 for entry in entries * (2 + len(when) // len(entries))]
        found = [after - before for before, after in pairwise(when)]
        assert len(found) > 2 * len(entries)
        assert found == expected[1 : len(found) + 1], f"seed {seed}"

    simulate(bench.top, testbench)


def test_rows_of_other_channels_move_on_after_every_repeat() -> None:
    """A lane that begins with the third of four rows that read the same channels, in two tiles."""
    layout = layout_for(8, True)
    lane = Lane([1, 2] * 7, start=4, end=5, first=4, tiles=1, row_base=10, row_step=20, repeat=3, repeat_left=1)
    bench = Bench(layout, [lane])
    begun = [entry.place - bench.entries[0].place for entry in bench.entries if entry.mask == 1]
    assert [step % (1 << layout.store_bits) for step in begun] == [0, 0, 20, 20, 20, 20, 40] * 2, "the model itself"

    async def testbench(ctx: Any) -> None:
        for number, entry in enumerate(bench.entries):
            while not ctx.get(bench.decoder.valid):
                ctx.set(bench.decoder.take, 0)
                await ctx.tick()
            bench.check(ctx, entry, f"word {number}")
            ctx.set(bench.decoder.take, 1)
            await ctx.tick()

    simulate(bench.top, testbench)


@pytest.mark.parametrize("strips", [False, True], ids=["flat", "strips"])
def test_stuck_when_the_queue_is_full_and_nothing_is_lost(strips: bool) -> None:
    bench = Bench(layout_for(8, strips), [Lane([1 + i for i in range(40)], start=0, end=3, first=1)])

    async def testbench(ctx: Any) -> None:
        for _ in range(60):
            await ctx.tick()
        assert ctx.get(bench.decoder.stuck) == 1
        for number, entry in enumerate(bench.entries):
            bench.check(ctx, entry, f"word {number}")
            ctx.set(bench.decoder.take, 1)
            await ctx.tick()
            if number == 0:
                assert ctx.get(bench.decoder.stuck) == 0, "one place is free"
                ctx.set(bench.decoder.take, 0)
                await ctx.tick()
                assert ctx.get(bench.decoder.stuck) == 1, f"the queue holds {FIFO_WORDS} again and one word waits"

    simulate(bench.top, testbench)
