"""The strip loader against the lists of passes of an image's rows: every write, TREADY and the halves, cycle by cycle."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
from amaranth.hdl import ResetInserter, Signal
from tests.hw.bench import layout_of, load, parted, simulate

from zeroskip.contracts.layout import BAND_POSITIONS, Layout
from zeroskip.contracts.timing import SAMPLE_GAP
from zeroskip_hw.activations.store import position_bits
from zeroskip_hw.activations.strip_loader import StripLoader

PASS_TO_WRITE = 4
"""Cycles from a pass to its write."""

RESTART = 4
"""From the last pass of a sample that was too short until TREADY: the first row's list is read again."""

Write = tuple[int, int, int, int]
"""Half, columns, address, value."""


@dataclass(frozen=True)
class Image:
    """rows : of each, the numbers of the passes of its first, middle and last element; passes : their words' fields"""

    channels: int
    width: int
    x_step: int
    channel_step: int
    rows: list[dict[str, range]]
    passes: list[dict[str, int]]

    @property
    def elements(self) -> int:
        return self.channels * self.width * len(self.rows)

    def writes(self, element: int, byte: int, half: int, addresses: int) -> list[Write]:
        """Of one element, in order."""
        pixel, channel = divmod(element, self.channels)
        row, x = divmod(pixel, self.width)
        place = "first" if x == 0 else "last" if x == self.width - 1 else "middle"
        return [
            (
                half, entry["mask"], (entry["base"] + x * self.x_step + channel * self.channel_step) % addresses,
                entry["value"] if entry["constant"] else byte,
            )
            for entry in (self.passes[i] for i in self.rows[row][place])
        ]  # fmt: skip

    def words(self, layout: Layout) -> tuple[list[int], list[int]]:
        """Of the memories `input_bands` and `input_passes`."""
        bands = []
        for number, row in enumerate(self.rows):
            fields = {"last": number == len(self.rows) - 1, "width": self.width - 1, "channels": self.channels - 1}
            fields |= {"x_step": self.x_step, "channel_step": self.channel_step}
            for place in BAND_POSITIONS:
                fields |= {f"{place}_begin": row[place].start, f"{place}_more": len(row[place]) - 1}
            bands.append(layout.input_band.encode(fields))
        return bands, [layout.input_passes.encode(entry) for entry in self.passes]


def random_image(rng: Random, layout: Layout, channels: int, width: int, rows: int, longest: int) -> Image:
    """A row of one element has two passes at least, so that the next row's list can be read."""
    c, address = layout.config, layout.store_bits
    passes = [
        {
            "base": rng.getrandbits(address), "mask": rng.choice([0, (1 << c.columns) - 1, rng.getrandbits(c.columns)]),
            "constant": rng.random() < 0.3, "value": rng.randrange(256),
        }
        for _ in range(c.input_pass_depth)
    ]  # fmt: skip
    least = 2 if channels * width == 1 else 1
    lists = []
    for _ in range(rows):
        row = {}
        for place in BAND_POSITIONS:
            count = rng.randint(least, max(least, longest))
            begin = rng.randrange(c.input_pass_depth - count + 1)
            row[place] = range(begin, begin + count)
        lists.append(row)
    return Image(channels, width, rng.getrandbits(address), rng.getrandbits(address), lists, passes)


