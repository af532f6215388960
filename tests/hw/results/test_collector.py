"""The collector against row sums: rows that straddle lanes, whatever the order in which the parts arrive, tile after tile."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np
import pytest
from tests.hw.bench import joined, layout_of, load, parted, simulate, to_signed

from zeroskip.contracts.layout import Layout
from zeroskip.contracts.timing import TILE_TURN, WHOLE_ROW
from zeroskip.schedule import LaneRun, split
from zeroskip_hw.results.collector import Collector

WORD = 8
KINDS = ["one row in all lanes", "fewer weights than lanes", "long rows", "short rows"]


@dataclass(frozen=True)
class Part:
    """One lane's result; ``tile`` counts through the layer."""

    tile: int
    row: int
    head: bool
    tail: bool
    sums: list[int]


@dataclass(frozen=True)
class Layer:
    """holds : of each tile, cycles without a grant after each; empty in a flat array"""

    runs: tuple[LaneRun, ...]
    first_row: int
    holds: list[int]

    @property
    def tiles(self) -> int:
        return max(1, len(self.holds))

    @property
    def lanes(self) -> int:
        return sum(1 << lane for lane, run in enumerate(self.runs) if run.end > run.begin)


@dataclass
class Found:
    """rows : (tile, row, sums); flags : (tile_end, layer_end) of each; grants : (cycle, tile) of each."""

    rows: list[tuple[int, int, list[int]]] = field(default_factory=list)
    flags: list[tuple[int, int]] = field(default_factory=list)
    grants: list[tuple[int, int]] = field(default_factory=list)


def runs_of(rng: Random, kind: str, lanes: int) -> tuple[LaneRun, ...]:
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
    return split(mask, lanes, WORD, whole_rows=rng.random() < 0.2)


def random_layers(rng: Random, lanes: int, strips: bool) -> list[Layer]:
    layers, first_row = [], 0
    for kind in rng.sample(KINDS, len(KINDS)):
        runs = runs_of(rng, kind, lanes)
        holds = [rng.choice([0, 0, 1, 2, rng.randrange(8)]) for _ in range(rng.randint(1, 5))] if strips else []
        layers.append(Layer(runs, first_row, holds))
        first_row += max(run.last_row for run in runs) + 1
    return layers


def merge_words(layout: Layout, layers: list[Layer]) -> list[int]:
    words = []
    for layer in layers:
        for lane in range(1 << layout.lane_bits):
            given = {"row": 0, "slot": 0, "head_others": 0, "tail_others": 0}
            if lane < len(layer.runs):
                run = layer.runs[lane]
                given = {
                    "row": layer.first_row + run.first_row, "slot": run.slot,
                    "head_others": run.head_others, "tail_others": run.tail_others,
                }  # fmt: skip
            words.append(layout.merge.encode(given))
    return words


def parts_of(rng: Random, layer: Layer, columns: int, bound: int) -> list[deque[Part]]:
    return [
        deque(
            Part(
                tile, layer.first_row + row, row == run.first_row, row == run.last_row,
                [rng.randint(-bound, bound) for _ in range(columns)],
            )
            for tile in range(layer.tiles)
            for row in range(run.first_row, run.last_row + 1)
            if run.end > run.begin
        )
        for run in layer.runs
    ]  # fmt: skip


