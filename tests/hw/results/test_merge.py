"""The merge against the sums of rows, whatever the order in which the lanes have them ready."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from tests.hw.bench import joined, load, parted, simulate, to_signed
from tests.hw.channels import channel_layout

from zeroskip.contracts.channel_timing import tree_levels
from zeroskip.contracts.timing import ROWS_IN_FLIGHT
from zeroskip_hw.results.merge import Merge

ACC = 24


@dataclass(frozen=True)
class Layer:
    """rows : of each, the lanes that contribute; holds : of each tile, cycles without a grant after every row"""

    rows: list[int]
    holds: list[int]


def random_layers(rng: Random, lanes: int, rows: int) -> list[Layer]:
    layers = []
    for _ in range(rng.randint(1, 4)):
        count = rng.choice([1, 2, rng.randint(1, rows)])
        dense = rng.random() < 0.5
        masks = [(1 << lanes) - 1 if dense else rng.randrange(1 << lanes) for _ in range(count)]
        layers.append(Layer(masks, [rng.choice([0, 0, 1, rng.randrange(6)]) for _ in range(rng.randint(1, 5))]))
    return layers


def run(lanes: int, columns: int, layers: list[Layer], rng: Random, pace: float, groups: int = 2) -> list[int]:
    """Feeds the lanes' sums and compares every row; returns the cycles of the grants."""
    layout = channel_layout(lanes=lanes, columns=columns, acc_bits=ACC, row_depth=64)
    dut = Merge(layout)
    words = [mask for layer in layers for mask in layer.rows]
    granted: list[int] = []

    async def bench(ctx: Any) -> None:
        await load(ctx, dut.load, layout, "merge", words)
        first_row, cycle = 0, 0
        for number, layer in enumerate(layers * groups):
            if number % len(layers) == 0:
                first_row = 0
            plan = [
                [
                    [rng.randint(-(1 << 23), (1 << 23) - 1) for _ in range(columns)] if mask >> lane & 1 else None
                    for lane in range(lanes)
                ]
                for _ in layer.holds
                for mask in layer.rows
            ]
            coming = [deque(row[lane] for row in plan if row[lane]) for lane in range(lanes)]
            queues = [deque() for _ in range(lanes)]
            outputs, announced, last_grant, done, tiles, next_row = [0] * lanes, [0] * lanes, -100, 0, 0, 0
            ctx.set(dut.rows, len(layer.rows) - 1)
            ctx.set(dut.tiles, len(layer.holds) - 1)
            ctx.set(dut.hold, layer.holds[0])
            begin = cycle
            while done < len(plan):
                assert cycle - begin < 20_000
                ctx.set(dut.start, cycle == begin)
                ctx.set(dut.rewind, cycle == begin and number % len(layers) == 0)
                grants, pushes = ctx.get(dut.grant), 0
                ctx.set(dut.sums, joined(outputs, ACC * columns))
                for lane in range(lanes):
                    outputs[lane] = 0
                    if grants >> lane & 1:
                        assert announced[lane] > 0, "a sum was taken that was not there"
                        outputs[lane] = joined(queues[lane].popleft(), ACC)
                        announced[lane] -= 1
                    if (
                        coming[lane]
                        and len(queues[lane]) < ROWS_IN_FLIGHT - 1
                        and cycle > begin + 3
                        and rng.random() < pace
                    ):
                        queues[lane].append(coming[lane].popleft())
                        announced[lane] += 1
                        pushes |= 1 << lane
                ctx.set(dut.pushed, pushes)
                if ctx.get(dut.granted):
                    hold = layer.holds[min(tiles, len(layer.holds) - 1)]
                    assert cycle > last_grant
                    granted.append(cycle)
                    last_grant = cycle + hold
                    if ctx.get(dut.tile):
                        tiles += 1
                        last_grant = max(last_grant, cycle + 1)
                step = ctx.get(dut.tile)
                if ctx.get(dut.valid):
                    row, tile = done % len(layer.rows), done // len(layer.rows)
                    wanted = [sum(part[i] for part in plan[done] if part) for i in range(columns)]
                    found = [to_signed(value, ACC) for value in parted(ctx.get(dut.total), columns, ACC)]
                    assert found == [to_signed(value, ACC) for value in wanted]
                    assert next_row == first_row + row
                    last = row == len(layer.rows) - 1
                    assert (ctx.get(dut.tile_end), ctx.get(dut.layer_end)) == (
                        last,
                        last and tile == len(layer.holds) - 1,
                    )
                    done += 1
                next_row = ctx.get(dut.next_row)
                cycle += 1
                await ctx.tick()
                if step:
                    ctx.set(dut.hold, layer.holds[min(tiles, len(layer.holds) - 1)])
            assert tiles == len(layer.holds)
            assert not any(queues)
            first_row += len(layer.rows)

    simulate(dut, bench)
    return granted


@pytest.mark.parametrize("lanes, columns", [(1, 1), (2, 2), (5, 1), (8, 2)])
@pytest.mark.parametrize("seed", range(5))
def test_rows_in_order(lanes: int, columns: int, seed: int) -> None:
    rng = Random(seed)
    run(lanes, columns, random_layers(rng, lanes, 12), rng, rng.choice([1.0, 0.3, 0.1]))


def test_one_row_per_cycle() -> None:
    """Of one tile, when every lane has its sums ready in time."""
    grants = run(4, 1, [Layer([0xF] * 30, [0])], Random(1), 1.0, groups=1)
    assert grants == list(range(grants[0], grants[0] + 30))


def test_rows_are_as_far_apart_as_their_tile_wants() -> None:
    """Between two tiles one cycle passes at least."""
    grants = run(4, 1, [Layer([0xF] * 3, [0, 2, 0, 1])], Random(1), 1.0, groups=1)
    assert [after - before for before, after in pairwise(grants)] == [1, 1, 2, 3, 3, 3, 1, 1, 2, 2, 2]


def test_a_row_without_weights_is_zero() -> None:
    run(2, 1, [Layer([0, 3, 0, 0, 1], [0, 2])], Random(2), 0.5)


def test_levels() -> None:
    assert [tree_levels(channel_layout(lanes=lanes)) for lanes in (1, 2, 3, 4, 8)] == [0, 1, 2, 2, 3]
