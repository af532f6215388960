"""The merge: turns are granted in order, each when its lanes have their sums and not before, and every row comes out once, with its total."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add, or_
from types import ModuleType
from typing import Any

import pytest
from amaranth.hdl import Cat, Mux, Signal, Value
from tests.formal.prove import Model
from tests.formal.spec import Spec, mutant
from tests.hw.bench import layout_of

from zeroskip.contracts.timing import ROWS_IN_FLIGHT, START_TO_GRANT, grant_to_sums, grant_to_total, tree_levels
from zeroskip_hw.primitives.words import fields
from zeroskip_hw.results import merge

SMALL = {"row_depth": 4, "tile_bits": 2, "stream_bits": 8}
ARRAYS: dict[str, dict[str, Any]] = {
    "one lane": {"lanes": 1},
    "three lanes": {"lanes": 3},
    "two epilogues": {"lanes": 2, "epilogues": 2, "block_queue": True},
}


@dataclass(frozen=True)
class Place:
    """A turn's place in its layer, if there is one there. turn : of its tile; tile : of its layer"""

    there: Value
    turn: Value
    tile: Value

    def next(self, turns: Value, tiles: Value) -> Place:
        ends = self.turn == turns
        return Place(
            self.there & ~(ends & (self.tile == tiles)),
            Mux(ends, 0, self.turn + 1)[: len(self.turn)], (self.tile + ends)[: len(self.tile)],
        )  # fmt: skip

    def unless(self, condition: Value, other: Place) -> Place:
        return Place(*(Mux(condition, getattr(other, name), value) for name, value in vars(self).items()))


@dataclass(frozen=True)
class Grant:
    """What is granted in a cycle, if anything. lanes : of each epilogue; number : of the bundle"""

    lanes: tuple[Value, ...]
    complete: Value
    tile_end: Value
    layer_end: Value
    number: Value

    @property
    def flags(self) -> Value:
        return Cat(self.complete, self.tile_end, self.layer_end, *(lanes.any() for lanes in self.lanes))

    def later(self, s: Spec) -> Grant:
        lanes = tuple(s.before(lanes) for lanes in self.lanes)
        return Grant(lanes, *(s.before(value) for value in (self.complete, self.tile_end, self.layer_end, self.number)))


