"""The requantizer against the formula of zeroskip.contracts.network, in Python's unbounded integers."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from itertools import product
from random import Random
from typing import Any

import pytest
from tests.hw.bench import joined, layout_of, load, simulate

from zeroskip.contracts.layout import TABLE_ENTRIES, Layout
from zeroskip.contracts.network import RESIDUAL_FRACTION
from zeroskip.contracts.timing import requantize_stages
from zeroskip_hw.results.requantizer import Requantizer
from zeroskip_hw.results.residual import ADDEND_BITS

ROWS = 40
CLAMPS = [(-128, 127), (0, 255), (0, 6), (-5, 127), (-128, -128), (255, 255), (100, 200)]
"""Signed, unsigned, ReLU6, ReLU with a zero-point, constants, and a window."""

HALF = 1 << (RESIDUAL_FRACTION - 1)
PLACE, ADDEND = 1, 7
"""Cycles from a row to its place in the residual, and without slopes to its addends."""


@dataclass(frozen=True)
class Array:
    """What the array can do, how many requantizers it has, and which of them it is."""

    residual: bool = False
    slopes: bool = False
    tables: bool = False
    epilogues: int = 1
    number: int = 0

    def layout(self, columns: int, acc_bits: int) -> Layout:
        return layout_of(
            columns=columns, acc_bits=acc_bits, row_depth=ROWS, residual=self.residual, slopes=self.slopes,
            table_depth=3 * self.tables, copy_depth=100, epilogues=self.epilogues,
        )  # fmt: skip

    @property
    def rows(self) -> str:
        """Its memory."""
        return f"rows{self.number}"

    @property
    def leads(self) -> bool:
        return self.number == 0

    @property
    def stages(self) -> int:
        return 9 + self.slopes + 2 * self.tables


@dataclass(frozen=True)
class Row:
    bias: int
    multiplier: int
    slope: int
    shift: int
    place: int
    residual_place: int
    copy_place: int = 0
    used: int = 1


@dataclass(frozen=True)
class Layer:
    """residual : multiplier of a residual, None where the layer has none; table : its entries"""

    zero_point: int
    low: int
    high: int
    residual: int | None
    table_number: int | None
    table: list[int]

    def addend(self, centred: int) -> int:
        """What :mod:`zeroskip_hw.results.residual` gives of a residual less its zero-point."""
        if self.residual is None:
            return (self.zero_point << 1) + 1
        return centred * self.residual + (self.zero_point << RESIDUAL_FRACTION) + HALF

    def output(self, total: int, row: Row, centred: int, slopes: bool) -> int:
        acc = total + row.bias
        scaled = acc * (row.slope if slopes and acc < 0 else row.multiplier)
        if self.residual is None:
            rounded = (scaled + (1 << (row.shift - 1))) >> row.shift
        else:
            part = scaled >> (row.shift - RESIDUAL_FRACTION)
            rounded = (part + centred * self.residual + HALF) >> RESIDUAL_FRACTION
        y = max(self.low, min(self.high, self.zero_point + rounded)) & 0xFF
        return y if self.table_number is None else self.table[y]


def random_row(rng: Random, layout: Layout) -> Row:
    """Half of the rows such that the result lies near the clamp. Shifts are those of layers with a residual and without."""
    acc_bits = layout.config.acc_bits
    least, most = -(1 << (acc_bits - 1)), (1 << (acc_bits - 1)) - 1
    near = max(1, acc_bits + 16 - rng.randint(6, 12))
    shift = rng.choice([1, 2, 8, 9, 12, 13, 14, 16, 17, 20, 24, 25, 28, 62, 63, rng.randint(1, 63), near, near])
    return Row(
        rng.choice([least, most, 0, -1, rng.randint(least, most)]), rng.choice([0, 1, 32768, 65535, rng.randrange(65536)]),
        rng.choice([0, 1, 655, 65535, rng.randrange(65536)]), shift,
        rng.getrandbits(layout.place_bits), rng.getrandbits(layout.copy_bits), rng.getrandbits(layout.copy_bits), rng.randrange(2),
    )  # fmt: skip


def random_layer(rng: Random, array: Array, clamp: tuple[int, int], tables: list[list[int]]) -> Layer:
    """Zero-points are those of the int8 and uint8 formats."""
    residual = rng.choice([None, 0, 1, 4096, 65535, rng.randrange(65536)]) if array.residual else None
    number = rng.choice([None, *range(len(tables))])
    zero_point = rng.choice([-128, -1, 0, 127, 255, rng.randint(-128, 255)])
    return Layer(zero_point, *clamp, residual, number, [] if number is None else tables[number])


def random_total(rng: Random, acc_bits: int, row: Row, layer: Layer) -> int:
    """Any for which total + bias fits; among them the extremes, zero, and those around a rounding step."""
    least, most = -(1 << (acc_bits - 1)), (1 << (acc_bits - 1)) - 1
    wanted = rng.choice([least, most, 0, -1, 1, rng.randint(least, most), None, None])
    if wanted is None:
        step = rng.randint(-300, 300) * 2 + 1
        wanted = (step << (row.shift - 1)) // max(1, row.multiplier) + rng.choice([-1, 0, 1])
    # `total` alone must fit too: it is a partial sum of the same accumulator.
    return max(least, min(most, max(least, min(most, wanted)) - row.bias))


def row_words(layout: Layout, rows: list[Row], residual: bool) -> list[int]:
    """Shifts as they are stored for layers with a residual, or without."""
    less = RESIDUAL_FRACTION if residual else 1
    return [layout.row.encode(asdict(replace(row, shift=row.shift - less))) for row in rows]


class Bench:
    """One layer's rows, one or none in each cycle; outputs are compared in the cycle in which they are due."""

    def __init__(self, array: Array, columns: int, acc_bits: int, rng: Random, where: str) -> None:
        self.array, self.columns, self.rng, self.where = array, columns, rng, where
        self.layout = array.layout(columns, acc_bits)
        self.dut = Requantizer(self.layout, array.rows, leads=array.leads)

    async def run(self, ctx: Any, layer: Layer, stream: list[tuple[int, Row, list[int], list[int]] | None]) -> None:
        """``stream``: in each cycle (number of the row, row, totals, residuals less their zero-point), or nothing."""
        dut, array, c = self.dut, self.array, self.layout.config
        for name in ("zero_point", "low", "high"):
            ctx.set(getattr(dut, name), getattr(layer, name))
        if array.residual:
            ctx.set(dut.residual, layer.residual is not None)
        if array.tables:
            ctx.set(dut.tabled, layer.table_number is not None)
            ctx.set(dut.table, layer.table_number or 0)
        stream = [None, *stream, *[None] * (array.stages + 1)]
        flags = [self.rng.getrandbits(2) for _ in stream]
        takes = self._takes(stream)
        for cycle, entry in enumerate(stream):
            following = stream[cycle + 1] if cycle + 1 < len(stream) else None
            # The memory needs the row's number a cycle earlier.
            ctx.set(dut.next_row, following[0] if following else self.rng.randrange(ROWS))
            if array.leads:
                ctx.set(dut.valid, entry is not None)
                ctx.set(dut.tile_end, flags[cycle] & 1)
                ctx.set(dut.layer_end, flags[cycle] >> 1)
            given = takes.get(cycle)
            ctx.set(dut.total, joined(given[2], c.acc_bits) if given else self.rng.getrandbits(len(dut.total)))
            if array.epilogues > 1:
                ctx.set(dut.take, given is not None)
            if array.residual:
                self._residual(ctx, layer, stream, cycle)
            self._check(ctx, layer, stream, flags, cycle)
            await ctx.tick()

    def _takes(self, stream: list[Any]) -> dict[int, Any]:
        """By cycle, the row whose totals come: with one epilogue when it is valid, else then or before, but behind the row before."""
        takes, before = {}, -1
        for cycle, entry in enumerate(stream):
            if entry is not None:
                takes[cycle if self.array.epilogues == 1 else self.rng.randint(before + 1, cycle)] = entry
                before = cycle
        return takes

    def _residual(self, ctx: Any, layer: Layer, stream: list[Any], cycle: int) -> None:
        if cycle >= PLACE and stream[cycle - PLACE]:
            assert ctx.get(self.dut.residual_place) == stream[cycle - PLACE][1].residual_place, self.where
        due = cycle - ADDEND - self.array.slopes
        entry = stream[due] if due >= 0 else None
        addends = [layer.addend(centred) for centred in entry[3]] if entry else []
        ctx.set(self.dut.addends, joined(addends, ADDEND_BITS))

    def _check(self, ctx: Any, layer: Layer, stream: list[Any], flags: list[int], cycle: int) -> None:
        dut, due = self.dut, cycle - self.array.stages
        if due < 0:
            return
        entry = stream[due]
        if self.array.leads:
            assert ctx.get(dut.enable) == (entry is not None), f"cycle {cycle}, {self.where}"
        if entry is not None:
            _, row, totals, centred = entry
            outputs = [layer.output(t, row, x, self.array.slopes) for t, x in zip(totals, centred, strict=True)]
            where = f"{row}, totals {totals}, residuals {centred}, {layer}, {self.where}"
            assert ctx.get(dut.data) == joined(outputs), where
            assert ctx.get(dut.place) == row.place, where
            if self.array.residual:
                assert (ctx.get(dut.copy_place), ctx.get(dut.used)) == (row.copy_place, row.used), where
            if self.array.leads:
                assert (ctx.get(dut.row_tile_end), ctx.get(dut.row_layer_end)) == (flags[due] & 1, flags[due] >> 1), (
                    where
                )


