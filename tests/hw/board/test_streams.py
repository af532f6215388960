"""Payload to input stream, output stream to answer."""

from __future__ import annotations

import random
from typing import Any

import pytest
from tests.hw.bench import simulate

from zeroskip_hw.board.feeder import Feeder
from zeroskip_hw.board.gatherer import Gatherer


def fed(beats: int, period: int, pauses: list[int], drop_at: int | None = None) -> tuple[list[tuple[int, int]], int]:
    """(word, last) of every beat that was taken, and the clock cycles from the first to the last."""
    dut, got, cycles = Feeder(6), [], []

    async def drive(ctx: Any) -> None:
        word, now = 0, 0
        ctx.set(dut.beats, beats)
        ctx.set(dut.period, period)
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        while not ctx.get(dut.finished):
            ctx.set(dut.ready, pauses[now % len(pauses)])
            ctx.set(dut.drop, int(now == drop_at))
            offered, ready = ctx.get(dut.valid), pauses[now % len(pauses)]
            if offered and ready:
                got.append((word, ctx.get(dut.last)))
                cycles.append(now)
            if ctx.get(dut.read_enable):
                word = ctx.get(dut.read_address)
            await ctx.tick()
            now += 1
            assert now < 500

    simulate(dut, drive)
    return got, (cycles[-1] - cycles[0] + 1 if cycles else 0)


@pytest.mark.parametrize("beats, period", [(0, 0), (1, 1), (12, 4), (12, 0), (13, 4), (64, 1), (64, 64), (5, 100)])
@pytest.mark.parametrize("seed", [None, 1, 2])
def test_beats_in_order_with_last(beats: int, period: int, seed: int | None) -> None:
    rng = random.Random(seed)
    pauses = [1] if seed is None else [rng.randrange(2) for _ in range(31)] + [1]
    got, cycles = fed(beats, period, pauses)
    assert got == [(i, int(period > 0 and (i + 1) % period == 0)) for i in range(beats)]
    if seed is None:
        assert cycles == beats, "one beat per cycle"


def test_dropped() -> None:
    got, _ = fed(40, 4, [0, 0, 1], drop_at=10)
    assert 0 < len(got) < 5


@pytest.mark.parametrize("seed", range(8))
def test_gathered_until_samples_have_ended_or_the_memory_is_full(seed: int) -> None:
    rng = random.Random(seed)
    first, words, elements = 4, 16, 4
    dut = Gatherer(first=first, words=words, elements=elements)
    lengths = [rng.randrange(1, 20) for _ in range(6)]
    samples = rng.randrange(0, 4)
    beats = [
        (min(elements, length - place), int(place + elements >= length))
        for length in lengths for place in range(0, length, elements)
    ]  # fmt: skip
    written: list[int] = []

    async def drive(ctx: Any) -> None:
        ctx.set(dut.samples, samples)
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        for kept, last in beats:
            ctx.set(dut.valid, 0)
            await ctx.tick().repeat(rng.randrange(3) + 1)
            ctx.set(dut.keep, (1 << kept) - 1)
            ctx.set(dut.last, last)
            ctx.set(dut.valid, 1)
            if ctx.get(dut.finished):
                break
            written.append(ctx.get(dut.write_address))
            await ctx.tick()
        ctx.set(dut.valid, 0)
        await ctx.tick()
        room = words - first
        ends = [i for i, (_, last) in enumerate(beats) if last]
        taken = min(room, ends[samples - 1] + 1) if samples else 0
        assert written == list(range(first, first + taken)), f"seed {seed}"
        assert ctx.get(dut.bytes) == sum(kept for kept, _ in beats[:taken]), f"seed {seed}"
        assert ctx.get(dut.ended) == sum(last for _, last in beats[:taken]), f"seed {seed}"

    simulate(dut, drive)
