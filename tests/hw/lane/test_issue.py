"""The issue stage against the ones of the words it is fed with."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
from tests.hw.bench import layout_of, simulate

from zeroskip.contracts.layout import Layout
from zeroskip.contracts.timing import ROWS_IN_FLIGHT
from zeroskip_hw.lane.issue import Issue

STRIPS = pytest.mark.parametrize("strips", [False, True], ids=["flat", "strips"])


def decision_to_address(strips: bool) -> int:
    return 3 if strips else 2


@dataclass(frozen=True)
class FifoWord:
    mask: int
    place: int
    begins: bool
    tile_end: bool
    layer_end: bool

    def filled(self, word: int) -> int:
        return sum(1 << i for i in range(word // 8) if self.mask >> (8 * i) & 0xFF)


@dataclass(frozen=True)
class Raster:
    """``width`` is counted from 0, as stored."""

    width: int = 0
    x_step: int = 0
    y_step: int = 0

    def base(self, tile: int) -> int:
        y, x = divmod(tile, self.width + 1)
        return y * self.y_step + x * self.x_step


@dataclass(frozen=True)
class Layer:
    """words : (mask, place, begins a row) of one tile; none: the lane has no weight of the layer"""

    words: list[tuple[int, int, bool]]
    tiles: int = 1
    raster: Raster = Raster()


@dataclass(frozen=True)
class Weight:
    activation: int
    weight: int
    first: bool
    tail: bool


def random_layers(rng: Random, layout: Layout, number: int) -> list[Layer]:
    word, address = layout.config.word, 1 << layout.store_bits
    layers = []
    for _ in range(number):
        words = []
        for i in range(rng.choice([0, 1, 1, rng.randint(1, 10)])):
            mask = rng.choice(
                [1 << rng.randrange(word), rng.randrange(1, 1 << word), (1 << word) - 1, 1 | 1 << (word - 1)]
            )
            place = rng.randrange(address if layout.config.strips else 4)
            words.append((mask, place, i == 0 or rng.random() < 0.5))
        if layout.config.strips:
            width, bands = rng.choice([(0, 1), (0, 4), (3, 1), (rng.randrange(5), rng.randint(1, 4))])
            raster = Raster(width, rng.randrange(address), rng.randrange(address))
            layers.append(Layer(words, (width + 1) * bands, raster))
        else:
            layers.append(Layer(words))
    return layers


def words_of(layers: list[Layer], strips: bool) -> Iterator[FifoWord]:
    """What the decoder's queue gives in one group."""
    for layer in layers:
        if not layer.words:
            yield FifoWord(0, 0, False, not strips, True)
        for tile in range(layer.tiles):
            for i, word in enumerate(layer.words):
                ends = i == len(layer.words) - 1
                yield FifoWord(*word, ends, ends and tile == layer.tiles - 1)


def address_of(layout: Layout, layer: Layer, tile: int, place: int, index: int) -> int:
    if not layout.config.strips:
        return place * layout.config.word + index
    return (place + index + layer.raster.base(tile)) % (1 << layout.store_bits)


def weights_of(layers: list[Layer], layout: Layout) -> Iterator[Weight]:
    """What one group issues."""
    word, begin = layout.config.word, 0
    for layer in layers:
        stored = [
            (place, i, begins and number == 0)
            for mask, place, begins in layer.words
            for number, i in enumerate(i for i in range(word) if mask >> i & 1)
        ]
        for tile in range(layer.tiles):
            for number, (place, i, first) in enumerate(stored):
                activation = address_of(layout, layer, tile, place, i)
                yield Weight(activation, begin + number, first, number == len(stored) - 1)
        begin += len(stored)


class Driver:
    """Feeds words, starts layers, collects rows, and notes what is issued, cycle by cycle.

    layers : of a group; weights are rewound with the start of its first
    """

    def __init__(self, dut: Issue, layout: Layout, layers: list[Layer], groups: int = 1) -> None:
        self.dut, self.layers, self.strips = dut, layers, bool(layout.config.strips)
        self.words = deque(word for _ in range(groups) for word in words_of(layers, self.strips))
        self.issued: list[Weight] = []
        self.when: list[int] = []
        self.begun = self.collected = self.cycle = 0
        self.started = 0

    async def step(self, ctx: Any, *, offer: bool = True, start: bool = False, collect: bool = False) -> None:
        dut = self.dut
        offer = offer and bool(self.words)
        ctx.set(dut.valid, offer)
        if offer:
            word = self.words[0]
            for name in ("mask", "place", "begins", "tile_end", "layer_end"):
                ctx.set(getattr(dut, name), getattr(word, name))
            ctx.set(dut.filled, word.filled(len(dut.mask)))
        collect = collect and self.begun > self.collected
        ctx.set(dut.start, start)
        ctx.set(dut.rewind, start and self.started % len(self.layers) == 0)
        if start and self.strips:
            for name in ("width", "x_step", "y_step"):
                value = getattr(self.layers[self.started % len(self.layers)].raster, name)
                ctx.set(getattr(dut.raster, name), value)
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


