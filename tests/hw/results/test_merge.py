"""The merge against the sums of rows, whatever the order in which the lanes have them ready."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from tests.hw.bench import joined, layout_of, load, parted, simulate, to_signed

from zeroskip.contracts.layout import Layout
from zeroskip.contracts.timing import ROWS_IN_FLIGHT, tree_levels
from zeroskip_hw.results.merge import Merge

ACC = 24


@dataclass(frozen=True)
class Bundle:
    """turns : of each, by epilogue the lanes that contribute; every row has some"""

    turns: list[dict[int, int]]


@dataclass(frozen=True)
class Layer:
    """holds : of each tile, cycles after every bundle in which no other is complete"""

    bundles: list[Bundle]
    holds: list[int]

    @property
    def turns(self) -> int:
        return sum(len(bundle.turns) for bundle in self.bundles)


def plain(rows: list[int], holds: list[int]) -> Layer:
    """One row in a bundle."""
    return Layer([Bundle([{0: lanes}]) for lanes in rows], holds)


def random_bundle(rng: Random, lanes: int, epilogues: int, dense: bool) -> Bundle:
    """All rows in one turn, in which every lane has one epilogue, or a turn for each."""
    some = rng.sample(range(epilogues), rng.randint(1, epilogues))
    if rng.random() < 0.5:
        return Bundle([{epilogue: (1 << lanes) - 1 if dense else rng.randrange(1, 1 << lanes)} for epilogue in some])
    owner = [rng.choice([*some, None]) for _ in range(lanes)]
    given = {e: sum(1 << lane for lane, one in enumerate(owner) if one == e) for e in some}
    return Bundle([{e: mask for e, mask in given.items() if mask} or {some[0]: 1}])


def random_layers(rng: Random, lanes: int, rows: int, epilogues: int) -> list[Layer]:
    layers = []
    for _ in range(rng.randint(1, 4)):
        count = rng.choice([1, 2, rng.randint(1, rows)])
        dense = rng.random() < 0.5
        bundles = [random_bundle(rng, lanes, epilogues, dense) for _ in range(count)]
        layers.append(Layer(bundles, [rng.choice([0, 0, 1, rng.randrange(6)]) for _ in range(rng.randint(1, 5))]))
    return layers


def words_of(layout: Layout, layers: list[Layer]) -> list[int]:
    return [
        layout.merge.encode({
            **{f"lanes{e}": turn.get(e, 0) for e in range(layout.config.epilogues)}, "complete": turn is bundle.turns[-1],
        })
        for layer in layers for bundle in layer.bundles for turn in bundle.turns
    ]  # fmt: skip


def run(
    lanes: int, columns: int, layers: list[Layer], rng: Random, pace: float, groups: int = 2, epilogues: int = 1
) -> list[int]:
    """Feeds the lanes' sums and compares every row; returns the cycles in which bundles were complete."""
    layout = layout_of(lanes=lanes, columns=columns, acc_bits=ACC, row_depth=128, epilogues=epilogues)
    dut = Merge(layout)
    granted: list[int] = []

    async def bench(ctx: Any) -> None:
        await load(ctx, dut.load, layout, "merge", words_of(layout, layers))
        first, cycle = 0, 0
        for number, layer in enumerate(layers * groups):
            if number % len(layers) == 0:
                first = 0
            turns = [
                (turn, turn is bundle.turns[-1], at) for at, bundle in enumerate(layer.bundles) for turn in bundle.turns
            ]
            plan = [
                [
                    (e, [rng.randint(-(1 << 23), (1 << 23) - 1) for _ in range(columns)] if mask >> lane & 1 else None)
                    for e, mask in turn.items() for lane in range(lanes)
                ]
                for _ in layer.holds for turn, _, _ in turns
            ]  # fmt: skip
            coming = [
                deque(v for t in plan for i, (_, v) in enumerate(t) if v and i % lanes == lane) for lane in range(lanes)
            ]
            queues = [deque() for _ in range(lanes)]
            outputs, announced, last_complete, done, tiles, next_bundle = [0] * lanes, [0] * lanes, -100, 0, 0, 0
            grants = 0
            ctx.set(dut.turns, layer.turns - 1)
            ctx.set(dut.tiles, len(layer.holds) - 1)
            ctx.set(dut.hold, layer.holds[0])
            begin = cycle
            while done < len(plan):
                assert cycle - begin < 20_000
                ctx.set(dut.start, cycle == begin)
                ctx.set(dut.rewind, cycle == begin and number % len(layers) == 0)
                given, pushes = ctx.get(dut.grant), 0
                ctx.set(dut.sums, joined(outputs, ACC * columns))
                for lane in range(lanes):
                    outputs[lane] = 0
                    if given >> lane & 1:
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
                    if turns[grants % len(turns)][1]:
                        hold = layer.holds[min(tiles, len(layer.holds) - 1)]
                        assert cycle > last_complete
                        granted.append(cycle)
                        last_complete = cycle + hold
                    if ctx.get(dut.tile):
                        tiles += 1
                        last_complete = max(last_complete, cycle + 1)
                    grants += 1
                step = ctx.get(dut.tile)
                if ctx.get(dut.take):
                    turn, complete, at = turns[done % len(turns)]
                    tile, last = divmod(done, len(turns))[0], done % len(turns) == len(turns) - 1
                    totals = parted(ctx.get(dut.total), epilogues, ACC * columns)
                    assert ctx.get(dut.take) == sum(1 << e for e, mask in turn.items() if mask)
                    for e in turn:
                        wanted = [sum(v[i] for to, v in plan[done] if v and to == e) for i in range(columns)]
                        found = [to_signed(value, ACC) for value in parted(totals[e], columns, ACC)]
                        assert found == [to_signed(value, ACC) for value in wanted]
                    assert ctx.get(dut.valid) == complete
                    if complete:
                        assert next_bundle == first + at
                    ends = last and tile == len(layer.holds) - 1
                    assert (ctx.get(dut.tile_end), ctx.get(dut.layer_end)) == (last, ends)
                    done += 1
                else:
                    assert not ctx.get(dut.valid)
                next_bundle = ctx.get(dut.next_bundle)
                cycle += 1
                await ctx.tick()
                if step:
                    ctx.set(dut.hold, layer.holds[min(tiles, len(layer.holds) - 1)])
            assert tiles == len(layer.holds)
            assert not any(queues)
            first += len(layer.bundles)

    simulate(dut, bench)
    return granted


