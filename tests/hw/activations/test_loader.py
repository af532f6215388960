"""The loader against the writes that its rows and channels ask for, and the samples that it must drop."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from typing import Any

import pytest
from amaranth.hdl import ResetInserter, Signal
from tests.hw.activations.input_model import Image, Sample, Write, random_image, random_samples
from tests.hw.bench import layout_of, load, parted, simulate

from zeroskip.contracts.layout import Layout
from zeroskip.contracts.timing import INPUT_ROW_PAUSE
from zeroskip.schedule.lanes.loading import Loading
from zeroskip_hw.activations.loader import Loader

ACCEPTED_TO_FULL = 2
ACCEPTED_TO_WRITE = 3
"""Cycles from a sample's acceptance: until its half is full, where it was the group's last; until its last element is written."""


def shown(ctx: Any, dut: Loader, layout: Layout) -> Write:
    count, lanes = layout.config.load_elements, layout.config.lanes
    bits = parted(ctx.get(dut.lanes), lanes, count)
    owners = [sum((bits[lane] >> i & 1) << lane for lane in range(lanes)) for i in range(count)]
    addresses, data = parted(ctx.get(dut.write.address), count, layout.half_bit), parted(ctx.get(dut.write.data), count)
    return Write(
        ctx.get(dut.write.enable), ctx.get(dut.write.half), owners,
        [value if owner else 0 for value, owner in zip(addresses, owners, strict=True)],
        [value if owner else 0 for value, owner in zip(data, owners, strict=True)],
    )  # fmt: skip


class Run:
    """A stream of samples through the loader; every port is compared in every cycle.

    supply : how likely a beat is offered; drain : how likely a full half is released
    """

    def __init__(self, layout: Layout, image: Image, samples: list[Sample], rng: Random, supply: float, drain: float):
        self.layout, self.image, self.samples, self.rng, self.supply, self.drain = (
            layout,
            image,
            samples,
            rng,
            supply,
            drain,
        )
        self.written: list[int] = []
        """Cycles of all writes."""

    def simulate(self) -> None:
        dut, stopped = Loader(self.layout), Signal()

        async def bench(ctx: Any) -> None:
            ctx.set(stopped, 1)
            for name, words in self.image.words(self.layout).items():
                await load(ctx, dut.load, self.layout, name, words)
            ctx.set(stopped, 0)
            await self._run(ctx, dut)

        simulate(ResetInserter(stopped)(dut), bench)

    async def _run(self, ctx: Any, dut: Loader) -> None:
        rng, whole, group_samples = self.rng, self.image.beats(self.layout), self.layout.group_samples
        expected: list[Write] = []
        due: dict[int, int] = {}  # cycle of the write with that number
        rises: dict[int, int] = {}
        events: list[str] = []
        at, beat, filling, draining, full, offered, promised, idle, cycle = 0, 0, 0, 0, 0, False, 0, 0, 0
        while idle < 12:
            assert cycle < 20_000
            where = f"cycle {cycle}, sample {at}"
            full |= rises.pop(cycle, 0)
            assert ctx.get(dut.full) == full, where
            sample = self.samples[at] if at < len(self.samples) else None
            enable = rng.random() < 0.9 or self.supply == 1.0
            offered = sample is not None and (offered or rng.random() < self.supply)
            ctx.set(dut.enable, enable)
            ctx.set(dut.valid, not offered)
            ready = ctx.get(dut.ready)
            ctx.set(dut.valid, offered)
            assert ctx.get(dut.ready) == ready, f"TREADY depends on TVALID, {where}"
            dropped = sample is not None and sample.long and beat > whole
            assert not ready or enable, where
            assert not ready or dropped or not full >> filling & 1, f"a full half is written, {where}"
            ctx.set(dut.data, sample.word(beat) if offered and sample else rng.getrandbits(len(dut.data)))
            ctx.set(dut.last, beat == len(sample.beats) - 1 if offered and sample else rng.getrandbits(1))
            taken = ready and offered
            begins = bool(taken and sample and beat == 0)
            assert ctx.get(dut.first) == (begins and sample is not None and sample.place == 0), where
            if begins and sample:
                expected += self.image.writes(self.layout, sample.beats[:whole], sample.place, filling)
                promised = len(self.written) + len(expected)
            if ctx.get(dut.write.enable):
                assert expected, f"a write too many, {where}"
                assert shown(ctx, dut, self.layout) == expected.pop(0), where
                self.written.append(cycle)
            now = [name for name in ("accepted", "early_last", "late_last") if ctx.get(getattr(dut, name))]
            assert len(now) <= 1, where
            events += now
            if now:
                due[cycle + ACCEPTED_TO_WRITE] = promised  # all that has come of this sample, and nothing of the next
            if now == ["accepted"] and events.count("accepted") % group_samples == 0:
                rises[cycle + ACCEPTED_TO_FULL] = 1 << filling
                filling ^= 1
            if cycle in due:
                assert self.written[due[cycle] - 1] == cycle, where
            release = full >> draining & 1 and rng.random() < self.drain
            ctx.set(dut.release, release << draining)
            if release:
                full &= ~(1 << draining)
                draining ^= 1
            if taken and sample:
                offered, beat = False, beat + 1
                if beat == len(sample.beats):
                    at, beat = at + 1, 0
            idle += at == len(self.samples)
            cycle += 1
            await ctx.tick()
        assert not expected
        wanted = ["early_last" if s.short else "late_last" if s.long else "accepted" for s in self.samples]
        assert events == wanted


SHAPES = [
    {"columns": 1, "stream_bits": 8, "load_elements": 1},
    {"columns": 3, "stream_bits": 32, "load_elements": 1, "lanes": 5},
    {"columns": 4, "stream_bits": 32, "load_elements": 4},
    {"columns": 2, "stream_bits": 64, "load_elements": 8, "lanes": 4},
    {"columns": 3, "stream_bits": 16, "load_elements": 2, "strips": False},
    {"columns": 2, "stream_bits": 64, "load_elements": 4, "strips": False},
]


@pytest.mark.parametrize("options", SHAPES, ids=lambda options: "-".join(map(str, options.values())))
@pytest.mark.parametrize("wrong", [0.0, 0.4])
@pytest.mark.parametrize("seed", range(6))
def test_samples_of_every_length(options: dict[str, Any], wrong: float, seed: int) -> None:
    """At any place of a group, at any pace of the stream and of who empties the halves."""
    rng = Random(seed)
    layout = layout_of(**options, input_depth=rng.choice([16, 100]), input_row_depth=16, channel_depth=48)
    image = random_image(rng, layout)
    samples = random_samples(rng, layout, image, 5, wrong)
    supply, drain = rng.choice([1.0, 0.5, 0.2]), rng.choice([1.0, 0.1, 0.01])
    Run(layout, image, samples, rng, supply, drain).simulate()


@pytest.mark.parametrize("strips", [False, True], ids=["samples", "strips"])
@pytest.mark.parametrize("elements", [1, 2, 4])
@pytest.mark.parametrize("channels, by_channel", [(4, False), (3, True), (6, True)])
def test_one_step_per_cycle_and_a_pause_before_each_row(
    strips: bool, elements: int, channels: int, by_channel: bool
) -> None:
    """Across beats, samples and groups, of a stream that never pauses."""
    rng = Random(elements)
    layout = layout_of(strips=strips, columns=2, stream_bits=32, load_elements=4, input_row_depth=6, channel_depth=8)
    rows = [[(3, row) for row in range(3)] for _ in range(layout.group_samples)]
    image = Image(rows, [(1, channel) for channel in range(channels)], 5, elements, channels, by_channel)
    run = Run(layout, image, random_samples(rng, layout, image, 4, 0.0), rng, 1.0, 1.0)
    run.simulate()
    at, steps = 0, []
    for _ in range(3):
        steps.append(0)
        for _ in range(5):
            left = channels
            while left:
                count = min(elements, left, 4 - at % 4)
                at, left, steps[-1] = at + count, left - count, steps[-1] + 1
    steps *= 4 * layout.group_samples
    gaps = [after - before for before, after in pairwise(run.written)]
    expected = [gap for count in steps for gap in (1 + INPUT_ROW_PAUSE, *[1] * (count - 1))]
    assert gaps == expected[1:]
    shape = (channels, 3, 5)
    assert sum(expected) == Loading(elements=elements, by_channel=by_channel).cycles(shape, 4) * len(steps) // 3