PLAIN, FULL = Array(), Array(True, True, True)
CASES = [
    (array, acc_bits, seed) for array in (PLAIN, FULL) for acc_bits in (8, 17, 18, 24, 34, 35, 40) for seed in range(2)
]
CASES += [
    (Array(*features), acc_bits, 0)
    for features in product((False, True), repeat=3)
    for acc_bits in (10, 18, 35)
    if 0 < sum(features) < 3
]
CASES += [
    (Array(*features, epilogues, number), 24, seed)
    for features in ((False,) * 3, (True,) * 3)
    for epilogues, number in ((2, 0), (2, 1), (4, 3))
    for seed in range(2)
]


@pytest.mark.parametrize("array, acc_bits, seed", CASES, ids=str)
def test_against_the_formula(array: Array, acc_bits: int, seed: int) -> None:
    rng = Random(seed)
    columns = rng.choice([1, 2])
    bench = Bench(array, columns, acc_bits, rng, f"seed {seed}")
    layout = bench.layout
    assert requantize_stages(layout) == array.stages
    rows = [random_row(rng, layout) for _ in range(ROWS)]
    tables = [[rng.randrange(256) for _ in range(TABLE_ENTRIES)] for _ in range(3 * array.tables)]

    async def body(ctx: Any) -> None:
        if array.tables:
            await load(ctx, bench.dut.load, layout, "tables", [value for table in tables for value in table])
        for clamp in CLAMPS:
            layer = random_layer(rng, array, clamp, tables)
            residual = layer.residual is not None
            # With a residual the shift is 13 at least.
            usable = [number for number, row in enumerate(rows) if row.shift > RESIDUAL_FRACTION or not residual]
            await load(
                ctx, bench.dut.load, layout, array.rows,
                row_words(layout, [row if i in usable else rows[usable[0]] for i, row in enumerate(rows)], residual),
            )  # fmt: skip
            stream: list[tuple[int, Row, list[int], list[int]] | None] = []
            for _ in range(60):
                number = rng.choice(usable)
                totals = [random_total(rng, acc_bits, rows[number], layer) for _ in range(columns)]
                centred = [rng.choice([-383, 383, 0, rng.randint(-383, 383)]) for _ in range(columns)]
                stream.append((number, rows[number], totals, centred) if rng.random() < 0.9 else None)
            await bench.run(ctx, layer, stream)

    simulate(bench.dut, body)


