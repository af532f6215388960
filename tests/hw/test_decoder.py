"""The decoder against the words that a layer's mask image stands for."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from amaranth.hdl import Module
from tests.hw.bench import layout_of, simulate

from zeroskip.spec.layout import Layout
from zeroskip.spec.timing import FIFO_WORDS, HEADER_BUBBLES
from zeroskip_hw.decoder import Decoder
from zeroskip_hw.ram import Ram


@dataclass(frozen=True)
class Entry:
    """What the decoder says about one word; ``gap``: pipeline positions without a word before it."""

    mask: int
    group: int
    begins: int
    layer_end: int
    gap: int

    def filled(self, word: int) -> int:
        """Which bytes have a one."""
        return sum(1 << i for i in range(word // 8) if self.mask >> (8 * i) & 0xFF)


def image_and_entries(layout: Layout, layers: list[tuple[int, int, int, list[int]]]) -> tuple[list[int], list[Entry]]:
    """Of layers (start group, end group, first group, words)."""
    image: list[int] = []
    entries: list[Entry] = []
    width, header_words = layout.config.word, layout.header_words
    for number, (start, end, first, words) in enumerate(layers):
        last = number == len(layers) - 1
        header = layout.header.encode(
            {
                "last": last, "empty": not words, "left": len(words) - 2 if words else 0,
                "first": first, "start": start, "end": end,
            }
        )  # fmt: skip
        image += [header >> (width * i) & ((1 << width) - 1) for i in range(header_words)] + words
        if not words:
            entries.append(Entry(0, 0, 0, 1, header_words + HEADER_BUBBLES))
        group, begins, gap = first, True, header_words + HEADER_BUBBLES
        for i, word in enumerate(words):
            begins |= group == start
            if word:
                entries.append(Entry(word, group, begins, i == len(words) - 1, gap))
                begins, gap = False, 0
            else:
                gap += 1
            group = start if group == end else group + 1
    return image, entries


def random_layers(rng: Random, layout: Layout, number: int) -> list[tuple[int, int, int, list[int]]]:
    layers = []
    top = 1 << layout.group_bits
    for _ in range(number):
        start = rng.randrange(top)
        end = rng.randrange(start, top)
        density = rng.choice([0.1, 0.5, 1.0])
        count = rng.choice([0, 1, 2, rng.randrange(1, 45)])
        words = [rng.getrandbits(layout.config.word) if rng.random() < density else 0 for _ in range(count)]
        if words:
            # A lane's share begins and ends with a weight.
            words[0], words[-1] = words[0] or 1, words[-1] or 1 << (layout.config.word - 1)
        layers.append((start, end, rng.randrange(start, end + 1), words))
    return layers


class Bench:
    def __init__(self, layout: Layout, image: list[int]) -> None:
        self.decoder = decoder = Decoder(layout)
        ram = Ram(width=layout.config.word, depth=layout.config.mask_depth, init=tuple(image))
        self.top = m = Module()
        m.submodules.decoder, m.submodules.ram = decoder, ram
        m.d.comb += [
            ram.read_address.eq(decoder.address), ram.read_enable.eq(decoder.enable), decoder.data.eq(ram.read_data),
        ]  # fmt: skip

    def check(self, ctx: Any, entry: Entry, where: str) -> None:
        decoder = self.decoder
        found = (ctx.get(decoder.filled), ctx.get(decoder.begins), ctx.get(decoder.layer_end))
        assert found == (entry.filled(len(decoder.mask)), entry.begins, entry.layer_end), where
        if entry.mask:
            assert (ctx.get(decoder.mask), ctx.get(decoder.group)) == (entry.mask, entry.group), where


@pytest.mark.parametrize("word", [8, 16, 64])
@pytest.mark.parametrize("seed", range(8))
def test_words_in_order_over_several_groups(word: int, seed: int) -> None:
    """Rows that straddle words, empty words, layers without any, and from the last layer back to the first."""
    rng = Random(seed)
    layout = layout_of(word=word, input_depth=word * 5, hidden_depth=word * 5, mask_depth=220)
    image, entries = image_and_entries(layout, random_layers(rng, layout, rng.randint(1, 4)))
    bench = Bench(layout, image)

    async def testbench(ctx: Any) -> None:
        share = rng.choice([1.0, 0.5, 0.1])
        for number, entry in enumerate(entries * 3):
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


@pytest.mark.parametrize("seed", range(4))
def test_one_mask_word_per_cycle(seed: int) -> None:
    """With every word taken at once, the distance between two is what lies between them in the image and no more."""
    rng = Random(seed)
    layout = layout_of(mask_depth=220)
    image, entries = image_and_entries(layout, random_layers(rng, layout, 3))
    bench = Bench(layout, image)

    async def testbench(ctx: Any) -> None:
        when = []
        for cycle in range(600):
            valid = ctx.get(bench.decoder.valid)
            ctx.set(bench.decoder.take, valid)
            if valid:
                when.append(cycle)
            await ctx.tick()
        expected = [entry.gap + 1 for entry in entries * 300]
        found = [after - before for before, after in pairwise(when)]
        assert len(found) > 2 * len(entries)
        assert found == expected[1 : len(found) + 1], f"seed {seed}"

    simulate(bench.top, testbench)


def test_stuck_when_the_queue_is_full_and_nothing_is_lost() -> None:
    layout = layout_of(mask_depth=220)
    words = [1 + i for i in range(40)]
    image, entries = image_and_entries(layout, [(0, 3, 1, words)])
    bench = Bench(layout, image)

    async def testbench(ctx: Any) -> None:
        for _ in range(60):
            await ctx.tick()
        assert ctx.get(bench.decoder.stuck) == 1
        for number, entry in enumerate(entries):
            bench.check(ctx, entry, f"word {number}")
            ctx.set(bench.decoder.take, 1)
            await ctx.tick()
            if number == 0:
                assert ctx.get(bench.decoder.stuck) == 0, "one place is free"
                ctx.set(bench.decoder.take, 0)
                await ctx.tick()
                assert ctx.get(bench.decoder.stuck) == 1, f"the queue holds {FIFO_WORDS} again and one word waits"

    simulate(bench.top, testbench)
