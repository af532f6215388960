"""Addresses, turns and strips against a plain raster of tiles."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
from tests.hw.bench import layout_of, simulate
from tests.hw.lane.shares import strip_constants, strip_of

from zeroskip.contracts.layout import Layout
from zeroskip_hw.lane.operands import Operands, constants_of

PADDING = 3


@dataclass(frozen=True)
class Tap:
    offset: int
    dy: int
    dx: int


@dataclass(frozen=True)
class Job:
    """One layer of a lane: constants, taps of each of its rows, tiles in a band and bands."""

    constants: dict[str, int]
    rows: list[list[Tap]]
    across: int
    down: int
    repeat: int


def random_job(rng: Random, layout: Layout) -> Job:
    columns, address = layout.config.columns, 1 << layout.operand_bits
    height, width, stride = rng.randint(1, 8 if layout.config.reach == 1 else 2), rng.randint(1, 9), rng.randint(1, 2)
    last = rng.randint(1, height)
    used = rng.randint(1, columns)
    across, down, repeat = rng.randint(1, width), rng.randint(1, height), rng.randint(1, 4)
    strip = rng.randrange(address)
    constants = strip_constants(layout, height, last, used, strip) | {
        "width": width, "x_last": (across - 1) * stride, "x_stride": stride, "y_stride": stride, "x_step": rng.randrange(address),
        "band_step": rng.randrange(address), "row_step": rng.randrange(address), "repeat": repeat - 2,
    }  # fmt: skip
    far = 2 if layout.config.reach == 1 else 6
    rows = [
        [Tap(rng.randrange(address), rng.randint(-far, far), rng.randint(-2, 2)) for _ in range(rng.randint(1, 4))]
        for _ in range(rng.randint(1, 6))
    ]
    return Job(constants, rows, across, down, repeat)


def expected_of(job: Job, layout: Layout) -> list[tuple[Tap, bool, bool, bool, int, int | None, int]]:
    """(tap, first, tile first, tile end, address, columns down or None for padding, columns whose strip has the row), in order."""
    k, columns = job.constants, layout.config.columns
    found = []
    base = 0
    for tile in range(job.across * job.down):
        y0, x0 = tile // job.across * k["y_stride"], tile % job.across * k["x_stride"]
        for number, row in enumerate(job.rows):
            for i, tap in enumerate(row):
                s, x = y0 + tap.dy, x0 + tap.dx
                down, there = strip_of(layout, k, s)
                address = base + number // job.repeat * k["row_step"] + tap.offset - down * k["strip"] * (columns > 1)
                ends = number == len(job.rows) - 1 and i == len(row) - 1
                found.append((
                    tap, i == 0, i == 0 and number == 0, ends, address % (1 << layout.operand_bits),
                    down if 0 <= x < k["width"] else None, there,
                ))  # fmt: skip
        base += k["band_step"] if tile % job.across == job.across - 1 else k["x_step"]
    return found


def turn_of(turn: int, far: int, levels: int) -> int | None:
    """Columns down, of all turns together."""
    if turn == PADDING:
        return None
    down = {0: 0, 1: -1, 2: 1}
    return down[turn] + sum(down[far >> (2 * level) & 3] * 3 ** (levels - level) for level in range(levels))


@pytest.mark.parametrize("columns, reach", [(1, 1), (3, 1), (8, 1), (8, 4), (16, 13)])
@pytest.mark.parametrize("seed", range(8))
def test_every_tap_of_every_tile(columns: int, reach: int, seed: int) -> None:
    """Two layers, while the pipeline stalls now and then and the taps come with gaps."""
    rng = Random(seed)
    layout = layout_of(columns=columns, hidden_depth=500, reach=reach)
    jobs = [random_job(rng, layout) for _ in range(2)]
    dut = Operands(layout)
    moves, gaps = rng.choice([1.0, 0.5]), rng.choice([0.0, 0.4])

    async def bench(ctx: Any) -> None:
        for job in jobs:
            expected = expected_of(job, layout)
            for name in constants_of(layout):
                ctx.set(getattr(dut, name), job.constants[name])
            ctx.set(dut.source.valid, 0)
            ctx.set(dut.advance, 1)
            ctx.set(dut.resume, 1)
            await ctx.tick()
            ctx.set(dut.resume, 0)
            sent, seen, answer = 0, 0, 0
            for _ in range(20_000):
                if seen == len(expected):
                    break
                advance, offer = rng.random() < moves, sent < len(expected) and rng.random() >= gaps
                ctx.set(dut.advance, advance)
                ctx.set(dut.tap, answer)
                ctx.set(dut.source.valid, offer)
                ctx.set(dut.source.weight, 1)
                if offer:
                    tap, first, tile_first, tile_end, *_ = expected[sent]
                    ctx.set(dut.first, first)
                    ctx.set(dut.tile_first, tile_first)
                    ctx.set(dut.source.tile_end, tile_end)
                else:
                    ctx.set(dut.first, rng.random() < 0.5)
                    ctx.set(dut.tile_first, rng.random() < 0.5)
                if advance and ctx.get(dut.token.valid):
                    _, first, _, tile_end, address, turn, there = expected[seen]
                    far = ctx.get(dut.distant) if layout.far_levels else 0
                    assert turn_of(ctx.get(dut.turn), far, layout.far_levels) == turn, f"seed {seed}, {seen}"
                    assert (ctx.get(dut.first_out), ctx.get(dut.token.tile_end)) == (first, tile_end)
                    if turn is not None:
                        assert ctx.get(dut.address) == address, f"seed {seed}, {seen}"
                        assert ctx.get(dut.there) == there, f"seed {seed}, {seen}"
                    seen += 1
                if advance:
                    # The memory takes the address as the token leaves the stage before.
                    if offer:
                        tap = expected[sent][0]
                        answer = layout.tap.encode({"offset": tap.offset, "dy": tap.dy, "dx": tap.dx})
                    sent += offer
                await ctx.tick()
            assert seen == len(expected), f"seed {seed}"

    simulate(dut, bench)
