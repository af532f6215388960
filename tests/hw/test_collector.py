"""The collector against row sums: rows that straddle lanes, whatever the order in which the parts arrive."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
import pytest
from tests.hw.bench import layout_of, load, simulate, to_signed

from zeroskip.schedule import LaneRun, split
from zeroskip.spec.layout import Layout
from zeroskip_hw.collector import Collector

WORD = 8


@dataclass(frozen=True)
class Part:
    """One lane's result."""

    row: int
    head: bool
    tail: bool
    sums: list[int]


def layer_of(rng: Random, kind: str, lanes: int) -> tuple[LaneRun, ...]:
    """A mask in which every row keeps a weight, cut for ``lanes``."""
    if kind == "one row in all lanes":
        counts = [4 * lanes]
    elif kind == "fewer weights than lanes":
        counts = [1] * max(1, lanes - 2)
    elif kind == "long rows":
        counts = [rng.randint(1, 40) for _ in range(rng.randint(1, 6))]
    else:
        counts = [rng.randint(1, 3) for _ in range(rng.randint(lanes, 4 * lanes))]
    mask = np.zeros((len(counts), max(counts) + WORD), dtype=np.bool_)
    for row, count in enumerate(counts):
        mask[row, rng.sample(range(mask.shape[1]), count)] = True
    return split(mask, lanes, WORD)


def merge_words(layout: Layout, layers: list[tuple[LaneRun, ...]], first_rows: list[int]) -> list[int]:
    words = []
    for runs, first_row in zip(layers, first_rows, strict=True):
        for lane in range(1 << layout.lane_bits):
            run = runs[lane] if lane < len(runs) else None
            fields = {"row": 0, "slot": 0, "head_others": 0, "tail_others": 0}
            if run is not None:
                fields = {
                    "row": first_row + run.first_row, "slot": run.slot,
                    "head_others": run.head_others, "tail_others": run.tail_others,
                }  # fmt: skip
            words.append(layout.merge.encode(fields))
    return words


def parts_of(rng: Random, runs: tuple[LaneRun, ...], first_row: int, columns: int, bound: int) -> list[deque[Part]]:
    return [
        deque(
            Part(
                first_row + row,
                row == run.first_row,
                row == run.last_row,
                [rng.randint(-bound, bound) for _ in range(columns)],
            )
            for row in range(run.first_row, run.last_row + 1)
        )
        if run.end > run.begin
        else deque()
        for run in runs
    ]


class Lanes:
    """Present results when it pleases them, and keep to the two-step handshake."""

    def __init__(self, dut: Collector, rng: Random, columns: int, acc_bits: int) -> None:
        self.dut, self.rng, self.columns, self.acc_bits = dut, rng, columns, acc_bits
        self.out: list[tuple[int, list[int]]] = []
        self.next_row = 0
        self.served = -1

    async def serve(self, ctx: Any, lanes: list[deque[Part]], share: float) -> None:
        """One layer, until its last row is out."""
        rows = {part.row for lane in lanes for part in lane}
        # A layer begins with lane 0's turn.
        ctx.set(self.dut.start, 1)
        await ctx.tick()
        ctx.set(self.dut.start, 0)
        self.served = -1
        held: list[tuple[int, Part]] = []
        for _ in range(5000):
            await self._step(ctx, lanes, share, held)
            if not any(lanes) and {row for row, _ in self.out} >= rows:
                return
        raise AssertionError(f"rows {sorted(rows - {row for row, _ in self.out})} never came out")

    async def _step(self, ctx: Any, lanes: list[deque[Part]], share: float, held: list[tuple[int, Part]]) -> None:
        dut = self.dut
        # What was granted in the cycle before is shown now; the other lanes show whatever they like.
        heads, tails, sums = (self.rng.getrandbits(len(value)) for value in (dut.heads, dut.tails, dut.sums))
        width = self.columns * self.acc_bits
        if held:
            lane, part = held.pop()
            heads = heads & ~(1 << lane) | part.head << lane
            tails = tails & ~(1 << lane) | part.tail << lane
            value = sum((v & ((1 << self.acc_bits) - 1)) << (self.acc_bits * i) for i, v in enumerate(part.sums))
            sums = sums & ~(((1 << width) - 1) << (lane * width)) | value << (lane * width)
        ctx.set(dut.heads, heads)
        ctx.set(dut.tails, tails)
        ctx.set(dut.sums, sums)
        request = sum(1 << lane for lane, parts in enumerate(lanes) if parts and self.rng.random() < share)
        ctx.set(dut.request, request)
        grant = ctx.get(dut.grant)
        later = request >> (self.served + 1) << (self.served + 1)
        chosen = later or request
        assert grant == chosen & -chosen, "the next waiting lane above the one served last, in the same cycle"
        if grant:
            lane = self.served = grant.bit_length() - 1
            held.append((lane, lanes[lane].popleft()))
        if ctx.get(dut.valid):
            row, total = ctx.get(dut.row), ctx.get(dut.total)
            assert row == self.next_row, "next_row is row, one cycle ahead"
            self.out.append(
                (row, [to_signed(total >> (self.acc_bits * i), self.acc_bits) for i in range(self.columns)])
            )
        self.next_row = ctx.get(dut.next_row)
        await ctx.tick()


