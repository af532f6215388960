"""The multiply-accumulate units against sums and maxima of Python integers."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
from tests.hw.bench import joined, layout_of, parted, simulate, to_signed

from zeroskip.contracts.timing import ROWS_IN_FLIGHT, timing
from zeroskip_hw.lane.lane import OPERAND_DELAY
from zeroskip_hw.lane.macs import Macs

Row = list[tuple[int, list[int]]]
"""Weight and one activation per column, for each weight of the row."""

PRODUCT_TO_RESULT, TAIL_TO_RESULT = 2, 3
"""Cycles from the operands of a row's first weight until the previous row's result waits, and of a tile's last until its row's does."""


@dataclass(frozen=True)
class Layer:
    tiles: list[list[Row]]
    signed: bool
    maximum: bool = False


def random_rows(rng: Random, rows: int, longest: int, columns: int, weight_bits: int, layer: Layer) -> list[Row]:
    low, high = (-128, 127) if layer.signed else (0, 255)
    limit = 1 << (weight_bits - 1)
    extremes = rng.random() < 0.3

    def one(least: int, most: int) -> int:
        return rng.choice([least, most]) if extremes else rng.randint(least, most)

    def weight() -> int:
        return 1 if layer.maximum else one(-limit, limit - 1)

    return [
        [(weight(), [one(low, high) for _ in range(columns)]) for _ in range(rng.randint(1, longest))]
        for _ in range(rows)
    ]


def result_of(row: Row, maximum: bool) -> list[int]:
    products = [[weight * value for value in x] for weight, x in row]
    return [max(column) if maximum else sum(column) for column in zip(*products, strict=True)]


class Driver:
    """Issues with random gaps, takes with random delay, and compares each result."""

    def __init__(self, dut: Macs, columns: int, acc_bits: int, rng: Random, where: str) -> None:
        self.dut, self.columns, self.acc_bits, self.rng, self.where = dut, columns, acc_bits, rng, where
        self.expected: deque[tuple[list[int], bool, bool]] = deque()
        self.waiting: deque[bool] = deque()
        self.rows_begun = self.rows_taken = 0
        self.granted = False
        self.share, self.service = rng.choice([1.0, 0.5]), rng.choice([1.0, 0.3, 0.1])

    async def step(self, ctx: Any) -> None:
        dut = self.dut
        if self.granted:
            sums = [to_signed(value, self.acc_bits) for value in parted(ctx.get(dut.sums), self.columns, self.acc_bits)]
            found = sums, bool(ctx.get(dut.head)), bool(ctx.get(dut.tail_result))
            assert found == self.expected.popleft(), self.where
            self.rows_taken += 1
        requested = bool(ctx.get(dut.request))
        if requested:
            following = self.expected[0]
            assert bool(ctx.get(dut.request_tail)) == following[2], self.where
        self.granted = requested and self.rng.random() < self.service
        ctx.set(dut.grant, self.granted)
        await ctx.tick()

    async def run(self, ctx: Any, layers: list[Layer]) -> None:
        for layer in layers:
            ctx.set(self.dut.signed, layer.signed)
            if "maximum" in self.dut.signature.members:
                ctx.set(self.dut.maximum, layer.maximum)
            for rows in layer.tiles:
                await self._tile(ctx, layer, rows)
            # The next layer starts when all of this one is written, long after its last sum was taken.
            for _ in range(1000):
                if not self.expected:
                    break
                await self.step(ctx)
            assert not self.expected, f"{len(self.expected)} sums never came, {self.where}"
        assert ctx.get(self.dut.request) == 0, self.where

    async def _tile(self, ctx: Any, layer: Layer, rows: list[Row]) -> None:
        dut = self.dut
        for number, row in enumerate(rows):
            while self.rows_begun - self.rows_taken >= ROWS_IN_FLIGHT:
                await self.step(ctx)
            self.rows_begun += 1
            self.expected.append((result_of(row, layer.maximum), number == 0, number == len(rows) - 1))
            for i, (weight, x) in enumerate(row):
                while self.rng.random() >= self.share:
                    ctx.set(dut.weight, self.rng.getrandbits(4))
                    await self.step(ctx)
                ctx.set(dut.issue, 1)
                ctx.set(dut.first, i == 0)
                ctx.set(dut.tail, number == len(rows) - 1 and i == len(row) - 1)
                ctx.set(dut.weight, weight & ((1 << len(dut.weight)) - 1))
                ctx.set(dut.activations, joined(x))
                await self.step(ctx)
                for name in ("issue", "first", "tail"):
                    ctx.set(getattr(dut, name), 0)


def run(dut: Macs, columns: int, acc_bits: int, layers: list[Layer], rng: Random, where: str) -> None:
    driver = Driver(dut, columns, acc_bits, rng, where)

    async def bench(ctx: Any) -> None:
        await driver.run(ctx, layers)

    simulate(dut, bench)


@pytest.mark.parametrize("strips", [False, True], ids=["flat", "strips"])
@pytest.mark.parametrize("weight_bits", [4, 8, 16])
@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize("seed", range(4))
def test_sums_and_maxima(strips: bool, columns: int, weight_bits: int, seed: int) -> None:
    """Layer after layer; with strips of several tiles that follow each other at once, and some of them maxima."""
    rng = Random(seed)
    acc_bits = 32
    dut = Macs(layout_of(strips=strips, columns=columns, weight_bits=weight_bits, acc_bits=acc_bits))
    layers = []
    for _ in range(5):
        layer = Layer([], rng.random() < 0.5, strips and rng.random() < 0.5)
        for _ in range(rng.choice([1, 2, 6]) if strips else 1):
            layer.tiles.append(random_rows(rng, rng.choice([1, 2, 25]), 6, columns, weight_bits, layer))
        layers.append(layer)
    run(dut, columns, acc_bits, layers, rng, f"seed {seed}")


@pytest.mark.parametrize("acc_bits", [10, 40])
@pytest.mark.parametrize("weight_bits", [4, 8, 16])
@pytest.mark.parametrize(
    "rows, is_signed",
    [
        ([[-128], [-128, -128], [127, -128], [-128, 127], [127], [-1, 0, -1], [-127, -128]], True),
        ([[255], [0], [0, 255], [255, 0], [128, 127], [254, 255, 254]], False),
    ],
    ids=["signed", "unsigned"],
)
def test_maximum_at_its_bounds(rows: list[list[int]], is_signed: bool, weight_bits: int, acc_bits: int) -> None:
    """In the narrowest accumulator that a maximum needs, and the widest; a sum follows, which begins at 0 again."""
    values: list[Row] = [[(1, [x]) for x in row] for row in rows]
    layers = [Layer([values, values[::-1]], is_signed, True), Layer([[[(1, [100])]]], is_signed)]
    dut = Macs(layout_of(strips=True, weight_bits=weight_bits, acc_bits=acc_bits))
    run(dut, 1, acc_bits, layers, Random(1), "")


@pytest.mark.parametrize("strips", [False, True], ids=["flat", "strips"])
@pytest.mark.parametrize("weight_bits", [4, 8, 16])
@pytest.mark.parametrize(
    "weight, activation, is_signed",
    [("least", 255, False), ("least", -128, True), ("most", 255, False), ("most", -128, True)],
)
def test_accumulator_at_its_bound(
    strips: bool, weight_bits: int, weight: str, activation: int, is_signed: bool
) -> None:
    """Eight of the largest products, in an accumulator that is just wide enough."""
    value = -(1 << (weight_bits - 1)) if weight == "least" else (1 << (weight_bits - 1)) - 1
    row: Row = [(value, [activation])] * 8
    acc_bits = max(10, (abs(value * activation) * 8).bit_length() + 1)
    dut = Macs(layout_of(strips=strips, weight_bits=weight_bits, acc_bits=acc_bits))
    run(dut, 1, acc_bits, [Layer([[row, row]], is_signed)], Random(1), "")


@pytest.mark.parametrize("strips", [False, True], ids=["flat", "strips"])
def test_when_results_wait(strips: bool) -> None:
    """A row's with the next row's first product, a tile's last one cycle after its last product; a tile of one weight follows at once."""
    layout = layout_of(strips=strips)
    dut = Macs(layout)
    issue = {0: (1, 0), 1: (0, 0), 2: (1, 1), 3: (1, 1)}
    # Of the issue stage, the decision comes some cycles before the operands.
    before = (3 if strips else 2) + OPERAND_DELAY
    distance = timing(layout.config)
    assert distance.issue_to_result == before + PRODUCT_TO_RESULT
    assert distance.tail_to_result == before + TAIL_TO_RESULT

    async def bench(ctx: Any) -> None:
        arrived = []
        ctx.set(dut.weight, 1)
        for cycle in range(12):
            first, tail = issue.get(cycle, (0, 0))
            ctx.set(dut.issue, cycle in issue)
            ctx.set(dut.first, first)
            ctx.set(dut.tail, tail)
            # Each result is taken as it comes.
            waits = ctx.get(dut.request)
            ctx.set(dut.grant, waits)
            if waits:
                arrived.append((cycle, ctx.get(dut.request_tail)))
            await ctx.tick()
        assert arrived == [(2 + PRODUCT_TO_RESULT, 0), (2 + TAIL_TO_RESULT, 1), (3 + TAIL_TO_RESULT, 1)]

    simulate(dut, bench)
