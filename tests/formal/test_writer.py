"""The writer: each result is written as often as its tile's list of passes says, in its order, where and how each pass says."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest
from amaranth.hdl import Array, Cat, Const, Mux, Signal, Value
from tests.formal.prove import Model
from tests.formal.spec import Spec, mutant
from tests.hw.bench import layout_of

from zeroskip_hw.primitives.words import fields
from zeroskip_hw.results import writer
from zeroskip_hw.results.tiles import IN_FLIGHT

SMALL = {"lanes": 2, "input_depth": 4, "hidden_depth": 4, "output_depth": 4, "copy_depth": 8, "pass_depth": 4}
ARRAYS: dict[str, dict[str, Any]] = {
    "one column": {"columns": 1},
    "turns": {"columns": 5},
    "residual": {"columns": 2, "epilogues": 2, "residual": True},
}


@dataclass(frozen=True)
class Pass:
    """One write of a result, if there is one. word : of the list; places, copies : of the result, with its tile's"""

    active: Value
    word: Value
    places: Value
    copies: Value
    data: Value
    used: Value

    def later(self, s: Spec) -> Pass:
        return Pass(**{name: s.before(value) for name, value in vars(self).items()})


def spec(array: str, module: ModuleType = writer) -> Model:
    """The reference keeps the announced tiles in a row, takes the first's list for each result, and looks its passes up one by one."""
    layout = layout_of(**{**SMALL, **ARRAYS[array]})
    c = layout.config
    dut = module.Writer(layout)
    s = Spec(dut)
    m = s.m
    # What is loaded does not change while the array runs: loading stops at a reset. A proof begins with any contents.
    s.assume("nothing is loaded", ~dut.load.commit)

    # The announced tiles, first the one whose results come next.
    members = [name for name in ("begin", "more", "write", "copy") if name in dut.tile.signature.members]
    fresh = Cat(*(getattr(dut.tile, name) for name in members))
    tiles = [Signal(len(fresh), name=f"tile{number}") for number in range(IN_FLIGHT)]
    count, take = Signal(range(IN_FLIGHT + 1), name="count"), dut.enable & dut.tile_end
    # A tile takes two cycles or more at the merge, and fewer than 2 · IN_FLIGHT from there to here.
    s.assume("room for the announced tiles", ~dut.tile.fresh | (count < IN_FLIGHT))
    # A tile is announced when its collection begins, and its results take longer to come here.
    s.assume("a result's tile is announced", ~dut.enable | (count != 0))
    m.d.sync += count.eq(count + dut.tile.fresh - take)
    for number, tile in enumerate(tiles):
        behind = tiles[number + 1] if number + 1 < IN_FLIGHT else tile
        m.d.sync += tile.eq(Mux(dut.tile.fresh & (count == number + take), fresh, Mux(take, behind, tile)))
    of_tile, at = {}, 0
    for name in members:
        of_tile[name], at = tiles[0][at : at + len(getattr(dut.tile, name))], at + len(getattr(dut.tile, name))

    # The passes of the result at work: how many are left, which is next, and what is written.
    left, following = Signal.like(of_tile["more"], name="left_now"), Signal.like(of_tile["begin"], name="next")
    ends = Signal(name="ends_now")
    # The merge holds a result back until the passes of the one before are over.
    s.assume("results are as far apart as the list is long", ~dut.enable | (left == 0))
    active = dut.enable | (left != 0)
    number, remaining = Mux(dut.enable, of_tile["begin"], following), Mux(dut.enable, of_tile["more"], left - 1)
    is_last = Mux(dut.enable, dut.layer_end, ends)
    with m.If(active):
        m.d.sync += [left.eq(remaining), following.eq(number + 1), ends.eq(is_last)]

    kept: dict[str, Signal] = {}

    def of_result(value: Value, name: str) -> Value:
        kept[name] = Signal(len(value), name=f"{name}_now")
        m.d.sync += kept[name].eq(Mux(dut.enable, value, kept[name]))
        return Mux(dut.enable, value, kept[name])

    def placed(name: str, tile: str, width: int) -> Value:
        places = (getattr(dut, name).word_select(epilogue, width) for epilogue in range(c.epilogues))
        return Cat(*(_moved(place, of_tile[tile]) for place in places))

    passes = s.inner("memory", "passes")
    now = Pass(
        active, s.word(passes, number), of_result(placed("place", "write", layout.place_bits), "places"),
        of_result(placed("copy_place", "copy", layout.copy_bits), "copies") if c.residual else Const(0, 1),
        of_result(dut.data, "data"), of_result(dut.used, "used") if c.residual else Const(0, 1),
    )  # fmt: skip
    stages = [now]
    for _ in range(4):
        stages.append(stages[-1].later(s))
    _, one, two, three, out = stages

    def columns_of(data: Value, turn: Value) -> list[Value]:
        return [
            Array([data.word_select((i - by) % c.columns, 8) for by in range(1 << len(turn))])[turn]
            for i in range(c.columns)
        ]

    entry = fields(layout.passes, out.word)
    written = Mux(out.active, entry["mask"], 0)
    s.always("columns", dut.write.enable == written)
    for epilogue in range(c.epilogues):
        width = layout.place_bits
        address = _moved(out.places.word_select(epilogue, width), entry["base"])
        s.always(f"address {epilogue}", ~written.any() | (dut.write.address.word_select(epilogue, width) == address))
        data = dut.write.data.word_select(epilogue, 8 * c.columns)
        wanted = columns_of(out.data.word_select(epilogue, 8 * c.columns), entry["turn"])
        for column, byte in enumerate(wanted):
            s.always(f"data {epilogue} {column}", ~written[column] | (data.word_select(column, 8) == byte))
        if c.residual:
            width = layout.copy_bits
            address = _moved(out.copies.word_select(epilogue, width), entry["copy"])
            s.always(f"copy {epilogue}", ~written.any() | (dut.write.copy.word_select(epilogue, width) == address))
    if c.residual:
        s.always("used", ~written.any() | (dut.write.used == out.used))
    s.always("written", dut.written == (active & (remaining == 0) & is_last))
    s.cover("results back to back, of two tiles", dut.enable & s.before(take & s.before(left == 1)))
    s.cover("all announced", count == IN_FLIGHT)

    # What makes these inductive: the queue of tiles, and what the stages hold of the passes within.
    head, tail = s.inner("head", "places"), s.inner("tail", "places")
    for name, pointer in (("head", head), ("tail", tail)):
        s.always(f"successor of {name}", s.inner(f"{name}_next", "places") == (pointer + 1)[: len(pointer)])
    s.always("count", (count <= IN_FLIGHT) & ((tail - head)[: len(head)] == count[: len(head)]))
    s.always("announced", s.inner("valid", "places") == (count != 0))
    for place, tile in enumerate(tiles):
        word = s.word(s.inner("memory", "places"), (head + place)[: len(head)])
        s.always(f"tile {place}", (count <= place) | (word == tile))
    s.always(
        "at work",
        (s.inner("left") == left)
        & ((left == 0) | (one.active & (s.inner("following") == following) & (s.inner("ends") == ends))),
    )
    s.always("kept", Cat(*(kept[name] == getattr(one, name) for name in kept)).all())
    for number, stage in enumerate((one, two, three), 1):
        s.always(f"valid {number}", s.inner(f"valid{number}") == stage.active)
    entry = fields(layout.passes, three.word)
    s.always("word 1", ~one.active | (s.inner("passes").read_data == one.word))
    s.always("word 2", ~two.active | (s.inner("entry2") == two.word))
    s.always("word 3", ~three.active | ((s.inner("mask3") == entry["mask"]) & (s.inner("turn3") == entry["turn"][:2])))

    rows = [
        ("base", "places", "base", layout.place_bits),
        *([("copy", "copies", "copy", layout.copy_bits)] if c.residual else []),
    ]
    for epilogue in range(c.epilogues):
        for name, member, base, width in rows:
            places = [getattr(stage, member).word_select(epilogue, width) for stage in (one, two, three)]
            places[2] = _moved(places[2], entry[base])
            for number, (stage, place) in enumerate(zip((one, two, three), places, strict=True), 1):
                s.always(
                    f"{name} {epilogue} {number}", ~stage.active | (s.inner(f"{name}{epilogue}_{number}") == place)
                )
        data = [stage.data.word_select(epilogue, 8 * c.columns) for stage in (one, two, three)]
        by_fours = Cat(Const(0, 2), entry["turn"][2:]) if len(entry["turn"]) > 2 else Const(0, 1)
        data[2] = Cat(*columns_of(data[2], by_fours))
        for number, (stage, value, name) in enumerate(
            zip((one, two, three), data, ("data{}_1", "data{}_2", "data3_{}"), strict=True), 1
        ):
            s.always(f"data {epilogue} at {number}", ~stage.active | (s.inner(name.format(epilogue)) == value))
    if c.residual:
        for name, stage in (("used_1", one), ("used_2", two), ("used3", three)):
            s.always(name, ~stage.active | (s.inner(name) == stage.used))
    return s.model()