@pytest.mark.parametrize("lanes, columns", [(1, 1), (2, 2), (5, 1), (8, 2)])
@pytest.mark.parametrize("seed", range(5))
def test_rows_in_order(lanes: int, columns: int, seed: int) -> None:
    rng = Random(seed)
    run(lanes, columns, random_layers(rng, lanes, 12, 1), rng, rng.choice([1.0, 0.3, 0.1]))


@pytest.mark.parametrize("lanes, columns, epilogues", [(1, 1, 2), (3, 2, 2), (8, 1, 4)])
@pytest.mark.parametrize("seed", range(8))
def test_bundles(lanes: int, columns: int, epilogues: int, seed: int) -> None:
    rng = Random(seed)
    run(lanes, columns, random_layers(rng, lanes, 8, epilogues), rng, rng.choice([1.0, 0.3, 0.1]), epilogues=epilogues)


def test_one_row_per_cycle() -> None:
    """Of one tile, when every lane has its sums ready in time."""
    grants = run(4, 1, [plain([0xF] * 30, [0])], Random(1), 1.0, groups=1)
    assert grants == list(range(grants[0], grants[0] + 30))


def test_rows_are_as_far_apart_as_their_tile_wants() -> None:
    """Between two tiles one cycle passes at least."""
    grants = run(4, 1, [plain([0xF] * 3, [0, 2, 0, 1])], Random(1), 1.0, groups=1)
    assert [after - before for before, after in pairwise(grants)] == [1, 1, 2, 3, 3, 3, 1, 1, 2, 2, 2]


def test_a_bundle_is_granted_while_the_one_before_is_written() -> None:
    """Only its last turn waits: with as many turns as writes, no cycle is lost."""
    layer = Layer([Bundle([{0: 0xF}, {1: 0xF}, {2: 0xF}])] * 4, [2])
    grants = run(4, 1, [layer], Random(1), 1.0, groups=1, epilogues=4)
    assert [after - before for before, after in pairwise(grants)] == [3, 3, 3]


def test_levels() -> None:
    assert [tree_levels(layout_of(lanes=lanes)) for lanes in (1, 2, 3, 4, 8)] == [0, 1, 2, 2, 3]