def layout_for(word: int, strips: bool) -> Layout:
    return layout_of(word=word, strips=strips, input_depth=4 * word, hidden_depth=4 * word, weight_depth=4096)


@STRIPS
@pytest.mark.parametrize("word", [8, 16, 64])
@pytest.mark.parametrize("seed", range(6))
def test_every_one_in_order(strips: bool, word: int, seed: int) -> None:
    """Three groups in a row; the words of a fourth stand behind them, as they do in a lane."""
    rng = Random(seed)
    layout = layout_for(word, strips)
    layers = random_layers(rng, layout, rng.randint(1, 4))
    expected = list(weights_of(layers, layout)) * 3
    dut = Issue(layout)
    driver = Driver(dut, layout, layers, groups=4)

    async def bench(ctx: Any) -> None:
        supply, service = rng.choice([1.0, 0.3]), rng.choice([1.0, 0.2])
        idle_for = 0
        for _ in range(20_000):
            idle_for = idle_for + 1 if ctx.get(dut.idle) else 0
            # A layer starts after the results of the one before, long after its last weight has left the pipeline.
            start = idle_for > 3 and driver.started < 3 * len(layers) and rng.random() < 0.3
            await driver.step(ctx, offer=rng.random() < supply, start=start, collect=rng.random() < service)
            assert driver.begun - driver.collected <= ROWS_IN_FLIGHT, f"seed {seed}"
            if driver.started == 3 * len(layers) and len(driver.issued) >= len(expected):
                break
        assert driver.issued == expected, f"seed {seed}"

    simulate(dut, bench)


@STRIPS
@pytest.mark.parametrize("word", [8, 16, 64])
def test_one_weight_per_cycle_across_bytes_words_rows_and_tiles(strips: bool, word: int) -> None:
    """Words of one, two and many ones, side by side."""
    full = (1 << word) - 1
    masks = [1, 1 << (word - 1), 0x18, full, 0x40, 1 | 1 << (word - 1), 2, full, 0x81]
    words = [(mask, 0, i % 2 == 0) for i, mask in enumerate(masks)]
    layout = layout_for(word, strips)
    layers = [Layer(words, *((6, Raster(2, 1, 5)) if strips else ()))]
    expected = list(weights_of(layers, layout))
    dut = Issue(layout)
    driver = Driver(dut, layout, layers)

    async def bench(ctx: Any) -> None:
        for cycle in range(20 + len(expected)):
            await driver.step(ctx, start=cycle == 5, collect=True)
        assert driver.issued == expected
        # The first decision is made in the cycle after the start.
        begin = 6 + decision_to_address(strips)
        assert driver.when == list(range(begin, begin + len(expected)))

    simulate(dut, bench)


def test_one_weight_in_each_tile() -> None:
    """The tile's place moves on with every cycle, and the same weight is read for each."""
    layout = layout_for(16, True)
    layers = [Layer([(0x4000, 7, True)], 12, Raster(3, 2, 31)), Layer([]), Layer([(2, 1, True)], 3, Raster(0, 9, 4))]
    expected = list(weights_of(layers, layout))
    assert [w.activation - 21 for w in expected[:6]] == [0, 2, 4, 6, 31, 33], "the model itself"
    assert [w.weight for w in expected] == [0] * 12 + [1] * 3, "the model itself"
    assert all(w.first and w.tail for w in expected), "the model itself"
    dut = Issue(layout)
    driver = Driver(dut, layout, layers, groups=2)

    async def bench(ctx: Any) -> None:
        for cycle in range(90):
            await driver.step(ctx, start=cycle in (5, 30, 40), collect=True)
        assert driver.issued == expected
        assert driver.when == [*range(9, 21), *range(44, 47)]

    simulate(dut, bench)


@STRIPS
def test_waits_for_the_start_of_each_layer(strips: bool) -> None:
    """Also of those without weights."""
    layout = layout_of(strips=strips)
    layers = [Layer([(1, 0, True)] if i % 2 else []) for i in range(7)]
    dut = Issue(layout)
    driver = Driver(dut, layout, layers)

    async def bench(ctx: Any) -> None:
        for layer in range(6):
            for _ in range(10):
                await driver.step(ctx, collect=True)
            assert ctx.get(dut.idle) == 1
            assert len(driver.issued) == layer // 2, "layers 1, 3 and 5 have a weight"
            await driver.step(ctx, start=True, collect=True)

    simulate(dut, bench)


@STRIPS
def test_begins_no_more_rows_than_can_wait(strips: bool) -> None:
    """Whether they are of one tile or of several."""
    rows = ROWS_IN_FLIGHT + 5
    layout = layout_of(strips=strips)
    layer = Layer([(1, 0, True)] * 7, 3) if strips else Layer([(1, 0, True)] * rows)
    dut = Issue(layout)
    driver = Driver(dut, layout, [layer])

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