@pytest.mark.parametrize("acc_bits", [8, 24, 40])
@pytest.mark.parametrize(
    "array, residual", [(PLAIN, None), (Array(True), 65535), (FULL, None), (FULL, 0), (FULL, 65535)], ids=str
)
def test_every_shift_at_the_extremes(acc_bits: int, array: Array, residual: int | None) -> None:
    """The largest and the smallest sums, multipliers and residuals, by every shift: nothing wraps."""
    bench = Bench(array, 1, acc_bits, Random(1), "")
    layout, least, most = bench.layout, -(1 << (acc_bits - 1)), (1 << (acc_bits - 1)) - 1
    shifts = range(1 if residual is None else RESIDUAL_FRACTION + 1, 64)

    async def body(ctx: Any) -> None:
        for multiplier, (low, high) in product((1, 65535), ((-128, 127), (0, 255))):
            for begin in range(shifts.start, shifts.stop, ROWS):
                rows = [
                    Row(0, multiplier, 65536 - multiplier, s, 0, 0)
                    for s in range(begin, min(begin + ROWS, shifts.stop))
                ]
                await load(ctx, bench.dut.load, layout, "rows0", row_words(layout, rows, residual is not None))
                layer = Layer(low, low, high, residual, None, [])
                totals, centred = (least, -1, 0, most), ((-383, 383) if residual else (0,))
                await bench.run(ctx, layer, [
                    (number, row, [total], [x]) for (number, row), total, x in product(enumerate(rows), totals, centred)
                ])  # fmt: skip

    simulate(bench.dut, body)


