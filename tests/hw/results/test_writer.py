"""The writer against the lists of passes: which columns are written, where, with what of which epilogue, and when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Any

import pytest
from tests.hw.bench import joined, layout_of, load, parted, simulate

from zeroskip.contracts.layout import Layout
from zeroskip_hw.results.writer import Writer

ENABLE_TO_WRITE = 4
"""Cycles from a result to its first write; from ``written`` to the last."""

ANNOUNCED = 9
"""Tiles announced ahead of their results, as many as the pipeline between merge and writer holds at two cycles each."""


@dataclass(frozen=True)
class Write:
    """enable : a bit for each column; the others have a value for each epilogue, data where the columns are written"""

    enable: int
    addresses: list[int]
    data: list[int]
    copies: list[int]
    used: int


@dataclass(frozen=True)
class Result:
    """A value for each epilogue; used : a bit for each"""

    places: list[int]
    copies: list[int]
    data: list[list[int]]
    used: int


@dataclass(frozen=True)
class Tile:
    """begin, more : its list of passes; offset, copy : what it adds to every place"""

    begin: int
    more: int
    offset: int
    copy: int
    results: list[Result]


def random_passes(rng: Random, layout: Layout) -> list[dict[str, int]]:
    c = layout.config
    return [
        {
            "base": rng.getrandbits(layout.result_bits), "turn": rng.randrange(c.columns),
            "mask": rng.choice([0, (1 << c.columns) - 1, rng.getrandbits(c.columns)]), "copy": rng.getrandbits(layout.copy_bits),
        }
        for _ in range(c.pass_depth)
    ]  # fmt: skip


def random_result(rng: Random, layout: Layout) -> Result:
    numbers = range(layout.config.epilogues)
    return Result(
        [rng.getrandbits(layout.place_bits) for _ in numbers], [rng.getrandbits(layout.copy_bits) for _ in numbers],
        [[rng.randrange(256) for _ in range(layout.config.columns)] for _ in numbers], rng.getrandbits(len(numbers)),
    )  # fmt: skip


def random_tiles(rng: Random, layout: Layout) -> list[Tile]:
    tiles = []
    for _ in range(rng.randint(1, 8)):
        begin = rng.randrange(layout.config.pass_depth)
        more = min(rng.choice([0, 0, 1, 2, rng.randrange(12)]), layout.config.pass_depth - 1 - begin)
        results = [random_result(rng, layout) for _ in range(rng.choice([1, 1, 2, 5]))]
        tiles.append(Tile(begin, more, rng.getrandbits(layout.result_bits), rng.getrandbits(layout.copy_bits), results))
    return tiles


def encoded(layout: Layout, entries: list[dict[str, int]]) -> list[int]:
    return [layout.passes.encode(entry) for entry in entries]


def writes_of(layout: Layout, passes: list[dict[str, int]], tile: Tile, result: Result) -> list[Write]:
    c, found = layout.config, []
    for entry in passes[tile.begin : tile.begin + tile.more + 1]:
        low = 1 << layout.result_bits
        addresses = [place // low * low + (place + tile.offset + entry["base"]) % low for place in result.places]
        copies = [(place + tile.copy + entry["copy"]) % (1 << layout.copy_bits) for place in result.copies]
        turned = [[data[(column - entry["turn"]) % c.columns] for column in range(c.columns)] for data in result.data]
        kept = [
            joined(value if entry["mask"] >> column & 1 else 0 for column, value in enumerate(data)) for data in turned
        ]
        found.append(Write(entry["mask"], addresses, kept, copies, result.used))
    return found


def shown(ctx: Any, dut: Writer, layout: Layout) -> Write:
    """Where no column is written, all else means nothing."""
    c, write = layout.config, dut.write
    enable = ctx.get(write.enable)
    if not enable:
        return NOTHING
    kept = joined(0xFF if enable >> column & 1 else 0 for column in range(c.columns))
    return Write(
        enable, parted(ctx.get(write.address), c.epilogues, layout.place_bits),
        [data & kept for data in parted(ctx.get(write.data), c.epilogues, 8 * c.columns)],
        parted(ctx.get(write.copy), c.epilogues, layout.copy_bits) if c.residual else [], ctx.get(write.used) if c.residual else 0,
    )  # fmt: skip


NOTHING = Write(0, [], [], [], 0)


@pytest.mark.parametrize(
    "columns, epilogues, residual",
    [(1, 1, False), (2, 1, True), (3, 2, False), (4, 4, True), (5, 2, True), (8, 1, False), (16, 4, True)],
)
@pytest.mark.parametrize("share", [1.0, 0.4])
@pytest.mark.parametrize("seed", range(4))
def test_every_pass_of_every_result(columns: int, epilogues: int, residual: bool, share: float, seed: int) -> None:
    """Layer after layer. Results come as fast as they may, or slower; tiles are announced long before their results."""
    rng = Random(seed)
    layout = layout_of(columns=columns, epilogues=epilogues, residual=residual, pass_depth=60)
    dut = Writer(layout)
    passes = random_passes(rng, layout)
    layers = [random_tiles(rng, layout) for _ in range(3)]
    ports = ["place", "data", "tile_end", "layer_end", *(["copy_place", "used"] if residual else [])]

    def give(ctx: Any, result: Result) -> None:
        ctx.set(dut.place, joined(result.places, layout.place_bits))
        ctx.set(dut.data, joined(byte for data in result.data for byte in data))
        if residual:
            ctx.set(dut.copy_place, joined(result.copies, layout.copy_bits))
            ctx.set(dut.used, result.used)

    async def bench(ctx: Any) -> None:
        names = [field.name for field in layout.passes]
        words = [{name: entry[name] for name in names} for entry in passes]
        await load(ctx, dut.load, layout, "passes", encoded(layout, words))
        for number, tiles in enumerate(layers):
            results = [(t, i) for t, tile in enumerate(tiles) for i in range(len(tile.results))]
            expected: dict[int, Write] = {}
            announced = cycle = free = 0
            done = finish = None
            while finish is None or cycle <= finish + 2:
                where = f"cycle {cycle}, layer {number}, seed {seed}"
                # The next tile is announced while results of those before may still be on their way, but at least a cycle ahead.
                t, i = results[0] if results else (len(tiles), 0)
                result = results and announced > t and cycle >= free and rng.random() < share
                fresh = announced < len(tiles) and announced < t + ANNOUNCED and rng.random() < 0.7
                ctx.set(dut.tile.fresh, fresh)
                if fresh:
                    tile = tiles[announced]
                    for name, value in (("begin", tile.begin), ("more", tile.more), ("write", tile.offset)):
                        ctx.set(getattr(dut.tile, name), value)
                    if residual:
                        ctx.set(dut.tile.copy, tile.copy)
                    announced += 1
                ctx.set(dut.enable, bool(result))
                # What comes without `enable` means nothing.
                for name in ports:
                    ctx.set(getattr(dut, name), rng.getrandbits(len(getattr(dut, name))))
                if result:
                    results.pop(0)
                    tile, entry = tiles[t], tiles[t].results[i]
                    give(ctx, entry)
                    ctx.set(dut.tile_end, i == len(tile.results) - 1)
                    ctx.set(dut.layer_end, not results)
                    free = cycle + tile.more + 1
                    for k, write in enumerate(writes_of(layout, passes, tile, entry)):
                        wanted = write if residual else replace(write, copies=[], used=0)
                        expected[cycle + ENABLE_TO_WRITE + k] = wanted if write.enable else NOTHING
                    if not results:
                        done, finish = cycle + tile.more, cycle + tile.more + ENABLE_TO_WRITE
                assert ctx.get(dut.written) == (cycle == done), where
                assert shown(ctx, dut, layout) == expected.get(cycle, NOTHING), where
                cycle += 1
                await ctx.tick()

    simulate(dut, bench)


def test_the_longest_list() -> None:
    """256 writes of one result, in which its flags are kept."""
    layout = layout_of(columns=2, pass_depth=256)
    dut = Writer(layout)
    passes = [{"base": i % 32, "turn": i % 2, "mask": 1 + i % 3} for i in range(256)]

    async def bench(ctx: Any) -> None:
        await load(ctx, dut.load, layout, "passes", encoded(layout, passes))
        ctx.set(dut.tile.fresh, 1)
        ctx.set(dut.tile.more, 255)
        await ctx.tick()
        ctx.set(dut.tile.fresh, 0)
        for name, value in (("enable", 1), ("tile_end", 1), ("layer_end", 1), ("data", 0xBBAA)):
            ctx.set(getattr(dut, name), value)
        for cycle in range(264):
            assert ctx.get(dut.written) == (cycle == 255), f"cycle {cycle}"
            number = cycle - ENABLE_TO_WRITE
            inside = 0 <= number < 256
            assert ctx.get(dut.write.enable) == (1 + number % 3 if inside else 0), f"cycle {cycle}"
            if inside:
                assert ctx.get(dut.write.address) == number % 32
                assert ctx.get(dut.write.data) == (0xAABB if number % 2 else 0xBBAA)
            await ctx.tick()
            for name in ("enable", "tile_end", "layer_end"):
                ctx.set(getattr(dut, name), 0)

    simulate(dut, bench)