class Driver:
    """Lanes that present results when it pleases them, and a raster that gives each tile's hold; checks every grant.

    tile, served : the tile that is collected, and the lane served last
    free : the first cycle in which a grant may be given
    """

    def __init__(self, dut: Collector, layout: Layout, rng: Random, where: str = "") -> None:
        self.dut, self.layout, self.rng, self.where = dut, layout, rng, where
        self.next_row, self.cycle = 0, 0
        self.tile, self.served, self.free = 0, -1, 0

    async def serve(self, ctx: Any, number: int, layer: Layer, parts: list[deque[Part]], share: float) -> Found:
        """One layer, until its last row is out and written."""
        dut = self.dut
        # A layer begins with lane 0's turn.
        self.tile, self.served, self.free = 0, -1, self.cycle
        left = [sum(part.tile == tile for lane in parts for part in lane) for tile in range(layer.tiles)]
        found, shown = Found(), None
        ctx.set(dut.layer, number)
        ctx.set(dut.lanes, layer.lanes)
        ctx.set(dut.start, 1)
        self._place(ctx, layer)
        await ctx.tick()
        ctx.set(dut.start, 0)
        for _ in range(20_000):
            self._show(ctx, shown)
            pulse = self._collected(ctx, left)
            shown = self._grant(ctx, layer, parts, left, share, found)
            self._whole_row(ctx, found)
            self.next_row = ctx.get(dut.next_row)
            self.cycle += 1
            await ctx.tick()
            if pulse:
                # The next tile's place is there in the cycle after.
                self.tile += 1
                self._place(ctx, layer)
            if found.flags and found.flags[-1][1] and self.cycle >= self.free:
                assert not any(parts), self.where
                return found
        raise AssertionError(f"{left} results of each tile were never collected, {self.where}")

    def _place(self, ctx: Any, layer: Layer) -> None:
        if self.tile < layer.tiles:
            ctx.set(self.dut.last_tile, self.tile == layer.tiles - 1)
            if layer.holds:
                ctx.set(self.dut.hold, layer.holds[self.tile])

    def _show(self, ctx: Any, shown: tuple[int, Part] | None) -> None:
        """What was granted in the cycle before is shown now; the other lanes show whatever they like."""
        c = self.layout.config
        heads, tails = self.rng.getrandbits(c.lanes), self.rng.getrandbits(c.lanes)
        sums = [self.rng.getrandbits(c.columns * c.acc_bits) for _ in range(c.lanes)]
        if shown:
            lane, part = shown
            heads = heads & ~(1 << lane) | part.head << lane
            tails = tails & ~(1 << lane) | part.tail << lane
            sums[lane] = joined(part.sums, c.acc_bits)
        ctx.set(self.dut.heads, heads)
        ctx.set(self.dut.tails, tails)
        ctx.set(self.dut.sums, joined(sums, c.columns * c.acc_bits))

    def _collected(self, ctx: Any, left: list[int]) -> bool:
        """``tile`` comes one cycle after the tile's last grant."""
        pulse = self.tile < len(left) and not left[self.tile]
        assert ctx.get(self.dut.tile) == pulse, f"cycle {self.cycle}, {self.where}"
        return pulse

    def _grant(
        self, ctx: Any, layer: Layer, parts: list[deque[Part]], left: list[int], share: float, found: Found
    ) -> tuple[int, Part] | None:
        """The next waiting lane above the one served last, in the same cycle; of lanes with a result of this tile alone."""
        request = sum(1 << lane for lane, waiting in enumerate(parts) if waiting and self.rng.random() < share)
        tails = [bool(waiting) and waiting[0].tail for waiting in parts]
        noise = self.rng.getrandbits(len(parts)) & ~request
        ctx.set(self.dut.request, request)
        ctx.set(self.dut.tails_waiting, sum(1 << lane for lane, tail in enumerate(tails) if tail) & request | noise)
        eligible = [
            lane for lane, waiting in enumerate(parts)
            if request >> lane & 1 and waiting[0].tile == self.tile and self.cycle >= self.free
        ]  # fmt: skip
        above = [lane for lane in eligible if lane > self.served]
        chosen = (above or eligible or [None])[0]
        assert ctx.get(self.dut.grant) == (0 if chosen is None else 1 << chosen), f"cycle {self.cycle}, {self.where}"
        if chosen is None:
            return None
        self.served = chosen
        self.free = self.cycle + 1 + (layer.holds[self.tile] if layer.holds else 0)
        part = parts[chosen].popleft()
        left[self.tile] -= 1
        found.grants.append((self.cycle, self.tile))
        return chosen, part

    def _whole_row(self, ctx: Any, found: Found) -> None:
        dut, c = self.dut, self.layout.config
        if not ctx.get(dut.valid):
            return
        row = ctx.get(dut.row)
        assert row == self.next_row, f"next_row is row, one cycle ahead, {self.where}"
        tile = sum(end for end, _ in found.flags)
        sums = [to_signed(value, c.acc_bits) for value in parted(ctx.get(dut.total), c.columns, c.acc_bits)]
        found.rows.append((tile, row, sums))
        found.flags.append((ctx.get(dut.tile_end), ctx.get(dut.layer_end)))
        if found.flags[-1][0]:
            # The tile's last grant made this row whole.
            assert self.cycle == max(cycle for cycle, number in found.grants if number == tile) + WHOLE_ROW, self.where


