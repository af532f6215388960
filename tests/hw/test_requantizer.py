"""The requantizer against the formula of zeroskip.spec.network, in Python's unbounded integers."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from tests.hw.bench import layout_of, load, simulate

from zeroskip_hw.requantizer import STAGES, Requantizer

ROWS = 40
CLAMPS = [(-128, 127), (0, 255), (0, 6), (-5, 127), (-128, -128), (255, 255), (100, 200)]
"""Signed, unsigned, ReLU6, ReLU with a zero-point, constants, and a window."""


def expected_output(total: int, bias: int, multiplier: int, shift: int, zero_point: int, low: int, high: int) -> int:
    rounded = ((total + bias) * multiplier + (1 << (shift - 1))) >> shift
    return max(low, min(high, zero_point + rounded)) & 0xFF


def random_row(rng: Random, acc_bits: int) -> tuple[int, int, int]:
    """Bias, multiplier, shift; half of the rows such that the result lies near the clamp."""
    least, most = -(1 << (acc_bits - 1)), (1 << (acc_bits - 1)) - 1
    bias = rng.choice([least, most, 0, -1, rng.randint(least, most)])
    multiplier = rng.choice([0, 1, 32768, 65535, rng.randrange(65536)])
    shift = rng.choice([1, 2, 8, 9, 16, 17, 24, 25, 63, rng.randint(1, 63), max(1, acc_bits + 16 - rng.randint(6, 12))])
    return bias, multiplier, shift


def random_total(rng: Random, acc_bits: int, row: tuple[int, int, int]) -> int:
    """Any for which total + bias fits; among them the extremes, zero, and those around a rounding step."""
    bias, multiplier, shift = row
    least, most = -(1 << (acc_bits - 1)), (1 << (acc_bits - 1)) - 1
    wanted = rng.choice([least, most, 0, -1, 1, rng.randint(least, most), None])
    if wanted is None:
        step = rng.randint(-300, 300) * 2 + 1
        wanted = (step << (shift - 1)) // max(1, multiplier) + rng.choice([-1, 0, 1])
    # `total` alone must fit too: it is a partial sum of the same accumulator.
    return max(least, min(most, max(least, min(most, wanted)) - bias))


@pytest.mark.parametrize("acc_bits", [8, 17, 18, 24, 34, 35, 40])
@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("seed", range(3))
def test_against_the_formula(acc_bits: int, columns: int, seed: int) -> None:
    rng = Random(seed)
    layout = layout_of(columns=columns, acc_bits=acc_bits, row_depth=ROWS)
    dut = Requantizer(layout)
    rows = [random_row(rng, acc_bits) for _ in range(ROWS)]
    words = [layout.row.encode({"bias": b, "multiplier": m, "shift": s - 1}) for b, m, s in rows]
    acc_mask, address_mask = (1 << acc_bits) - 1, (1 << layout.store_bits) - 1

    async def bench(ctx: Any) -> None:
        await load(ctx, dut.load, layout, "rows", words)
        for low, high in CLAMPS:
            zero_point, offset = (
                rng.choice([-128, -1, 0, 127, rng.randint(-128, 127)]),
                rng.getrandbits(layout.store_bits),
            )
            for name, value in (("zero_point", zero_point), ("low", low), ("high", high), ("offset", offset)):
                ctx.set(getattr(dut, name), value)
            # A row or nothing in each cycle, and then the pipeline runs dry.
            stream = [rng.randrange(ROWS) if rng.random() < 0.9 else None for _ in range(60)] + [None] * (STAGES + 1)
            results: list[tuple[int, int, str] | None] = []
            for cycle, row in enumerate(stream):
                following = stream[cycle + 1] if cycle + 1 < len(stream) else None
                ctx.set(dut.valid, row is not None)
                if row is not None:
                    totals = [random_total(rng, acc_bits, rows[row]) for _ in range(columns)]
                    ctx.set(dut.row, row)
                    ctx.set(dut.total, sum((total & acc_mask) << (acc_bits * i) for i, total in enumerate(totals)))
                    outputs = [expected_output(t, *rows[row], zero_point, low, high) for t in totals]
                    results.append(
                        (
                            sum(y << (8 * i) for i, y in enumerate(outputs)),
                            row + offset & address_mask,
                            f"{rows[row]}, {totals}",
                        )
                    )
                else:
                    results.append(None)
                ctx.set(dut.next_row, following or 0)
                if cycle == 0:
                    # The memory needs the first row's number a cycle earlier.
                    ctx.set(dut.valid, 0)
                    ctx.set(dut.next_row, row or 0)
                    await ctx.tick()
                    ctx.set(dut.valid, row is not None)
                    ctx.set(dut.next_row, following or 0)
                if cycle >= STAGES:
                    due = results[cycle - STAGES]
                    assert ctx.get(dut.enable) == (due is not None), f"cycle {cycle}, seed {seed}"
                    if due is not None:
                        data, address, what = due
                        where = f"(bias, multiplier, shift), totals: {what}; zero-point {zero_point}, clamp {low} … {high}, seed {seed}"
                        assert ctx.get(dut.data) == data, where
                        assert ctx.get(dut.address) == address, where
                await ctx.tick()

    simulate(dut, bench)
