"""The issue stage against the ones of the words it is fed with."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
from tests.hw.bench import layout_of, simulate

from zeroskip.spec.timing import ROWS_IN_FLIGHT
from zeroskip_hw.issue import Issue


@dataclass(frozen=True)
class FifoWord:
    mask: int
    group: int
    begins: bool
    layer_end: bool

    def filled(self, word: int) -> int:
        return sum(1 << i for i in range(word // 8) if self.mask >> (8 * i) & 0xFF)


@dataclass(frozen=True)
class Weight:
    activation: int
    weight: int
    first: bool
    tail: bool


def random_words(rng: Random, word: int, layers: int, longest: int) -> list[FifoWord]:
    """One group: every layer has some words, or one without ones."""
    words = []
    for _ in range(layers):
        count = rng.choice([0, 1, rng.randint(1, longest)])
        for i in range(max(1, count)):
            mask = rng.choice(
                [1 << rng.randrange(word), rng.randrange(1, 1 << word), (1 << word) - 1, 1 | 1 << (word - 1)]
            )
            begins = bool(count) and (i == 0 or rng.random() < 0.5)
            words.append(FifoWord(mask if count else 0, rng.randrange(4), begins, i >= count - 1))
    return words


def weights_of(words: list[FifoWord], word: int) -> list[Weight]:
    """What one group issues."""
    weights: list[Weight] = []
    for entry in words:
        places = [i for i in range(word) if entry.mask >> i & 1]
        weights += [
            Weight(entry.group * word + i, len(weights) + number, entry.begins and number == 0, entry.layer_end and i == places[-1])
            for number, i in enumerate(places)
        ]  # fmt: skip
    return weights


class Driver:
    """Feeds words, starts layers, collects rows, and notes what is issued, cycle by cycle.

    layers : of a group; weights are rewound with the start of its first
    """

    def __init__(self, dut: Issue, words: list[FifoWord], layers: int = 1) -> None:
        self.dut, self.words = dut, deque(words)
        self.issued: list[Weight] = []
        self.when: list[int] = []
        self.begun = self.collected = self.cycle = 0
        self.layers = layers
        self.started = 0

    async def step(self, ctx: Any, *, offer: bool = True, start: bool = False, collect: bool = False) -> None:
        dut = self.dut
        offer = offer and bool(self.words)
        ctx.set(dut.valid, offer)
        if offer:
            word = self.words[0]
            for name in ("mask", "group", "begins", "layer_end"):
                ctx.set(getattr(dut, name), getattr(word, name))
            ctx.set(dut.filled, word.filled(len(dut.mask)))
        collect = collect and self.begun > self.collected
        ctx.set(dut.start, start)
        ctx.set(dut.rewind, start and self.started % self.layers == 0)
        self.started += start
        ctx.set(dut.collected, collect)
        if ctx.get(dut.take):
            assert offer, "a word was taken that was not there"
            self.words.popleft()
        self.collected += collect
        if ctx.get(dut.issue):
            self.issued.append(
                Weight(ctx.get(dut.activation), ctx.get(dut.weight), bool(ctx.get(dut.first)), bool(ctx.get(dut.tail)))
            )
            self.when.append(self.cycle)
            self.begun += self.issued[-1].first
        self.cycle += 1
        await ctx.tick()


@pytest.mark.parametrize("word", [8, 16, 64])
@pytest.mark.parametrize("seed", range(6))
def test_every_one_in_order(word: int, seed: int) -> None:
    """Three groups in a row; the words of a fourth stand behind them, as they do in a lane."""
    rng = Random(seed)
    layout = layout_of(word=word, input_depth=4 * word, hidden_depth=4 * word, weight_depth=4096)
    layers = rng.randint(1, 4)
    groups = [random_words(rng, word, layers, 10) for _ in range(4)]
    expected = [weight for group in groups[:3] for weight in weights_of(group, word)]
    dut = Issue(layout)
    driver = Driver(dut, [entry for group in groups for entry in group], layers)

    async def bench(ctx: Any) -> None:
        supply, service = rng.choice([1.0, 0.3]), rng.choice([1.0, 0.2])
        idle_for = 0
        for _ in range(20_000):
            idle_for = idle_for + 1 if ctx.get(dut.idle) else 0
            # A layer starts after the results of the one before, long after its last weight has left the pipeline.
            start = idle_for > 3 and driver.started < 3 * layers and rng.random() < 0.3
            await driver.step(ctx, offer=rng.random() < supply, start=start, collect=rng.random() < service)
            assert driver.begun - driver.collected <= ROWS_IN_FLIGHT, f"seed {seed}"
            if driver.started == 3 * layers and len(driver.issued) >= len(expected):
                break
        assert driver.issued == expected, f"seed {seed}"

    simulate(dut, bench)


@pytest.mark.parametrize("word", [8, 16, 64])
def test_one_weight_per_cycle_across_bytes_words_and_rows(word: int) -> None:
    """Words of one, two and many ones, side by side."""
    full = (1 << word) - 1
    masks = [1, 1 << (word - 1), 0x18, full, 0x40, 1 | 1 << (word - 1), 2, full, 0x81]
    words = [FifoWord(mask, 0, i % 2 == 0, i == len(masks) - 1) for i, mask in enumerate(masks)]
    expected = weights_of(words, word)
    dut = Issue(layout_of(word=word, input_depth=word, hidden_depth=word, weight_depth=4096))
    driver = Driver(dut, words)

    async def bench(ctx: Any) -> None:
        for cycle in range(20 + len(expected)):
            await driver.step(ctx, start=cycle == 5, collect=True)
        assert driver.issued == expected
        # The start is seen in the next cycle, and the addresses come two later.
        assert driver.when == list(range(8, 8 + len(expected)))

    simulate(dut, bench)


def test_waits_for_the_start_of_each_layer() -> None:
    """Also of those without weights."""
    words = [FifoWord(i % 2, 0, i % 2 == 1, True) for i in range(7)]
    dut = Issue(layout_of())
    driver = Driver(dut, words, layers=3)

    async def bench(ctx: Any) -> None:
        for layer in range(6):
            for _ in range(10):
                await driver.step(ctx, collect=True)
            assert ctx.get(dut.idle) == 1
            assert len(driver.issued) == layer // 2, "layers 1, 3 and 5 have a weight"
            await driver.step(ctx, start=True, collect=True)

    simulate(dut, bench)


def test_begins_no_more_rows_than_can_wait() -> None:
    rows = ROWS_IN_FLIGHT + 5
    words = [FifoWord(1, 0, True, i == rows - 1) for i in range(rows)]
    dut = Issue(layout_of())
    driver = Driver(dut, words)

    async def bench(ctx: Any) -> None:
        for cycle in range(60):
            await driver.step(ctx, start=cycle == 3)
        assert len(driver.issued) == ROWS_IN_FLIGHT
        for more in range(1, 4):
            await driver.step(ctx, collect=True)
            for _ in range(8):
                await driver.step(ctx)
            assert len(driver.issued) == ROWS_IN_FLIGHT + more

    simulate(dut, bench)
