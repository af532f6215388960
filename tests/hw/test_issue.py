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

WORD = 8


@dataclass(frozen=True)
class FifoWord:
    mask: int
    group: int
    begins: bool
    layer_end: bool
    group_end: bool

    @property
    def count(self) -> int:
        return self.mask.bit_count()


@dataclass(frozen=True)
class Weight:
    activation: int
    weight: int
    first: bool
    tail: bool


def random_words(rng: Random, layers: int, longest: int) -> list[FifoWord]:
    """One group: every layer has some words, or one without ones."""
    words = []
    for layer in range(layers):
        count = rng.choice([0, 1, rng.randint(1, longest)])
        words += [
            FifoWord(
                mask=rng.choice([1 << rng.randrange(WORD), rng.randrange(1, 1 << WORD), (1 << WORD) - 1]) if count else 0,
                group=rng.randrange(4), begins=bool(count) and (i == 0 or rng.random() < 0.5),
                layer_end=i >= count - 1, group_end=i >= count - 1 and layer == layers - 1,
            )
            for i in range(max(1, count))
        ]  # fmt: skip
    return words


def weights_of(words: list[FifoWord]) -> list[Weight]:
    """What is issued; weights are counted through a group."""
    weights = []
    number = 0
    for word in words:
        places = [i for i in range(WORD) if word.mask >> i & 1]
        for i in places:
            weights.append(
                Weight(
                    word.group * WORD + i, number, word.begins and i == places[0], word.layer_end and i == places[-1]
                )
            )
            number += 1
        if word.group_end:
            number = 0
    return weights


class Driver:
    """Feeds words, starts layers, collects rows, and notes what is issued, cycle by cycle."""

    def __init__(self, dut: Issue, words: list[FifoWord]) -> None:
        self.dut, self.words = dut, deque(words)
        self.issued: list[Weight] = []
        self.when: list[int] = []
        self.begun = self.collected = self.cycle = 0

    async def step(self, ctx: Any, *, offer: bool = True, start: bool = False, collect: bool = False) -> None:
        dut = self.dut
        offer = offer and bool(self.words)
        ctx.set(dut.valid, offer)
        if offer:
            word = self.words[0]
            for name in ("mask", "count", "group", "begins", "layer_end", "group_end"):
                ctx.set(getattr(dut, name), getattr(word, name))
        collect = collect and self.begun > self.collected
        ctx.set(dut.start, start)
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


@pytest.mark.parametrize("seed", range(10))
def test_every_one_in_order(seed: int) -> None:
    rng = Random(seed)
    layout = layout_of(word=WORD, input_depth=32, hidden_depth=32, weight_depth=256)
    words = [word for _ in range(3) for word in random_words(rng, rng.randint(1, 4), 12)]
    expected = weights_of(words)
    dut = Issue(layout)
    driver = Driver(dut, words)

    async def bench(ctx: Any) -> None:
        supply, service = rng.choice([1.0, 0.3]), rng.choice([1.0, 0.2, 0.05])
        for _ in range(20_000):
            idle = bool(ctx.get(dut.idle))
            await driver.step(
                ctx, offer=rng.random() < supply, start=idle and rng.random() < 0.3, collect=rng.random() < service
            )
            assert driver.begun - driver.collected <= ROWS_IN_FLIGHT, f"seed {seed}"
            if len(driver.issued) == len(expected) and not driver.words:
                break
        assert driver.issued == expected, f"seed {seed}"

    simulate(dut, bench)


def test_one_weight_per_cycle_across_words_and_rows() -> None:
    """Words of one, two and eight ones, side by side."""
    masks = [0x01, 0x80, 0x18, 0xFF, 0x40, 0x03, 0x02, 0xFF]
    words = [FifoWord(mask, 0, i % 2 == 0, i == len(masks) - 1, i == len(masks) - 1) for i, mask in enumerate(masks)]
    dut = Issue(layout_of(word=WORD))
    driver = Driver(dut, words)

    async def bench(ctx: Any) -> None:
        for cycle in range(60):
            await driver.step(ctx, start=cycle == 5, collect=True)
        assert driver.issued == weights_of(words)
        # The start is seen in the next cycle, and the addresses come two later.
        assert driver.when == list(range(8, 8 + len(driver.issued)))

    simulate(dut, bench)


def test_waits_for_the_start_of_each_layer() -> None:
    words = [FifoWord(1, 0, True, True, i == 2) for i in range(3)]
    dut = Issue(layout_of(word=WORD))
    driver = Driver(dut, words)

    async def bench(ctx: Any) -> None:
        for layer in range(3):
            for _ in range(10):
                await driver.step(ctx, collect=True)
            assert ctx.get(dut.idle) == 1
            assert len(driver.issued) == layer
            await driver.step(ctx, start=True, collect=True)

    simulate(dut, bench)


def test_begins_no_more_rows_than_can_wait() -> None:
    rows = ROWS_IN_FLIGHT + 5
    words = [FifoWord(1, 0, True, i == rows - 1, i == rows - 1) for i in range(rows)]
    dut = Issue(layout_of(word=WORD))
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
