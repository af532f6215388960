"""One whole lane: mask and weight memories, activations and MACs give the sums of a layer's rows, when they are promised."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from amaranth.hdl import ResetInserter, Signal
from tests.hw.bench import joined, layout_of, load, parted, simulate, to_signed

from zeroskip.contracts.layout import Layout
from zeroskip.contracts.timing import timing
from zeroskip_hw.activations.store import position_bits
from zeroskip_hw.lane.lane import Lane

WORD, ACC_BITS, DEPTH = 8, 24, 24

Row = dict[int, int]
"""Weight by tap; word ``tap // WORD`` of the row holds it."""


def image_of(layout: Layout, rows: list[Row], words: int, tiles: int) -> tuple[list[int], list[int]]:
    """Mask and weight memory of a program of one layer that this lane has for itself."""
    header = layout.header.encode({
        "last": 1, "empty": 0, "left": len(rows) * words - 2, "first": 0, "start": 0, "end": words - 1,
        "tiles": tiles - 1, "row_base": 0, "row_step": 0, "repeat": 0, "repeat_left": 0,
    })  # fmt: skip
    masks = parted(header, layout.header_words, WORD)
    for row in rows:
        masks += [sum(1 << tap - WORD * i for tap in row if tap // WORD == i) for i in range(words)]
    return masks, [row[tap] & 0xFF for row in rows for tap in sorted(row)]


def value_of(row: Row, activations: list[int], maximum: bool) -> int:
    products = [weight * activations[tap] for tap, weight in row.items()]
    return max(activations[tap] for tap in row) if maximum else sum(products)


@pytest.mark.parametrize("kind", ["flat", "strips", "maximum"])
@pytest.mark.parametrize("from_input", [0, 1])
@pytest.mark.parametrize("seed", range(4))
def test_rows_of_a_layer(kind: str, from_input: int, seed: int) -> None:
    """Group after group, taken as they come: each row's result waits as long after its weights as zeroskip.contracts.timing says."""
    rng = Random(seed)
    strips, maximum = kind != "flat", kind == "maximum"
    columns, words, is_signed = 3, 2, bool(seed % 2)
    layout = layout_of(
        strips=strips, lanes=2, columns=columns, word=WORD, acc_bits=ACC_BITS, input_depth=DEPTH, hidden_depth=DEPTH,
        mask_depth=80, weight_depth=200,
    )  # fmt: skip
    rows = []
    for _ in range(rng.randint(1, 12)):
        # No word is empty, and so there is a weight in every cycle.
        taps = {0, words * WORD - 1, *rng.sample(range(words * WORD), rng.randrange(words * WORD))}
        rows.append({tap: 1 if maximum else rng.randint(-128, 127) for tap in sorted(taps)})
    width, x_step, y_step = (1, 2, 5) if strips else (0, 0, 0)
    tiles = [y * y_step + x * x_step for y in range(2) for x in range(width + 1)] if strips else [0]
    stored = [[rng.randrange(256) for _ in range(columns)] for _ in range(DEPTH)]
    dut, reset = Lane(layout, 1), Signal()

    def expected() -> list[tuple[list[int], bool, bool]]:
        found = []
        for base in tiles:
            for number, row in enumerate(rows):
                seen = [
                    [to_signed(x[column], 8) if is_signed else x[column] for x in stored[base:]]
                    for column in range(columns)
                ]
                sums = [value_of(row, activations, maximum) for activations in seen]
                found.append((sums, number == 0, number == len(rows) - 1))
        return found

    async def fill(ctx: Any) -> None:
        masks, weights = image_of(layout, rows, words, len(tiles))
        ctx.set(reset, 1)
        await load(ctx, dut.load, layout, "lane01.masks", masks)
        await load(ctx, dut.load, layout, "lane01.weights", weights)
        if strips:
            await load(ctx, dut.load, layout, "offsets", [0, WORD])
        ctx.set(reset, 0)
        banks = layout.config.stream_elements
        for address, values in enumerate(stored):
            for column, value in enumerate(values):
                ctx.set(dut.input.enable, from_input << address % banks)
                ctx.set(dut.input.column, 1 << column)
                ctx.set(dut.input.half, 1)
                ctx.set(dut.input.position, joined([address // banks] * banks, position_bits(layout)))
                ctx.set(dut.input.data, joined([value] * banks))
                await ctx.tick()
            ctx.set(dut.hidden.enable, 0 if from_input else (1 << len(dut.hidden.enable)) - 1)
            ctx.set(dut.hidden.address, address)
            ctx.set(dut.hidden.data, joined(values))
            await ctx.tick()
        ctx.set(dut.input.enable, 0)
        ctx.set(dut.hidden.enable, 0)

    def waits() -> list[int]:
        """When each result waits, counted from the first weight's decision."""
        distance, when, issued = timing(layout.config), [], 0
        for _ in tiles:
            for number, row in enumerate(rows):
                issued += len(row)
                # A row's result waits for the next row's first weight, a tile's last for its own last.
                last = number == len(rows) - 1
                when.append(issued - 1 + distance.tail_to_result if last else issued + distance.issue_to_result)
        return when

    async def bench(ctx: Any) -> None:
        await fill(ctx)
        ctx.set(dut.from_input, from_input)
        ctx.set(dut.half, 1)
        ctx.set(dut.signed, is_signed)
        if strips:
            for name, value in (("width", width), ("x_step", x_step), ("y_step", y_step)):
                ctx.set(getattr(dut.raster, name), value)
            ctx.set(dut.maximum, maximum)
        for group in range(2):
            where = f"group {group}, seed {seed}"
            for _ in range(120):
                await ctx.tick()
            assert ctx.get(dut.primed) == 1, where
            ctx.set(dut.start, 1)
            ctx.set(dut.rewind, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            ctx.set(dut.rewind, 0)
            left, when, granted = expected(), [], False
            for cycle in range(2000):
                if granted:
                    sums = [to_signed(value, ACC_BITS) for value in parted(ctx.get(dut.sums), columns, ACC_BITS)]
                    assert (sums, bool(ctx.get(dut.head)), bool(ctx.get(dut.tail_result))) == left.pop(0), where
                granted = bool(ctx.get(dut.request))
                if granted:
                    when.append(cycle)
                    assert ctx.get(dut.request_tail) == left[0][2], where
                ctx.set(dut.grant, granted)
                if not left:
                    break
                await ctx.tick()
            assert not left, f"{len(left)} results never came, {where}"
            assert when == waits(), where

    simulate(ResetInserter(reset)(dut), bench)