def expected_rows(parts: list[deque[Part]], columns: int) -> dict[tuple[int, int], list[int]]:
    expected: dict[tuple[int, int], list[int]] = {}
    for part in (part for lane in parts for part in lane):
        before = expected.get((part.tile, part.row), [0] * columns)
        expected[part.tile, part.row] = [a + b for a, b in zip(before, part.sums, strict=True)]
    return expected


@pytest.mark.parametrize("strips", [False, True], ids=["flat", "strips"])
@pytest.mark.parametrize("lanes, columns", [(1, 1), (2, 1), (3, 2), (8, 1), (13, 1)])
@pytest.mark.parametrize("share", [1.0, 0.3])
@pytest.mark.parametrize("seed", range(3))
def test_rows(strips: bool, lanes: int, columns: int, share: float, seed: int) -> None:
    """Layer after layer, and the same again for the next group; every grant, and every tile's sums in the order of the tiles."""
    rng = Random(seed)
    acc_bits = 20
    layers = random_layers(rng, lanes, strips)
    rows = layers[-1].first_row + max(run.last_row for run in layers[-1].runs) + 1
    layout = layout_of(strips=strips, lanes=lanes, columns=columns, acc_bits=acc_bits, row_depth=rows)
    dut = Collector(layout)

    async def bench(ctx: Any) -> None:
        await load(ctx, dut.load, layout, "merge", merge_words(layout, layers))
        for group in range(2):
            for number, layer in enumerate(layers):
                where = f"group {group}, layer {number}, seed {seed}"
                parts = parts_of(rng, layer, columns, 1 << (acc_bits - 6))
                expected = expected_rows(parts, columns)
                found = await Driver(dut, layout, rng, where).serve(ctx, number, layer, parts, share)
                assert len(found.rows) == len(expected), where
                assert {(tile, row): sums for tile, row, sums in found.rows} == expected, where
                ends = [i for i, (tile_end, _) in enumerate(found.flags) if tile_end]
                assert [layer_end for _, layer_end in found.flags] == [0] * (len(expected) - 1) + [1], where
                per_tile = len(expected) // layer.tiles
                assert ends == list(range(per_tile - 1, len(expected), per_tile)), where

    simulate(dut, bench)


@pytest.mark.parametrize("hold", [0, 1, 2, 7, 254, 255])
def test_as_fast_as_it_may(hold: int) -> None:
    """With every lane waiting all the time: after each grant ``hold`` cycles without, and between tiles one at least."""
    layout = layout_of(strips=True, lanes=3)
    dut = Collector(layout)
    rng = Random(hold)
    layer = Layer(runs_of(rng, "short rows", 3), 0, [hold, hold, 0])

    async def bench(ctx: Any) -> None:
        await load(ctx, dut.load, layout, "merge", merge_words(layout, [layer]))
        parts = parts_of(rng, layer, 1, 100)
        per_tile = len([part for lane in parts for part in lane]) // 3
        found = await Driver(dut, layout, rng).serve(ctx, 0, layer, parts, 1.0)
        steps = [after - before for (before, _), (after, _) in zip(found.grants, found.grants[1:], strict=False)]
        within, between = hold + 1, max(hold + 1, TILE_TURN)
        assert steps == ([within] * (per_tile - 1) + [between]) * 2 + [1] * (per_tile - 1)

    simulate(dut, bench)


def test_a_whole_row_comes_five_cycles_after_its_grant() -> None:
    layout = layout_of(lanes=2)
    dut = Collector(layout)
    run = layout.merge.encode({"row": 7, "slot": 0, "head_others": 0, "tail_others": 0})

    async def bench(ctx: Any) -> None:
        await load(ctx, dut.load, layout, "merge", [run, run])
        ctx.set(dut.lanes, 2)
        ctx.set(dut.last_tile, 1)
        ctx.set(dut.heads, 3)
        ctx.set(dut.request, 2)
        ctx.set(dut.tails_waiting, 2)
        assert ctx.get(dut.grant) == 2
        await ctx.tick()
        ctx.set(dut.request, 0)
        for cycle in range(1, 8):
            assert ctx.get(dut.tile) == (cycle == 1), f"cycle {cycle}"
            assert ctx.get(dut.valid) == (cycle == WHOLE_ROW), f"cycle {cycle}"
            if cycle == WHOLE_ROW:
                assert ctx.get(dut.row) == 7
                assert ctx.get(dut.tile_end) == ctx.get(dut.layer_end) == 1
            await ctx.tick()

    simulate(dut, bench)