KINDS = ["one row in all lanes", "fewer weights than lanes", "long rows", "short rows"]


@pytest.mark.parametrize("lanes, columns", [(1, 1), (2, 1), (3, 2), (8, 1), (13, 1)])
@pytest.mark.parametrize("share", [1.0, 0.3])
@pytest.mark.parametrize("seed", range(3))
def test_rows(lanes: int, columns: int, share: float, seed: int) -> None:
    """Layer after layer, and the same again for the next group."""
    rng = Random(seed)
    acc_bits = 20
    layers = [layer_of(rng, kind, lanes) for kind in rng.sample(KINDS, len(KINDS))]
    rows = [max(run.last_row for run in runs) + 1 for runs in layers]
    first_rows = [sum(rows[:i]) for i in range(len(rows))]
    layout = layout_of(lanes=lanes, columns=columns, acc_bits=acc_bits, row_depth=sum(rows))
    dut = Collector(layout)
    driver = Lanes(dut, rng, columns, acc_bits)

    async def bench(ctx: Any) -> None:
        await load(ctx, dut.load, layout, "merge", merge_words(layout, layers, first_rows))
        for group in range(2):
            for number, (runs, first_row) in enumerate(zip(layers, first_rows, strict=True)):
                parts = parts_of(rng, runs, first_row, columns, 1 << (acc_bits - 6))
                expected: dict[int, list[int]] = {}
                for part in (part for lane in parts for part in lane):
                    before = expected.get(part.row, [0] * columns)
                    expected[part.row] = [a + b for a, b in zip(before, part.sums, strict=True)]
                ctx.set(dut.layer, number)
                driver.out.clear()
                await driver.serve(ctx, parts, share)
                where = f"group {group}, layer {number}, seed {seed}"
                assert len(driver.out) == len(expected), where
                assert dict(driver.out) == expected, where

    simulate(dut, bench)


def test_a_whole_row_comes_five_cycles_after_its_grant() -> None:
    layout = layout_of(lanes=2)
    dut = Collector(layout)
    run = layout.merge.encode({"row": 7, "slot": 0, "head_others": 0, "tail_others": 0})

    async def bench(ctx: Any) -> None:
        await load(ctx, dut.load, layout, "merge", [run, run])
        ctx.set(dut.heads, 3)
        ctx.set(dut.request, 2)
        assert ctx.get(dut.grant) == 2
        await ctx.tick()
        ctx.set(dut.request, 0)
        for cycle in range(1, 8):
            assert ctx.get(dut.valid) == (cycle == 5), f"cycle {cycle}"
            if cycle == 5:
                assert ctx.get(dut.row) == 7
            await ctx.tick()

    simulate(dut, bench)
