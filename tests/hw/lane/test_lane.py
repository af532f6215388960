"""A whole lane against the sums of its rows: memories loaded, layers started, results collected when it pleases the bench."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
from amaranth.hdl import ResetInserter, Signal
from tests.hw.bench import joined, layout_of, load, parted, simulate, to_signed
from tests.hw.lane.shares import Share, mask_memory, random_share, strip_constants, strip_of
from tests.hw.lane.test_operands import Tap
from tests.hw.lane.test_turn import operands_of

from zeroskip.contracts.layout import PART, Layout
from zeroskip.contracts.timing import grant_to_sums
from zeroskip_hw.lane.lane import Lane


@dataclass(frozen=True)
class Layer:
    share: Share
    taps: list[Tap]
    weights: list[int]
    constants: dict[str, int]
    across: int
    tap_base: int


def random_layer(rng: Random, layout: Layout, tap_base: int, last: bool) -> Layer:
    share = random_share(rng, 12, 8, two_level=layout.config.two_level is True)
    columns, depth = layout.config.columns, layout.config.hidden_depth
    across = rng.choice([i for i in range(1, share.tiles + 1) if share.tiles % i == 0])
    height, used = rng.randint(2, 6) if layout.config.reach == 1 else 1, rng.randint(1, columns)
    taps = [Tap(rng.randrange(depth // 4), rng.randint(-2, 2), rng.randint(-2, 2)) for _ in range(share.n)]
    constants = strip_constants(layout, height, rng.randint(1, height), used, rng.randrange(depth // 4)) | {
        "n": share.n, "tap_base": tap_base, "tap_next": tap_base + share.n, "width": rng.randint(2, 6), "x_last": across - 1, "x_stride": 1, "y_stride": 1,
        "x_step": rng.randrange(8), "band_step": rng.randrange(8), "row_step": rng.randrange(4), "repeat": rng.randint(-1, 3),
        "padding": rng.randrange(256), "signed": rng.randrange(2), "from_input": rng.randrange(2), "unused": 0, "last": last,
    }  # fmt: skip
    weights = [rng.randint(-128, 127) for _ in share.stream]
    return Layer(share, taps, weights, constants, across, tap_base)


Memory = list[list[int]]


def sums_of(layer: Layer, layout: Layout, hidden: Memory, buffer: Memory, half: int) -> list[list[int]]:
    """Of every row of every tile."""
    k, columns, found, base = layer.constants, layout.config.columns, [], 0
    for tile in range(layer.share.tiles if layer.share.rows else 0):
        y0, x0, number = tile // layer.across, tile % layer.across, 0
        for at, row in enumerate(layer.share.rows):
            total = [0] * columns
            for bit in row:
                tap = layer.taps[bit]
                x = x0 + tap.dx
                down, there = strip_of(layout, k, y0 + tap.dy)
                address = base + at // (k["repeat"] + 2) * k["row_step"] + tap.offset
                if columns > 1:
                    address -= down * k["strip"]
                word = hidden[address % len(hidden)]
                if k["from_input"]:
                    word = buffer[half << layout.half_bit | address % (len(buffer) // 2)]
                operands = operands_of(
                    word, down if 0 <= x < k["width"] else None, there, k["padding"], bool(k["signed"])
                )
                for column, operand in enumerate(operands):
                    total[column] += layer.weights[number] * to_signed(operand, 9)
                number += 1
            found.append(total)
        base += k["band_step"] if tile % layer.across == layer.across - 1 else k["x_step"]
    return found


async def fill(ctx: Any, dut: Lane, layout: Layout, hidden: Memory, buffer: Memory) -> None:
    """All words through the two buses; some that are meant for another lane must not change them."""
    columns = layout.config.columns
    for address, word in enumerate(hidden):
        for here, data in ((1, word), (0, [0] * columns)):
            ctx.set(dut.hidden_here, here)
            ctx.set(dut.hidden.enable, (1 << columns) - 1)
            ctx.set(dut.hidden.address, address)
            ctx.set(dut.hidden.data, joined(data))
            await ctx.tick()
    ctx.set(dut.hidden.enable, 0)
    for address, word in enumerate(buffer):
        for column, byte in enumerate(word):
            for here, data in ((1, byte), (0, 0)):
                ctx.set(dut.input_here, here)
                ctx.set(dut.input.enable, 1 << column)
                ctx.set(dut.input.half, address >> layout.half_bit)
                ctx.set(dut.input.address, address)
                ctx.set(dut.input.data, data)
                await ctx.tick()
    ctx.set(dut.input.enable, 0)


async def give(ctx: Any, dut: Lane, layout: Layout, constants: dict[str, int]) -> None:
    """A layer's constants, 0 where none is given, and the word to prepare it."""
    word = layout.constants.encode({field.name: constants.get(field.name, 0) for field in layout.constants})
    for part in parted(word, layout.constant_parts, PART):
        ctx.set(dut.constants_valid, 1)
        ctx.set(dut.constants, part)
        await ctx.tick()
    ctx.set(dut.constants_valid, 0)
    ctx.set(dut.resume, 1)
    await ctx.tick()
    ctx.set(dut.resume, 0)


