"""The writer against the lists of passes: which columns are written, where, with what, and when."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
from tests.hw.bench import joined, layout_of, load, simulate

from zeroskip.contracts.layout import Layout
from zeroskip_hw.results.writer import Writer

ENABLE_TO_WRITE = 4
"""Cycles from a result to its first write; from ``written`` to the last."""

ANNOUNCED = 9
"""Tiles announced ahead of their results, as many as the pipeline between collector and writer holds at two cycles each."""

Write = tuple[int, int, int]
"""Columns, address, data where the columns are written."""


@dataclass(frozen=True)
class Result:
    place: int
    data: list[int]


@dataclass(frozen=True)
class Tile:
    """begin, more : its list of passes; offset : what it adds to every place"""

    begin: int
    more: int
    offset: int
    results: list[Result]


def random_passes(rng: Random, layout: Layout) -> list[dict[str, int]]:
    c = layout.config
    return [
        {
            "base": rng.getrandbits(layout.store_bits), "turn": rng.randrange(c.columns),
            "mask": rng.choice([0, (1 << c.columns) - 1, rng.getrandbits(c.columns)]), "constant": rng.random() < 0.3,
        }
        for _ in range(c.pass_depth)
    ]  # fmt: skip


def random_tiles(rng: Random, layout: Layout) -> list[Tile]:
    tiles = []
    for _ in range(rng.randint(1, 8)):
        begin = rng.randrange(layout.config.pass_depth)
        more = min(rng.choice([0, 0, 1, 2, rng.randrange(12)]), layout.config.pass_depth - 1 - begin)
        results = [
            Result(rng.getrandbits(layout.store_bits), [rng.randrange(256) for _ in range(layout.config.columns)])
            for _ in range(rng.choice([1, 1, 2, 5]))
        ]
        tiles.append(Tile(begin, more, rng.getrandbits(layout.store_bits), results))
    return tiles


def writes_of(layout: Layout, passes: list[dict[str, int]], tile: Tile, result: Result, padding: int) -> list[Write]:
    c, found = layout.config, []
    for entry in passes[tile.begin : tile.begin + tile.more + 1]:
        address = (result.place + tile.offset + entry["base"]) % (1 << layout.store_bits)
        turned = [result.data[(column - entry["turn"]) % c.columns] for column in range(c.columns)]
        data = [padding if entry["constant"] else value for value in turned]
        kept = [value if entry["mask"] >> column & 1 else 0 for column, value in enumerate(data)]
        found.append((entry["mask"], address, joined(kept)))
    return found


@pytest.mark.parametrize("columns", [1, 2, 3, 4, 5, 8, 16])
@pytest.mark.parametrize("share", [1.0, 0.4])
@pytest.mark.parametrize("seed", range(4))
def test_every_pass_of_every_result(columns: int, share: float, seed: int) -> None:
    """Layer after layer. Results come as fast as they may, or slower; tiles are announced long before their results."""
    rng = Random(seed)
    layout = layout_of(strips=True, columns=columns, pass_depth=60)
    dut = Writer(layout)
    passes = random_passes(rng, layout)
    layers = [random_tiles(rng, layout) for _ in range(3)]

    async def bench(ctx: Any) -> None:
        await load(ctx, dut.load, layout, "passes", [layout.passes.encode(entry) for entry in passes])
        for number, tiles in enumerate(layers):
            where = f"layer {number}, seed {seed}"
            padding = rng.randrange(256)
            ctx.set(dut.padding, padding)
            results = [(t, i) for t, tile in enumerate(tiles) for i in range(len(tile.results))]
            expected: dict[int, Write] = {}
            announced = cycle = free = 0
            done = finish = None
            while finish is None or cycle <= finish + 2:
                # The next tile is announced while results of those before may still be on their way, but at least a cycle ahead.
                t, i = results[0] if results else (len(tiles), 0)
                result = results and announced > t and cycle >= free and rng.random() < share
                fresh = announced < len(tiles) and announced < t + ANNOUNCED and rng.random() < 0.7
                ctx.set(dut.tile.fresh, fresh)
                if fresh:
                    tile = tiles[announced]
                    for name, value in (("begin", tile.begin), ("more", tile.more), ("write", tile.offset)):
                        ctx.set(getattr(dut.tile, name), value)
                    announced += 1
                ctx.set(dut.enable, bool(result))
                # What comes without `enable` means nothing.
                ctx.set(dut.place, rng.getrandbits(layout.store_bits))
                ctx.set(dut.data, rng.getrandbits(8 * columns))
                ctx.set(dut.tile_end, rng.getrandbits(1))
                ctx.set(dut.layer_end, rng.getrandbits(1))
                if result:
                    results.pop(0)
                    tile, entry = tiles[t], tiles[t].results[i]
                    ctx.set(dut.place, entry.place)
                    ctx.set(dut.data, joined(entry.data))
                    ctx.set(dut.tile_end, i == len(tile.results) - 1)
                    ctx.set(dut.layer_end, not results)
                    free = cycle + tile.more + 1
                    for k, write in enumerate(writes_of(layout, passes, tile, entry, padding)):
                        expected[cycle + ENABLE_TO_WRITE + k] = write
                    if not results:
                        done, finish = cycle + tile.more, cycle + tile.more + ENABLE_TO_WRITE
                assert ctx.get(dut.written) == (cycle == done), f"cycle {cycle}, {where}"
                columns_written, address, data = expected.get(cycle, (0, 0, 0))
                enable = ctx.get(dut.write.enable)
                assert enable == columns_written, f"cycle {cycle}, {where}"
                if enable:
                    kept = joined(0xFF if enable >> column & 1 else 0 for column in range(columns))
                    assert (ctx.get(dut.write.address), ctx.get(dut.write.data) & kept) == (address, data), (
                        f"cycle {cycle}, {where}"
                    )
                cycle += 1
                await ctx.tick()

    simulate(dut, bench)


def test_the_longest_list() -> None:
    """256 writes of one result, in which its flags are kept."""
    layout = layout_of(strips=True, columns=2, pass_depth=256)
    dut = Writer(layout)
    passes = [{"base": i % 32, "turn": i % 2, "mask": 1 + i % 3, "constant": 0} for i in range(256)]

    async def bench(ctx: Any) -> None:
        await load(ctx, dut.load, layout, "passes", [layout.passes.encode(entry) for entry in passes])
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
