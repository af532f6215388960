"""A lane's sums: each is announced once, when it is complete, and leaves when its row is granted; the queue never overruns."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from amaranth.hdl import Mux, Signal, Value, signed
from tests.formal.prove import Model
from tests.formal.spec import Spec, mutant
from tests.hw.bench import layout_of

from zeroskip.contracts.timing import ROWS_IN_FLIGHT, grant_to_sums
from zeroskip_hw.lane import sums

SMALL = {"columns": 1, "weight_bits": 4, "acc_bits": 14}
"""Solvers are slow with products. These have 12 bits, so that the difference of two fits in."""


def spec(module: ModuleType = sums, *, weights: bool = True, **options: Any) -> Model:
    """The reference adds up the row at work. One row, any, is followed: it leaves when all that began before it have left, with its sum.

    So no sum is lost, given twice, or overtaken. One column: they have all but the flags apart from each other.
    weights : False: they are all 1, with which a fault is found sooner
    """
    layout = layout_of(**{**SMALL, **options})
    dut = module.Sums(layout)
    s = Spec(dut)
    m = s.m
    with_maximum = layout.config.maximum
    maximum = s.constant(1, "maximum") if with_maximum else Value.cast(0)

    weight, operand = s.before(dut.weight).as_signed(), s.before(dut.operands).as_signed()
    product = weight * operand
    row = Signal(name="row")
    uncollected, announced = (Signal(range(ROWS_IN_FLIGHT + 2), name=name) for name in ("uncollected", "announced"))
    begins, awake = dut.issue & dut.first, s.before(1)
    # An activation is one of 8 bits, signed or not.
    s.assume("operand", ~dut.operands[8] | dut.operands[7])
    if not weights:
        s.assume("weight", dut.weight == 1)
    # A reset takes all weights out of the pipeline, and an operand comes a cycle before its weight's flag.
    s.assume("no weight right behind a reset", ~dut.issue | awake)
    # The stream's cut into rows opens one with the first bit of a tile.
    s.assume("every weight is of a row", ~dut.issue | row | dut.first)
    # The gate lets no more rows begin, as test_gate.py proves, and counts them from when they pass there.
    s.assume("the gate keeps to the room", uncollected <= ROWS_IN_FLIGHT)
    # The merge counts what is announced, and grants later.
    s.assume("only what was announced is granted", ~dut.grant | (announced != 0) | dut.pushed)
    if with_maximum:
        # Of the layer, and no layer begins before all rows of another have left.
        s.assume("constant", dut.maximum == maximum)

    start = Mux(maximum, sums.LEAST, 0)
    acc_bits = layout.config.acc_bits
    partial, partial_now = Signal(signed(acc_bits), name="partial"), Signal(signed(acc_bits), name="partial_now")

    def with_product(value: Value, product: Value) -> Value:
        return Mux(maximum, Mux(product > value, product, value), value + product)[:acc_bits].as_signed()

    m.d.comb += partial_now.eq(Mux(dut.issue, with_product(Mux(dut.first, start, partial), product), partial))
    m.d.sync += [
        partial.eq(partial_now), row.eq(Mux(dut.issue, ~dut.tail, row)),
        uncollected.eq(uncollected + begins - dut.grant), announced.eq(announced + dut.pushed - dut.grant),
    ]  # fmt: skip

    # The followed row: whether it is the one at work, how many are before it, and its sum so far.
    followed, at_work = Signal(name="followed"), Signal(name="at_work")
    ahead, wanted = Signal.like(uncollected, name="ahead"), Signal.like(partial, name="wanted")
    leaves = dut.grant & followed & (ahead == 0)
    with m.If(followed):
        m.d.sync += [ahead.eq(ahead - dut.grant), followed.eq(~leaves)]
        with m.If(at_work & begins):
            m.d.sync += at_work.eq(0)
        with m.Elif(at_work & dut.issue):
            m.d.sync += [wanted.eq(partial_now), at_work.eq(~dut.tail)]
    with m.Elif(begins & s.choice()):
        m.d.sync += [followed.eq(1), at_work.eq(~dut.tail), ahead.eq(uncollected - dut.grant), wanted.eq(partial_now)]

    granted, due, value = dut.grant, leaves, wanted
    delays = []
    for _ in range(grant_to_sums(layout)):
        granted, due, value = s.before(granted), s.before(due), s.before(value)
        delays.append((granted, due, value))
    s.always("a row's sum", ~due | (dut.sums.as_signed() == value))
    # A reset does not clear them, but nothing is granted while it lasts, and the next cycle gives 0.
    s.always("nothing without a grant", granted | (dut.sums == 0) | ~s.before(1))
    # With the next row's first product, or a cycle behind the tile's last; a product comes a cycle after its weight.
    tile_ended = s.before(dut.issue & dut.tail)
    by_next, by_end = s.before(begins & row), s.before(tile_ended)
    s.always("announced once, when it is complete", dut.pushed == s.before(by_next | by_end))
    push, stored = s.inner("push"), Signal.like(uncollected, name="stored")
    m.d.sync += stored.eq(stored + push - dut.grant)
    s.always("the queue has room", ~push | (stored < ROWS_IN_FLIGHT))
    s.cover("a full queue", stored == ROWS_IN_FLIGHT)
    s.cover(
        "the followed one leaves behind others",
        s.before(dut.grant & (ahead == 2)) & dut.grant & (ahead == 1) & followed,
    )

    # What makes these inductive: the products on their way, and where the rows are that have not left.
    issue, first, tail, ended, is_open = (s.inner(name) for name in ("issue", "first", "tail", "ended", "is_open"))
    s.always("flags", (issue == s.before(dut.issue)) & (first == s.before(dut.first)) & (tail == s.before(dut.tail)))
    s.always("ended", tile_ended == (issue & tail))
    s.always("complete", (ended == by_end) & (is_open | ~ended) & (by_next == (issue & first & is_open & ~ended)))
    s.always("row", row == Mux(issue, ~tail, is_open & ~ended))
    s.always("a row opens", ~issue | first | (is_open & ~ended))
    a, b, registered = (s.inner(name, "multiplier0") for name in ("a", "b", "registered"))
    product_before, partial_before = s.before(product), s.before(partial)
    s.always("operands", (~awake | ((a == operand) & (b == weight))) & (~operand[8] | operand[7]))
    s.always("product", ~issue | (registered == product_before))
    acc, total = s.inner("acc"), s.inner("total")
    s.always(
        "reference",
        partial == Mux(issue, with_product(Mux(first, start, partial_before), product_before), partial_before),
    )
    if with_maximum:
        s.always(
            "no maximum is beyond the products",
            ~maximum | (partial_before == partial_before[: 8 + layout.config.weight_bits].as_signed()),
        )
    s.always("acc", Mux(issue & first, acc == start, ~is_open | (acc == partial_before)))
    s.always("total", ~is_open | (total == partial_before))

    s.always("rows", uncollected == stored + is_open + (issue & first))
    s.always("announced", announced + dut.pushed == stored)
    head, tail_number = s.inner("head"), s.inner("tail_number")
    s.always("pointers", (tail_number - head)[: len(head)] == stored[: len(head)])
    s.always("no sum is read as it is written", ~(dut.grant & push & (head == tail_number)))
    s.always("at work", ~at_work | (followed & row & (ahead + 1 == uncollected) & (wanted == partial)))
    s.always("followed", ~followed | (ahead < uncollected))
    is_pushed = (ahead == stored) & (ended | (issue & first & is_open))
    s.always(
        "followed goes on",
        ~followed | at_work | (ahead < stored) | is_pushed | (issue & tail & (ahead + 1 == uncollected)),
    )
    s.always("followed on its way", ~followed | (ahead < stored) | (wanted == Mux(is_pushed, partial_before, partial)))
    memory = s.inner("memory", "queue") if layout.config.block_queue else s.inner("queue")
    s.always(
        "followed lies",
        ~followed | (ahead >= stored) | (s.word(memory, (head + ahead)[: len(head)]).as_signed() == wanted),
    )
    if layout.config.block_queue:
        granted, due, value = delays[0]
        s.always("read", s.inner("read") == granted)
        s.always("followed is read", ~due | granted & (s.inner("block").read_data.as_signed() == value))
    return s.model()


@pytest.mark.parametrize("options", [{}, {"maximum": True}, {"block_queue": True}], ids=["plain", "maximum", "block"])
def test_proof(options: dict[str, Any]) -> None:
    model = spec(**options)
    assert model.unproved(k=1) is None
    assert not model.uncovered(depth=22)


@pytest.mark.parametrize(
    "fault, old, new, options",
    [
        ("a row's sum", "acc.eq(result), total.eq(result)", "acc.eq(result), total.eq(acc)", {}),
        ("a row's sum", "coming.eq(self.issue & self.first)", "coming.eq(self.first)", {}),
        ("a row's sum", "tail_number + push", "tail_number + self.pushed", {}),
        ("a row's sum", "head + self.grant", "head + self.pushed", {}),
        ("a row's sum", "Mux(raised[-1], product, acc)", "Mux(raised[-1], acc, product)", {"maximum": True}),
        ("a row's sum", "LEAST, 0) if", "0, 0) if", {"maximum": True}),
        ("nothing without a grant", "Mux(self.grant, read_port.data, 0)", "read_port.data", {}),
        ("nothing without a grant", "read.eq(self.grant)", "read.eq(1)", {"block_queue": True}),
        ("announced once, when it is complete", "issue & first & is_open", "issue & first", {}),
        ("announced once, when it is complete", "ended.eq(issue & tail)", "ended.eq(tail)", {}),
        ("the queue has room", "(is_open & ~ended)", "is_open", {}),
    ],
)
def test_a_fault_is_found(fault: str, old: str, new: str, options: dict[str, Any]) -> None:
    model = spec(mutant(sums, old, new), weights=False, **options)
    assert model.unproved(k=1) is not None
    assert model.refuted(fault, depth=10) or model.refuted(fault, depth=22)
