"""The multiply-accumulate units against sums of Python integers."""

from __future__ import annotations

from collections import deque
from random import Random
from typing import Any

import pytest
from tests.hw.bench import layout_of, simulate, to_signed

from zeroskip.spec.timing import ROWS_IN_FLIGHT
from zeroskip_hw.macs import Macs

Row = list[tuple[int, list[int]]]
"""Weight and one activation per column, for each weight of the row."""


def random_layer(rng: Random, rows: int, longest: int, columns: int, weight_bits: int, is_signed: bool) -> list[Row]:
    low, high = (-128, 127) if is_signed else (0, 255)
    limit = 1 << (weight_bits - 1)
    extremes = rng.random() < 0.3

    def one(least: int, most: int) -> int:
        return rng.choice([least, most]) if extremes else rng.randint(least, most)

    return [
        [(one(-limit, limit - 1), [one(low, high) for _ in range(columns)]) for _ in range(rng.randint(1, longest))]
        for _ in range(rows)
    ]


async def run_layers(ctx: Any, dut: Macs, layers: list[tuple[bool, list[Row]]], rng: Random, acc_bits: int) -> None:
    """Issue with random gaps, take with random delay, compare each result."""
    columns = len(layers[0][1][0][0][1])
    expected: deque[tuple[list[int], bool, bool]] = deque()
    rows_begun = rows_taken = 0
    granted = False
    share, service = rng.choice([1.0, 0.5]), rng.choice([1.0, 0.3, 0.1])

    async def step() -> None:
        nonlocal rows_taken, granted
        if granted:
            sums = ctx.get(dut.sums)
            found = [to_signed(sums >> (i * acc_bits), acc_bits) for i in range(columns)]
            assert (found, bool(ctx.get(dut.head)), bool(ctx.get(dut.tail_result))) == expected.popleft()
            rows_taken += 1
        granted = bool(ctx.get(dut.request)) and rng.random() < service
        ctx.set(dut.grant, granted)
        await ctx.tick()

    for is_signed, rows in layers:
        ctx.set(dut.signed, is_signed)
        for number, row in enumerate(rows):
            while rows_begun - rows_taken >= ROWS_IN_FLIGHT:
                await step()
            rows_begun += 1
            sums = [sum(weight * x[column] for weight, x in row) for column in range(columns)]
            expected.append((sums, number == 0, number == len(rows) - 1))
            for i, (weight, x) in enumerate(row):
                while rng.random() >= share:
                    ctx.set(dut.weight, rng.getrandbits(4))
                    await step()
                ctx.set(dut.issue, 1)
                ctx.set(dut.first, i == 0)
                ctx.set(dut.tail, number == len(rows) - 1 and i == len(row) - 1)
                ctx.set(dut.weight, weight & ((1 << len(dut.weight)) - 1))
                ctx.set(dut.activations, sum((value & 0xFF) << (8 * c) for c, value in enumerate(x)))
                await step()
                for name in ("issue", "first", "tail"):
                    ctx.set(getattr(dut, name), 0)
        # The next layer starts when all of this one is written, long after its last sum was taken.
        for _ in range(1000):
            if not expected:
                break
            await step()
    assert not expected, f"{len(expected)} sums never came"
    assert ctx.get(dut.request) == 0


@pytest.mark.parametrize("weight_bits", [4, 8, 16])
@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize("seed", range(4))
def test_sums(columns: int, weight_bits: int, seed: int) -> None:
    rng = Random(seed)
    acc_bits = 32
    dut = Macs(layout_of(columns=columns, weight_bits=weight_bits, acc_bits=acc_bits))
    layers = []
    for _ in range(4):
        is_signed = rng.random() < 0.5
        layers.append((is_signed, random_layer(rng, rng.choice([1, 2, 25]), 6, columns, weight_bits, is_signed)))

    async def bench(ctx: Any) -> None:
        await run_layers(ctx, dut, layers, rng, acc_bits)

    simulate(dut, bench)


@pytest.mark.parametrize("weight_bits", [4, 8, 16])
@pytest.mark.parametrize(
    "weight, activation, is_signed",
    [("least", 255, False), ("least", -128, True), ("most", 255, False), ("most", -128, True)],
)
def test_accumulator_at_its_bound(weight_bits: int, weight: str, activation: int, is_signed: bool) -> None:
    """Eight of the largest products, in an accumulator that is just wide enough."""
    value = -(1 << (weight_bits - 1)) if weight == "least" else (1 << (weight_bits - 1)) - 1
    row: Row = [(value, [activation])] * 8
    acc_bits = max(8, (abs(value * activation) * 8).bit_length() + 1)
    dut = Macs(layout_of(weight_bits=weight_bits, acc_bits=acc_bits))

    async def bench(ctx: Any) -> None:
        await run_layers(ctx, dut, [(is_signed, [row, row])], Random(1), acc_bits)

    simulate(dut, bench)
