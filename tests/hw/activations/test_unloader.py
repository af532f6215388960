"""The unloader against the beats of the outputs that it was given."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from tests.hw.bench import joined, layout_of, simulate

from zeroskip.contracts.timing import END_TO_FIRST_OUTPUT
from zeroskip_hw.activations.unloader import Unloader

Beat = tuple[int, int, bool, bool]
"""Data, TKEEP, TLAST, end of group."""


def beats_of(group: list[list[int]], elements: int) -> list[Beat]:
    """``group``: the outputs of each sample."""
    beats = []
    for column, outputs in enumerate(group):
        for start in range(0, len(outputs), elements):
            part = outputs[start : start + elements]
            last = start + elements >= len(outputs)
            data = sum(value << (8 * i) for i, value in enumerate(part))
            beats.append((data, (1 << len(part)) - 1, last, last and column == len(group) - 1))
    return beats


async def write(ctx: Any, dut: Unloader, rng: Random, group: list[list[int]], half: int) -> None:
    """Rows in any order, as they may be finished; what stands in columns without a sample is left alone."""
    ctx.set(dut.half, half)
    for row in rng.sample(range(len(group[0])), len(group[0])):
        ctx.set(dut.write.enable, 1)
        ctx.set(dut.write.address, row)
        rest = rng.getrandbits(len(dut.write.data)) >> (8 * len(group)) << (8 * len(group))
        ctx.set(dut.write.data, joined(outputs[row] for outputs in group) | rest)
        await ctx.tick()
    ctx.set(dut.write.enable, 0)
    ctx.set(dut.done, 1 << half)
    await ctx.tick()
    ctx.set(dut.done, 0)


@pytest.mark.parametrize(
    "stream_bits, columns, rows", [(8, 1, 1), (8, 3, 5), (16, 2, 7), (32, 1, 12), (32, 3, 1), (64, 16, 11), (64, 1, 8)]
)
@pytest.mark.parametrize("strips", [False, True], ids=["samples", "strips"])
@pytest.mark.parametrize("share", [1.0, 0.4])
@pytest.mark.parametrize("seed", range(2))
def test_beats(stream_bits: int, columns: int, rows: int, strips: bool, share: float, seed: int) -> None:
    """Groups written into one half while the other is sent, under random back-pressure."""
    rng = Random(seed)
    layout = layout_of(strips=strips, stream_bits=stream_bits, columns=columns, output_depth=12)
    dut = Unloader(layout)
    groups = [[[rng.randrange(256) for _ in range(rows)] for _ in range(layout.group_samples)] for _ in range(6)]
    expected = [beat for group in groups for beat in beats_of(group, stream_bits // 8)]
    announced = 0

    async def writer(ctx: Any) -> None:
        nonlocal announced
        ctx.set(dut.outputs, rows)
        for number, group in enumerate(groups):
            while ctx.get(dut.full) >> (number % 2) & 1:
                await ctx.tick()
            await write(ctx, dut, rng, group, number % 2)
            announced += len(expected) // len(groups)

    async def reader(ctx: Any) -> None:
        found: list[Beat] = []
        offered: Beat | None = None
        for _ in range(5000):
            ready = rng.random() < share
            valid = ctx.get(dut.valid)
            ctx.set(dut.ready, ready)
            assert ctx.get(dut.valid) == valid, "TVALID depends on TREADY"
            assert ctx.get(dut.busy) == (len(found) < announced), f"beat {len(found)}, seed {seed}"
            beat = (ctx.get(dut.data), ctx.get(dut.keep), bool(ctx.get(dut.last)), bool(ctx.get(dut.group_end)))
            assert offered is None or (valid and beat == offered), (
                f"beat {len(found)} changed before it was taken, seed {seed}"
            )
            offered = beat if valid and not ready else None
            if valid and ready:
                found.append(beat)
            if len(found) == len(expected):
                break
            await ctx.tick()
        assert found == expected, f"seed {seed}"
        ctx.set(dut.ready, 1)
        for _ in range(8):
            await ctx.tick()
            assert not ctx.get(dut.valid), "beats too many"
        assert ctx.get(dut.full) == ctx.get(dut.busy) == 0

    simulate(dut, writer, reader)


def test_first_beat_after_done_and_no_gap_between_samples_and_groups() -> None:
    columns, rows = 3, 4
    layout = layout_of(strips=False, stream_bits=16, columns=columns, output_depth=12)
    dut = Unloader(layout)
    rng = Random(1)
    group = [[rng.randrange(256) for _ in range(rows)] for _ in range(columns)]
    beats = columns * rows // 2

    async def bench(ctx: Any) -> None:
        ctx.set(dut.outputs, rows)
        ctx.set(dut.ready, 0)
        await write(ctx, dut, rng, group, 0)
        # `write` has just passed the edge after the cycle of `done`.
        for cycle in range(1, END_TO_FIRST_OUTPUT + 1):
            assert ctx.get(dut.valid) == (cycle >= END_TO_FIRST_OUTPUT), f"cycle {cycle} after done"
            await ctx.tick()
        await write(ctx, dut, rng, group, 1)
        ctx.set(dut.ready, 1)
        for beat in range(2 * beats):
            assert ctx.get(dut.valid), f"a gap before beat {beat}"
            await ctx.tick()
        assert not ctx.get(dut.valid)

    simulate(dut, bench)