def spec(array: str, module: ModuleType = merge) -> Model:
    """The reference walks the turns as they are granted, looks up each one's word then, and adds up what its lanes give.

    Words, numbers of turns and of tiles, and sums are any. A lane's sums come in the order of its rows, as test_sums.py proves: so the sums
    of a row are those that are given for its grant. One column, which is not added up with others.
    """
    layout = layout_of(**{**SMALL, **ARRAYS[array]})
    c, row_bits = layout.config, layout.row_bits
    dut = module.Merge(layout)
    s = Spec(dut)
    m = s.m
    # What is loaded does not change while the array runs: loading stops at a reset. A proof begins with any contents.
    s.assume("nothing is loaded", ~s.inner("words").write_enable)

    # The layer at work: its first word and bundle, the turn that is granted next, and the bundles of this tile that were.
    running, tile = Signal(name="at_work"), Signal.like(dut.tiles, name="tile_now")
    base, turn = Signal(row_bits, name="base"), Signal(row_bits, name="turn_now")
    first_bundle, bundles = Signal(row_bits, name="first_bundle"), Signal(row_bits, name="bundles")
    # The sequencer starts a layer when all rows of the one before are written, and gives its constants until the next.
    s.assume("a layer starts behind the end of the one before", ~dut.start | ~running)
    s.assume("a program starts with a layer", ~dut.rewind | dut.start)
    s.assume("constants", dut.start | (Cat(dut.turns, dut.tiles) == s.before(Cat(dut.turns, dut.tiles))))
    here = Place(running, turn, tile)

    def word_at(place: Place) -> Value:
        return s.word(s.inner("memory", "words"), (base + place.turn)[:row_bits])

    word = fields(layout.merge, word_at(here))
    lanes = [word[f"lanes{number}"] for number in range(c.epilogues)]
    contributes, granted = reduce(or_, lanes), dut.granted
    tile_end = granted & (turn == dut.turns)
    layer_end = tile_end & (tile == dut.tiles)
    complete = granted & word["complete"]
    # So are the words packed; a row without weights keeps one that is 0.
    s.assume("every turn has a lane", ~running | contributes.any())
    s.assume("a tile's last turn completes a bundle", ~running | (turn != dut.turns) | word["complete"])
    following = here.next(dut.turns, dut.tiles)
    with m.If(granted):
        m.d.sync += [running.eq(following.there), turn.eq(following.turn), tile.eq(following.tile)]
    with m.If(complete):
        m.d.sync += bundles.eq(Mux(tile_end, 0, bundles + 1))
    with m.If(layer_end):
        m.d.sync += [base.eq(base + dut.turns + 1), first_bundle.eq(first_bundle + bundles + 1)]
    with m.If(dut.start):
        m.d.sync += [running.eq(1), turn.eq(0), tile.eq(0)]
    with m.If(dut.rewind):
        m.d.sync += [base.eq(0), first_bundle.eq(0)]

    # The sums that wait.
    pending = [Signal(range(ROWS_IN_FLIGHT + 2), name=f"pending{lane}") for lane in range(c.lanes)]
    for lane, count in enumerate(pending):
        m.d.sync += count.eq(count + dut.pushed[lane] - (granted & contributes[lane]))
        # The gate lets no more rows begin, and counts one until its grant has reached the lane.
        s.assume(f"lane {lane} keeps to the room", count + dut.grant[lane] <= ROWS_IN_FLIGHT)
    has = Cat(*(count != 0 for count in pending))
    starts = [dut.start]
    for _ in range(START_TO_GRANT):
        starts.append(s.before(starts[-1]))
    # The words want as many sums of each lane as it has rows.
    s.assume("no sum is left", ~dut.start | ~has.any())
    # From a layer's start its first weight is on its way for longer.
    s.assume("no sum comes early", ~dut.pushed.any() | ~Cat(*starts).any())

    # Cycles that must pass before the next bundle is complete.
    left = Signal.like(dut.hold, name="left_now")
    m.d.sync += left.eq(Mux(complete, Mux(tile_end & (dut.hold == 0), 1, dut.hold), Mux(left != 0, left - 1, 0)))
    # The tiles give the next one's a cycle after the last's end, and the first's when they have looked it up.
    hold_before, tile_before, awake = s.before(dut.hold), s.before(dut.tile), s.before(1)
    s.assume("hold", (dut.hold == hold_before) | tile_before | starts[3])

    s.always("granted in turn, when all have their sums", ~granted | (running & ((contributes & ~has) == 0)))
    s.always("complete not before its time", ~complete | (left == 0))
    reading = starts[1] | starts[2]
    s.always(
        "waits for a reason",
        granted | ~running | reading | (contributes & ~has).any() | (word["complete"] & (left != 0)),
    )
    s.always("tile", dut.tile == tile_end)

    now = Grant(
        tuple(one & granted.replicate(c.lanes) for one in lanes), complete, tile_end, layer_end,
        (first_bundle + bundles)[:row_bits],
    )  # fmt: skip
    stages = [now]
    for _ in range(grant_to_total(layout)):
        stages.append(stages[-1].later(s))
    out, at_lanes = stages[-1], stages[1]
    s.always("grant", dut.grant == reduce(or_, at_lanes.lanes))
    s.always("rows come out", Cat(dut.valid, dut.tile_end, dut.layer_end, dut.take) == out.flags)
    s.always("number of the bundle", ~stages[-2].complete | (dut.next_bundle == stages[-2].number))

    # What the lanes gave, and how it is added up.
    entering = stages[1 + grant_to_sums(layout)]
    given = [dut.sums.word_select(lane, c.acc_bits) for lane in range(c.lanes)]
    for lane, value in enumerate(given):
        s.assume(f"lane {lane} gives nothing without a grant", reduce(or_, entering.lanes)[lane] | (value == 0))
    totals: list[list[Value]] = []
    for number, wanted in enumerate(entering.lanes):
        total = reduce(add, (Mux(wanted[lane], value, 0) for lane, value in enumerate(given)))
        totals.append([total[: c.acc_bits]])
        for _ in range(tree_levels(layout)):
            totals[-1].append(s.before(totals[-1][-1]))
        s.always(f"total {number}", ~dut.take[number] | (dut.total.word_select(number, c.acc_bits) == totals[-1][-1]))
    s.cover("two rows, one behind the other", dut.valid & s.before(dut.valid))
    s.cover("a second layer, of two tiles", layer_end & (base != 0) & (turn == 1) & (tile == 1))

    # What makes these inductive: the walk that reads ahead, which has a turn in each of its stages as soon as it has filled them, ...
    second = here.next(dut.turns, dut.tiles)
    third = second.next(dut.turns, dut.tiles)
    s.always("one start", (starts[1] + starts[2] + starts[3] <= 1) & (~Cat(*starts[1:]).any() | (running & ~has.any())))
    s.always("place", ~running | ((turn <= dut.turns) & (tile <= dut.tiles)))
    walk = {name: s.inner(f"_read_ahead.{name}") for name in ("running", "turn", "begin", "left", "tiles")}
    walks = third.unless(starts[2], second).unless(starts[1], here)
    behind = (base + Mux(running, dut.turns + 1, 0))[:row_bits]
    s.always("walk", walk["running"] == walks.there)
    s.always("walk in a layer", ~walks.there | (
        (walk["turn"] == (base + walks.turn)[:row_bits]) & (walk["left"] == dut.turns - walks.turn)
        & (walk["tiles"] == dut.tiles - walks.tile) & (walk["begin"] == base)
    ))  # fmt: skip
    s.always("walk behind a layer", walks.there | ((walk["turn"] == behind) & (walk["begin"] == behind)))
    read = (running & ~starts[1], second.unless(starts[2], here), s.inner("words").read_data)
    registered = (running & ~starts[1] & ~starts[2], here, s.inner("_read_ahead.word"))
    for stage, (filled, at, held) in enumerate((read, registered), 1):
        there = filled & at.there
        ends = at.turn == dut.turns
        s.always(f"valid {stage}", s.inner(f"valid{stage}") == there)
        s.always(f"read {stage}", ~there | (
            (held == word_at(at)) & (s.inner(f"tags{stage}") == Cat(ends, ends & (at.tile == dut.tiles)))
        ))  # fmt: skip

    # ... the counts, ...
    for lane, count in enumerate(pending):
        waiting = f"waiting{lane:02}"
        s.always(f"waiting {lane}", (s.inner("count", waiting) == count) & (s.inner(waiting).some == (count != 0)))
    s.always("bundles", running | (bundles == 0))
    s.always(
        "bundle",
        (s.inner("_bundle.begin") == first_bundle) & (s.inner("_bundle.number") == (first_bundle + bundles)[:row_bits]),
    )
    s.always("hold is known", (awake | ~running) & (~tile_before | (left != 0)))
    s.always(
        "held",
        ~awake
        | ((s.inner("held") == hold_before.any()) & (s.inner("more") == Mux(hold_before.any(), hold_before - 1, 0))),
    )
    s.always("free", s.inner("free") == (left == 0))
    s.always("left", (left == 0) | (s.inner("left") == left - 1))

    # ... and what is on its way.
    for stage, grant in enumerate(stages[1:]):
        s.always(f"flags {stage}", s.inner(f"flags{stage}") == grant.flags)
        s.always(f"bundle {stage}", ~grant.complete | (s.inner(f"bundle{stage}") == grant.number))
    for number in range(c.epilogues):
        for stage in range(1 + grant_to_sums(layout) if c.epilogues > 1 else 0):
            s.always(f"given {number} {stage}", s.inner(f"given{number}_{stage}") == stages[1 + stage].lanes[number])
        count = c.lanes
        for level in range(tree_levels(layout)):
            count = (count + 1) // 2
            sums = reduce(add, (s.inner(f"level{number}_{level}_{i}").total for i in range(count)))
            there = stages[2 + grant_to_sums(layout) + level].lanes[number].any()
            s.always(f"level {number} {level}", ~there | (sums[: c.acc_bits] == totals[number][1 + level]))
    return s.model()


