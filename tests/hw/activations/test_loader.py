"""The loader against the beats that its input memory keeps."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from tests.hw.bench import layout_of, load, simulate

from zeroskip.contracts.layout import Layout
from zeroskip.contracts.timing import SAMPLE_GAP
from zeroskip_hw.activations.loader import Loader
from zeroskip_hw.activations.store import position_bits

Beats = list[int]


class Stream:
    """Sends samples, and keeps a copy of the buffer as the writes would fill it."""

    def __init__(self, dut: Loader, layout: Layout, rng: Random, share: float = 1.0) -> None:
        self.dut, self.layout, self.rng, self.share = dut, layout, rng, share
        self.buffer: dict[tuple[int, int, int, int], int] = {}  # half, column, bank, position
        self.events = {"first": 0, "accepted": 0, "early_last": 0, "late_last": 0}
        self.cycle = 0

    async def step(self, ctx: Any) -> None:
        dut, bits = self.dut, position_bits(self.layout)
        write = dut.write
        enable = ctx.get(write.enable)
        for bank in range(self.layout.config.stream_elements):
            if enable >> bank & 1:
                column = ctx.get(write.column).bit_length() - 1
                assert ctx.get(write.column) == 1 << column, "one sample at a time"
                place = ctx.get(write.half), column, bank, ctx.get(write.position) >> (bits * bank) & ((1 << bits) - 1)
                self.buffer[place] = ctx.get(write.data) >> (8 * bank) & 0xFF
        for name in self.events:
            self.events[name] += ctx.get(getattr(dut, name))
        self.cycle += 1
        await ctx.tick()

    async def send(self, ctx: Any, beats: Beats) -> list[int]:
        """Returns the cycles in which the beats were taken."""
        dut, when = self.dut, []
        for number, beat in enumerate(beats):
            while self.rng.random() >= self.share:
                ctx.set(dut.last, self.rng.getrandbits(1))
                await self.step(ctx)
            ctx.set(dut.data, beat)
            ctx.set(dut.last, number == len(beats) - 1)
            for _ in range(100):
                ready = ctx.get(dut.ready)
                ctx.set(dut.valid, 1)
                assert ctx.get(dut.ready) == ready, "TREADY depends on TVALID"
                if ready:
                    break
                await self.step(ctx)
            assert ready, f"beat {number} is not taken"
            when.append(self.cycle)
            await self.step(ctx)
            ctx.set(dut.valid, 0)
        return when


def random_keep(rng: Random, layout: Layout, beats: int) -> list[int]:
    elements = layout.config.stream_elements
    keeps = [rng.getrandbits(elements) for _ in range(beats)]
    return [layout.beat.encode({"last": i == beats - 1, "keep": keep}) for i, keep in enumerate(keeps)]


def stored(
    layout: Layout, words: list[int], sample: Beats, half: int, column: int
) -> dict[tuple[int, int, int, int], int]:
    expected = {}
    for bank in range(layout.config.stream_elements):
        position = 0
        for word, beat in zip(words, sample, strict=True):
            if layout.beat.decode(word)["keep"] >> bank & 1:
                expected[half, column, bank, position] = beat >> (8 * bank) & 0xFF
                position += 1
    return expected


@pytest.mark.parametrize("stream_bits, columns, beats", [(8, 1, 5), (16, 3, 4), (64, 2, 3), (32, 1, 1)])
@pytest.mark.parametrize("seed", range(4))
def test_kept_elements_by_bank(stream_bits: int, columns: int, beats: int, seed: int) -> None:
    """Several groups, between them samples that are too short or too long and leave no trace."""
    rng = Random(seed)
    layout = layout_of(stream_bits=stream_bits, columns=columns, input_depth=beats * stream_bits // 8)
    dut = Loader(layout)
    stream = Stream(dut, layout, rng, rng.choice([1.0, 0.5]))
    words = random_keep(rng, layout, beats)

    async def bench(ctx: Any) -> None:
        await load(ctx, dut.load, layout, "input", words)
        ctx.set(dut.enable, 1)
        short = long = 0
        for group in range(5):
            half, expected = group % 2, {}
            where = f"group {group}, seed {seed}"
            assert not ctx.get(dut.full) >> half & 1, where
            stream.buffer.clear()
            stream.events["first"] = 0
            begun = 1
            for column in range(columns):
                # A dropped sample is partly written before its length is known, so drop only before good ones.
                for length in rng.choices([beats - 1, beats + 1, 2 * beats + 1], k=rng.randint(0, 2)):
                    if length:
                        await stream.send(ctx, [rng.getrandbits(stream_bits) for _ in range(length)])
                        short, long = short + (length < beats), long + (length > beats)
                        begun += column == 0
                sample = [rng.getrandbits(stream_bits) for _ in range(beats)]
                await stream.send(ctx, sample)
                expected |= stored(layout, words, sample, half, column)
            for _ in range(3):
                await stream.step(ctx)
            assert stream.buffer == expected, where
            assert stream.events["first"] == begun, where
            assert stream.events["accepted"] == (group + 1) * columns, where
            assert (stream.events["early_last"], stream.events["late_last"]) == (short, long), where
            assert ctx.get(dut.full) >> half & 1, where
            ctx.set(dut.release, 1 << half)
            await stream.step(ctx)
            ctx.set(dut.release, 0)
            assert ctx.get(dut.full) == 0, where

    simulate(dut, bench)


def test_waits_for_a_free_half() -> None:
    layout = layout_of(columns=2, input_depth=4)
    dut = Loader(layout)
    stream = Stream(dut, layout, Random(1))

    async def bench(ctx: Any) -> None:
        await load(ctx, dut.load, layout, "input", random_keep(Random(1), layout, 2))
        await stream.step(ctx)
        assert ctx.get(dut.ready) == 0, "not before it is enabled"
        ctx.set(dut.enable, 1)
        for _ in range(4):
            await stream.send(ctx, [1, 2])
        for _ in range(5):
            await stream.step(ctx)
            assert ctx.get(dut.full) == 3
            assert ctx.get(dut.ready) == 0
        ctx.set(dut.release, 1)
        await stream.step(ctx)
        ctx.set(dut.release, 0)
        assert ctx.get(dut.full) == 2
        assert ctx.get(dut.ready) == 1

    simulate(dut, bench)


def test_a_beat_per_cycle_and_a_gap_per_sample() -> None:
    beats = 4
    layout = layout_of(columns=3, input_depth=8)
    dut = Loader(layout)
    stream = Stream(dut, layout, Random(1))

    async def bench(ctx: Any) -> None:
        await load(ctx, dut.load, layout, "input", random_keep(Random(1), layout, beats))
        ctx.set(dut.enable, 1)
        when = [cycle for _ in range(6) for cycle in await stream.send(ctx, [0] * beats)]
        assert when == [when[0] + i + i // beats * SAMPLE_GAP for i in range(6 * beats)]

    simulate(dut, bench)