class Driver:
    """Offers beats at random, releases halves at random, and knows what must come of them.

    free : the first cycle in which the next beat of a sample may be taken, unless its half is full
    """

    def __init__(self, dut: StripLoader, layout: Layout, image: Image, rng: Random, share: float, where: str) -> None:
        self.dut, self.layout, self.image, self.rng, self.share, self.where = dut, layout, image, rng, share, where
        self.half = self.element = self.full = self.cycle = self.free = 0
        self.dropping, self.fresh = False, True
        self.writes: dict[int, Write] = {}
        self.filled: dict[int, int] = {}
        self.early: set[int] = set()
        self.late: set[int] = set()
        self.taken: list[int] = []
        self.accepted = 0

    @property
    def beats(self) -> int:
        return -(-self.image.elements // self.layout.config.stream_elements)

    async def run(self, ctx: Any, samples: list[list[int]], release: float) -> None:
        """Until all ``samples`` are taken and nothing is on its way."""
        beats = deque((beat, i == len(sample) - 1) for sample in samples for i, beat in enumerate(sample))
        quiet = 0
        while quiet < 10:
            await self.step(ctx, beats, release)
            quiet = 0 if beats or self.cycle < self.free else quiet + 1
            assert self.cycle < 50_000, f"{len(beats)} beats are not taken, {self.where}"

    async def step(self, ctx: Any, beats: deque[tuple[int, bool]], release: float) -> None:
        dut, where = self.dut, f"cycle {self.cycle}, {self.where}"
        self.full |= self.filled.pop(self.cycle, 0)
        ready = self.dropping or (self.cycle >= self.free and not self.full >> self.half & 1)
        offered = bool(beats) and self.rng.random() < self.share
        beat, last = beats[0] if offered else (self.rng.getrandbits(len(dut.data)), bool(self.rng.getrandbits(1)))
        ctx.set(dut.data, beat)
        ctx.set(dut.last, last)
        ctx.set(dut.valid, 0)
        assert ctx.get(dut.ready) == ready, where
        ctx.set(dut.valid, offered)
        assert ctx.get(dut.ready) == ready, f"TREADY depends on TVALID, {where}"
        take = offered and ready
        assert ctx.get(dut.first) == (take and self.fresh and not self.dropping), where
        assert ctx.get(dut.accepted) == (self.cycle + 1 in self.filled), where
        assert ctx.get(dut.full) == self.full, where
        assert ctx.get(dut.early_last) == (self.cycle in self.early), where
        assert ctx.get(dut.late_last) == (self.cycle in self.late), where
        self._check_write(ctx, where)
        if take:
            beats.popleft()
            self._take(beat, last)
        elif self.cycle in self.late:
            self.dropping = True
        freed = sum(1 << half for half in (0, 1) if self.full >> half & 1 and self.rng.random() < release)
        ctx.set(dut.release, freed)
        self.full &= ~freed
        self.cycle += 1
        await ctx.tick()

    def _take(self, beat: int, last: bool) -> None:
        if self.dropping:
            self.dropping = not last
            return
        self.taken.append(self.cycle)
        self.fresh = False
        count = self.cycle
        for byte in parted(beat, self.layout.config.stream_elements)[: self.image.elements - self.element]:
            for write in self.image.writes(self.element, byte, self.half, 1 << self.layout.store_bits):
                count += 1
                self.writes[count + PASS_TO_WRITE] = write
            self.element += 1
        # The next beat is taken with the last pass; that of the next sample after a cycle's pause.
        self.free = count
        complete = self.element == self.image.elements
        if complete or last:
            self.free = count + SAMPLE_GAP
            self.element, self.fresh = 0, True
        if complete and last:
            self.filled[count + 1] = 1 << self.half
            self.half ^= 1
            self.accepted += 1
        elif complete:
            self.late.add(count)
        elif last:
            self.early.add(count)
            self.free = count + RESTART

    def _check_write(self, ctx: Any, where: str) -> None:
        write, layout = self.dut.write, self.layout
        banks, bits = layout.config.stream_elements, position_bits(layout)
        half, columns, address, value = self.writes.pop(self.cycle, (0, 0, 0, 0))
        bank, position = address % banks, (address // banks) % (1 << bits)
        assert ctx.get(write.enable) == (1 << bank if columns else 0), where
        if columns:
            assert ctx.get(write.column) == columns, where
            assert ctx.get(write.half) == half, where
            assert parted(ctx.get(write.position), banks, bits)[bank] == position, where
            assert parted(ctx.get(write.data), banks)[bank] == value, where


def run(dut: StripLoader, layout: Layout, image: Image, body: Any) -> None:
    """``body`` begins as the reset ends, with the memories loaded."""
    reset = Signal()

    async def bench(ctx: Any) -> None:
        ctx.set(reset, 1)
        for name, words in zip(("input_bands", "input_passes"), image.words(layout), strict=True):
            await load(ctx, dut.load, layout, name, words)
        ctx.set(reset, 0)
        for _ in range(4):
            assert ctx.get(dut.ready) == 0, "not before it is enabled"
            await ctx.tick()
        ctx.set(dut.enable, 1)
        await body(ctx)

    simulate(ResetInserter(reset)(dut), bench)


SHAPES = [(1, 1, 1), (1, 1, 5), (2, 1, 3), (1, 2, 4), (3, 5, 2), (1, 8, 1), (5, 1, 1), (4, 3, 3)]
"""Channels, width, rows; among them rows of one element, images of one row, and of one element."""


@pytest.mark.parametrize("stream_bits", [8, 16, 64])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_every_write_of_every_element(stream_bits: int, shape: tuple[int, int, int], seed: int) -> None:
    """Samples, some of them too short or too long, under random stalls of the source and of the release of halves."""
    rng = Random(seed)
    layout = layout_of(strips=True, stream_bits=stream_bits, columns=rng.choice([1, 3, 8]))
    image = random_image(rng, layout, *shape, longest=rng.choice([1, 3, 9]))
    dut = StripLoader(layout)
    driver = Driver(dut, layout, image, rng, rng.choice([1.0, 0.4]), f"seed {seed}")
    beats, lengths = driver.beats, []
    for _ in range(8):
        right = rng.random() < 0.6
        lengths.append(beats if right else max(1, rng.choice([1, beats - 1, beats + 1, 2 * beats, beats + 3])))
    samples = [[rng.getrandbits(stream_bits) for _ in range(length)] for length in [*lengths, beats]]

    async def body(ctx: Any) -> None:
        await driver.run(ctx, samples, rng.choice([1.0, 0.05]))
        assert not driver.writes, f"seed {seed}"
        assert driver.accepted == sum(len(sample) == beats for sample in samples), f"seed {seed}"
        assert len(driver.early) == sum(len(sample) < beats for sample in samples), f"seed {seed}"
        assert len(driver.late) == sum(len(sample) > beats for sample in samples), f"seed {seed}"

    run(dut, layout, image, body)


def test_waits_for_a_free_half() -> None:
    layout = layout_of(strips=True)
    image = random_image(Random(1), layout, 2, 2, 2, longest=2)
    dut = StripLoader(layout)
    driver = Driver(dut, layout, image, Random(1), 1.0, "")
    samples = [[0] * driver.beats] * 3

    async def body(ctx: Any) -> None:
        beats = deque((beat, i == driver.beats - 1) for sample in samples for i, beat in enumerate(sample))
        for _ in range(100):
            await driver.step(ctx, beats, 0.0)
        assert ctx.get(dut.full) == 3
        assert ctx.get(dut.ready) == 0
        assert len(beats) == driver.beats, "of the third sample nothing is taken"
        for _ in range(100):
            await driver.step(ctx, beats, 1.0)
        assert not beats
        assert driver.accepted == 3

    run(dut, layout, image, body)


def test_one_pass_per_cycle_and_a_gap_per_sample() -> None:
    """A sample takes as many cycles as it has passes, whatever the width of the stream, and one more."""
    layout = layout_of(strips=True, stream_bits=32)
    image = random_image(Random(3), layout, 3, 5, 3, longest=4)
    dut = StripLoader(layout)
    driver = Driver(dut, layout, image, Random(1), 1.0, "")
    passes = sum(len(image.writes(element, 0, 0, 1)) for element in range(image.elements))

    async def body(ctx: Any) -> None:
        await driver.run(ctx, [[0] * driver.beats] * 6, 1.0)
        begins = driver.taken[:: driver.beats]
        assert begins == [begins[0] + i * (passes + SAMPLE_GAP) for i in range(6)]

    run(dut, layout, image, body)