def _moved(place: Value, by: Value) -> Value:
    """The address within a place, so much farther; the lanes above it stay."""
    return Cat((place + by)[: len(by)], place[len(by) :])


@pytest.mark.parametrize("array", ARRAYS)
def test_proof(array: str) -> None:
    model = spec(array)
    assert model.unproved(k=1) is None
    assert not model.uncovered(depth=18)


@pytest.mark.parametrize(
    "array, fault, old, new",
    [
        ("one column", "columns", "active.eq(self.enable | left.any())", "active.eq(left.any())"),
        ("one column", "columns", "valid2.eq(valid1), valid3.eq(valid2)", "valid2.eq(active), valid3.eq(valid2)"),
        ("one column", "columns", "following.eq(address + 1)", "following.eq(begin + 1)"),
        ("one column", "address 0", "self.enable & self.tile_end\n", "self.enable\n"),
        ("one column", "address 0", "(place + offset)[:bits]", "place[:bits]"),
        (
            "one column",
            "address 0",
            "with m.If(self.enable):\n            m.d.sync += kept.eq(value)",
            "m.d.sync += kept.eq(value)",
        ),
        ("turns", "data 0 3", '_turned(data, entry["turn"][2:], 4)', '_turned(data, entry["turn"][2:], 1)'),
        ("turns", "data 0 0", "_turned(data3, turn3, 1)", '_turned(data3, entry["turn"][:2], 1)'),
        ("residual", "copy 1", 'copy_offset[0], entry["copy"]', 'offset, entry["copy"]'),
        ("residual", "used", 'self._kept(m, self.used, "used")', 'self._kept(m, self.used, "used") | self.used'),
        ("one column", "written", "left == 1", "left == 0"),
        ("one column", "written", "Mux(self.enable, self.layer_end, ends)", "self.layer_end"),
    ],
)
def test_a_fault_is_found(array: str, fault: str, old: str, new: str) -> None:
    model = spec(array, mutant(writer, old, new))
    assert model.unproved(k=1) is not None
    assert model.refuted(fault, depth=8) is not None
