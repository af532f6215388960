"""The residual operand against the second half of the sum in zeroskip.contracts.network."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
from tests.hw.bench import joined, layout_of, parted, simulate, to_signed

from zeroskip.contracts.layout import COPY_MEMORY
from zeroskip.contracts.network import RESIDUAL_FRACTION
from zeroskip_hw.results.residual import ADDEND_BITS, Residual

HALF = 1 << (RESIDUAL_FRACTION - 1)
ROW_TO_PLACE = 1
"""Cycles from a whole row to its place in the residual, which the row memory gives."""

Row = tuple[int, int, bool]
"""Tile, place, whether it is the tile's last."""


@dataclass(frozen=True)
class Layer:
    residual: bool
    signed: bool
    zero: int
    multiplier: int
    zero_point: int

    def addend(self, byte: int) -> int:
        """What is added to a sum whose last shift is still to come."""
        if not self.residual:
            return (self.zero_point << 1) + 1
        value = to_signed(byte, 8) if self.signed else byte
        return (value - self.zero) * self.multiplier + (self.zero_point << RESIDUAL_FRACTION) + HALF


def place_to_addend(slopes: bool) -> int:
    return 7 if slopes else 6


def random_layer(rng: Random) -> Layer:
    return Layer(
        rng.random() < 0.8, rng.random() < 0.5, rng.choice([-128, -1, 0, 127, 255, rng.randint(-128, 255)]),
        rng.choice([0, 1, 65535, rng.randrange(65536)]), rng.choice([-128, 0, 255, rng.randint(-128, 255)]),
    )  # fmt: skip


@pytest.mark.parametrize("slopes, columns, depth", [(False, 1, 30), (True, 3, 30), (False, 2, 2 * COPY_MEMORY + 30)])
@pytest.mark.parametrize("share", [1.0, 0.5])
@pytest.mark.parametrize("seed", range(5))
def test_addends(slopes: bool, columns: int, depth: int, share: float, seed: int) -> None:
    """A row in every cycle or fewer; every tile with an offset of its own, announced before its rows. One memory, or several."""
    rng = Random(seed)
    layout = layout_of(residual=True, slopes=slopes, columns=columns, copy_depth=depth)
    dut = Residual(layout)
    addresses = 1 << layout.copy_bits
    # At the ends of every memory, and in its midst.
    some = {a % COPY_MEMORY + base for base in range(0, depth, COPY_MEMORY) for a in (0, 7, 29, COPY_MEMORY - 1)}
    used = sorted(address for address in some if address < depth)
    memory = {address: [rng.choice([0, 127, 128, 255, rng.randrange(256)]) for _ in range(columns)] for address in used}

    async def fill(ctx: Any) -> None:
        """Column by column, as strips are written; columns that are not enabled keep what they have."""
        for column in range(columns):
            for address, values in memory.items():
                ctx.set(dut.copy.enable, 1 << column)
                ctx.set(dut.copy.address, address)
                ctx.set(
                    dut.copy.data,
                    joined([values[column] if i == column else rng.randrange(256) for i in range(columns)]),
                )
                await ctx.tick()
        ctx.set(dut.copy.enable, 0)

    async def run(ctx: Any, layer: Layer, where: str) -> None:
        ctx.set(dut.residual, layer.residual)
        ctx.set(dut.residual_signed, layer.signed)
        ctx.set(dut.residual_zero, layer.zero)
        ctx.set(dut.residual_multiplier, layer.multiplier)
        ctx.set(dut.zero_point, layer.zero_point)
        offsets = [rng.randrange(addresses) for _ in range(rng.randint(1, 6))]
        read = [(tile, rng.choice(used), False) for tile in range(len(offsets)) for _ in range(rng.randint(1, 4))]
        rows: list[Row] = [(t, a, i == len(read) - 1 or read[i + 1][0] != t) for i, (t, a, _) in enumerate(read)]
        expected: dict[int, int] = {}
        announced, place, cycle, idle = 0, 0, 0, 0
        while idle < 12:
            fresh = announced < len(offsets)
            ctx.set(dut.tile.fresh, fresh)
            ctx.set(dut.tile.residual, offsets[announced] if fresh else rng.randrange(addresses))
            # The place comes one cycle behind its row.
            ctx.set(dut.place, place)
            valid = bool(rows) and rows[0][0] < announced and rng.random() < share
            ctx.set(dut.valid, valid)
            ctx.set(dut.tile_end, rng.getrandbits(1))
            place, idle = rng.randrange(addresses), idle + (not rows)
            if valid:
                tile, address, tile_end = rows.pop(0)
                place = (address - offsets[tile]) % addresses
                ctx.set(dut.tile_end, tile_end)
                expected[cycle + ROW_TO_PLACE + place_to_addend(slopes)] = address
            announced += fresh
            if cycle in expected:
                found = [to_signed(a, ADDEND_BITS) for a in parted(ctx.get(dut.addends), columns, ADDEND_BITS)]
                bytes_read = memory[expected[cycle]]
                assert found == [layer.addend(byte) for byte in bytes_read], f"{layer}, bytes {bytes_read}, {where}"
            cycle += 1
            await ctx.tick()

    async def bench(ctx: Any) -> None:
        await fill(ctx)
        for number in range(8):
            await run(ctx, random_layer(rng), f"layer {number}, seed {seed}")

    simulate(dut, bench)


@pytest.mark.parametrize("zero, is_signed", [(255, True), (-128, False), (-128, True), (255, False)])
@pytest.mark.parametrize("zero_point", [-128, 255])
def test_the_largest_addends_fit(zero: int, is_signed: bool, zero_point: int) -> None:
    """Nothing is cut off, whatever the residual."""
    limit = 1 << (ADDEND_BITS - 1)
    for byte in (0, 127, 128, 255):
        assert -limit <= Layer(True, is_signed, zero, 65535, zero_point).addend(byte) < limit