@pytest.mark.parametrize("columns, block_queue, reach", [(1, False, 1), (2, True, 1), (4, False, 1), (8, False, 4)])
@pytest.mark.parametrize("seed", range(8))
def test_every_row_of_every_layer(columns: int, block_queue: bool, reach: int, seed: int) -> None:
    """Two groups. Both memories are full, so that every sum is of known words."""
    rng = Random(seed)
    layout = layout_of(
        columns=columns,
        hidden_depth=64,
        input_depth=32,
        block_queue=block_queue,
        reach=reach,
        tap_depth=64,
        mask_depth=400,
        weight_depth=512,
        two_level=seed % 2 == 0,
    )
    layers, taps = [], []
    for number in range(count := rng.randint(1, 3)):
        layers.append(random_layer(rng, layout, len(taps), number == count - 1))
        taps += layers[-1].taps
    hidden, buffer = (
        [[rng.randrange(256) for _ in range(columns)] for _ in range(depth)]
        for depth in (layout.share_depth, 2 << layout.half_bit)
    )
    half = rng.randrange(2)
    dut, stopped = Lane(layout, 0), Signal()
    service = rng.choice([1.0, 0.3, 0.05])

    async def bench(ctx: Any) -> None:
        ctx.set(stopped, 1)
        await load(ctx, dut.load, layout, "lane00.masks", mask_memory(layout, [layer.share for layer in layers]))
        await load(ctx, dut.load, layout, "lane00.weights", [w & 0xFF for layer in layers for w in layer.weights])
        words = [layout.tap.encode({"offset": t.offset, "dy": t.dy, "dx": t.dx}) for t in taps]
        await load(ctx, dut.load, layout, "taps", words)
        ctx.set(stopped, 0)
        await fill(ctx, dut, layout, hidden, buffer)
        ctx.set(dut.half, half)
        for number, layer in enumerate(layers * 2):
            assert ctx.get(dut.closed)
            await give(ctx, dut, layout, layer.constants)
            for _ in range(rng.randrange(30)):
                await ctx.tick()
            expected = sums_of(layer, layout, hidden, buffer, half)
            ctx.set(dut.start, 1)
            ctx.set(dut.rewind, number % len(layers) == 0)
            await ctx.tick()
            ctx.set(dut.start, 0)
            ctx.set(dut.rewind, 0)
            pushed = done = taken = 0
            coming = [0] * grant_to_sums(layout)
            for _ in range(20_000):
                if coming.pop(0):
                    found = [to_signed(v, 24) for v in parted(ctx.get(dut.sums), columns, 24)]
                    assert found == expected[done], f"seed {seed}, layer {number}, row {done}"
                    done += 1
                elif number or done:
                    assert not ctx.get(dut.sums)
                if done == len(expected) and ctx.get(dut.closed):
                    break
                pushed += ctx.get(dut.pushed)
                coming.append(int(pushed > taken and rng.random() < service))
                taken += coming[-1]
                ctx.set(dut.grant, coming[-1])
                await ctx.tick()
            assert done == len(expected), f"seed {seed}, layer {number}"
            ctx.set(dut.grant, 0)
            for _ in range(8):
                await ctx.tick()

    simulate(ResetInserter(stopped)(dut), bench)


def test_one_weight_per_cycle() -> None:
    """Rows, words and tiles follow each other without a gap where results are taken at once."""
    layout = layout_of(columns=2, hidden_depth=64, input_depth=32, tap_depth=64, mask_depth=400)
    share = Share(7, [[0, 1, 2, 3, 4, 5, 6], [6], [0], [3, 4, 5], [0, 6]] * 4, tiles=6)
    dut, stopped = Lane(layout, 0), Signal()

    async def bench(ctx: Any) -> None:
        ctx.set(stopped, 1)
        await load(ctx, dut.load, layout, "lane00.masks", mask_memory(layout, [share]))
        ctx.set(stopped, 0)
        await give(ctx, dut, layout, {"n": 7, "tap_next": 7, "x_last": 5, "repeat": 1})
        await ctx.tick()
        await ctx.tick().repeat(40)
        assert ctx.get(dut.primed)
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        cycles = rows = 0
        while rows < len(share.rows) * share.tiles:
            rows += ctx.get(dut.pushed)
            ctx.set(dut.grant, ctx.get(dut.pushed))
            cycles += 1
            await ctx.tick()
        assert cycles <= len(share.stream) * share.tiles + 10

    simulate(ResetInserter(stopped)(dut), bench)