@pytest.mark.parametrize("residual", [None, 4096])
def test_a_tie_rounds_up_and_one_less_down(residual: int | None) -> None:
    """By every shift whose half can be reached, on either side of zero; with a residual, which is exact to its fraction."""
    bench = Bench(Array(residual=True), 1, 40, Random(1), "")
    layer = Layer(0, -128, 127, residual, None, [])
    rows = [Row(0, 1, 0, shift, 0, 0) for shift in range(1 if residual is None else RESIDUAL_FRACTION + 1, 32)]
    stream: list[tuple[int, Row, list[int], list[int]] | None] = []
    for (number, row), y, below in product(enumerate(rows), (-2, -1, 0, 3), (0, 1)):
        tie = ((2 * y + 1) << (row.shift - 1)) - below
        stream.append((number, row, [tie], [2]))
        assert layer.output(tie, row, 2, False) == (y + 1 - below + (2 if residual else 0)) & 0xFF, "the model itself"

    async def body(ctx: Any) -> None:
        await load(ctx, bench.dut.load, bench.layout, "rows0", row_words(bench.layout, rows, residual is not None))
        await bench.run(ctx, layer, stream)

    simulate(bench.dut, body)


def test_every_entry_of_every_table() -> None:
    """Looked up by the clamped value, signed or not, in the table that the layer names; and not at all in a layer without."""
    bench = Bench(Array(tables=True), 1, 24, Random(1), "")
    tables = [[(37 * i + 11 * number) & 0xFF for i in range(TABLE_ENTRIES)] for number in range(3)]
    row = Row(0, 2, 0, 1, 0, 0)

    async def body(ctx: Any) -> None:
        await load(ctx, bench.dut.load, bench.layout, "tables", [value for table in tables for value in table])
        await load(ctx, bench.dut.load, bench.layout, "rows0", row_words(bench.layout, [row], False))
        for low, high in ((-128, 127), (0, 255)):
            for number in (0, 2, None, 1):
                layer = Layer(0, low, high, None, number, [] if number is None else tables[number])
                await bench.run(ctx, layer, [(0, row, [total], [0]) for total in range(low, high + 1)])

    simulate(bench.dut, body)