@pytest.mark.parametrize("array", ARRAYS)
def test_proof(array: str) -> None:
    model = spec(array)
    assert model.unproved(k=1) is None
    assert not model.uncovered(depth=18)


@pytest.mark.parametrize(
    "fault, old, new",
    [
        (
            "granted in turn, when all have their sums",
            "self._available(m, take)).all()",
            "self._available(m, take)).any()",
        ),
        (
            "granted in turn, when all have their sums",
            "waiting.taken.eq(take[lane])",
            "waiting.taken.eq(self.grant[lane])",
        ),
        (
            "granted in turn, when all have their sums",
            "[left.eq(self.turns), tiles.eq(tiles - 1)]",
            "[left.eq(self.turns), tiles.eq(tiles)]",
        ),
        ("complete not before its time", '(free | ~word["complete"]) & ', ""),
        ("complete not before its time", "~(held | tile_end)", "~held"),
        ("complete not before its time", "self.hold.any(), self.hold - 1, 0", "self.hold[1:].any(), self.hold - 2, 0"),
        ("waits for a reason", '(free | ~word["complete"])', "free"),
        ("tile", "self.tile.eq(grant & tile_end)", "self.tile.eq(grant & layer_end)"),
        ("grant", "take.eq(contributes & grant.replicate(lanes))", "take.eq(contributes & complete.replicate(lanes))"),
        ("grant", "m.d.sync += turn.eq(begin)", "m.d.sync += turn.eq(0)"),
        ("grant", "words.read_enable.eq(advance)", "words.read_enable.eq(1)"),
        (
            "rows come out",
            "Cat(*(grant & one.any() for one in wanted))",
            "Cat(*(complete & one.any() for one in wanted))",
        ),
        ("number of the bundle", "Mux(tile_end & ~layer_end, begin, following)", "following"),
        ("total 0", "value & lanes[lane].replicate(width)", "value"),
        ("total 1", "Cat(*values[number : number + 2])", "Cat(*values[number : number + 1])"),
    ],
)
def test_a_fault_is_found(fault: str, old: str, new: str) -> None:
    model = spec("two epilogues", mutant(merge, old, new))
    assert model.unproved(k=1) is not None
    assert model.refuted(fault, depth=10) or model.refuted(fault, depth=16)
