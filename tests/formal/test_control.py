"""The AXI4-Lite slave: one stable answer per request, and nothing is written, cleared or started but by a request that is answered OKAY."""

from __future__ import annotations

from functools import reduce
from operator import or_
from types import ModuleType
from typing import Any

import pytest
from amaranth.hdl import Cat, Const, Mux, ResetSignal, Signal, Value
from tests.formal.prove import Model
from tests.formal.spec import Spec, mutant
from tests.hw.bench import FULL, PLAIN, layout_of

from zeroskip.contracts import registers as reg
from zeroskip.contracts.layout import Layout
from zeroskip_hw.control import registers

OKAY, SLVERR = 0, 2
MOST_WAIT = 4
"""Cycles that a whole write waits for its answer when that before it is gone: one, and three more for a start."""


def may_be_written(layout: Layout, address: Value, run: Value) -> Value:
    """Whether a write there is answered OKAY, as the reference manual says it."""
    window, offset = address >> layout.window_bits, address[2 : layout.window_bits]
    kept = (reg.CONTROL, reg.ERROR, reg.WATCHDOG, reg.LAYER_LIMIT, reg.EXPECTED_CRC)
    memories = ((window == memory.window) & (offset < memory.depth * memory.stride // 4) for memory in layout.memories)
    return reduce(or_, ((window == 0) & (offset == place >> 2) for place in kept)) | (~run & reduce(or_, memories))


def spec(module: ModuleType = registers, **features: Any) -> Model:
    """Nothing is assumed of the master: it may withdraw what it offers, and change it. AUTOSTART alone is constant."""
    layout = layout_of(**features)
    dut = module.Control(layout)
    s = Spec(dut)
    m = s.m
    s.assume("constant", dut.autostart == s.constant(1, "autostart"))

    # Requests that have been taken and whose answer has not: at most one at work and one behind it.
    addresses, parts, asked = Signal(2, name="addresses"), Signal(2, name="parts"), Signal(2, name="asked")
    answered, told = dut.bvalid & dut.bready, dut.rvalid & dut.rready
    new_address, new_part = dut.awvalid & dut.awready, dut.wvalid & dut.wready
    waited, waited_read = Signal(3), Signal(2)
    whole = (addresses != 0) & (parts != 0)
    m.d.sync += [
        addresses.eq(addresses + new_address - answered), parts.eq(parts + new_part - answered),
        asked.eq(asked + (dut.arvalid & dut.arready) - told),
        waited.eq(Mux(whole & ~dut.bvalid, waited + 1, 0)), waited_read.eq(Mux((asked != 0) & ~dut.rvalid, waited_read + 1, 0)),
    ]  # fmt: skip
    wait_write, wait_read = s.before(dut.bvalid & ~dut.bready), s.before(dut.rvalid & ~dut.rready)
    s.always("write answer is stable", ~wait_write | (dut.bvalid & (dut.bresp == s.before(dut.bresp))))
    s.always("read answer is stable", ~wait_read | (
        dut.rvalid & (dut.rdata == s.before(dut.rdata)) & (dut.rresp == s.before(dut.rresp))
    ))  # fmt: skip
    s.always("write answer has a request", ~dut.bvalid | whole)
    s.always("read answer has a request", ~dut.rvalid | (asked != 0))
    s.always("write is answered", ~whole | dut.bvalid | (waited < MOST_WAIT))
    s.always("read is answered", (asked == 0) | dut.rvalid | (waited_read < 1))
    s.always("no more is taken than is held", (addresses < 3) & (parts < 3) & (asked < 3))

    # The request whose answer is due, and the one behind it.
    def queue(count: Signal, taken: Value, value: Value, name: str) -> tuple[Signal, Signal]:
        due, behind = Signal.like(value, name=f"due_{name}"), Signal.like(value, name=f"behind_{name}")
        with m.If(answered):
            m.d.sync += due.eq(behind)
        with m.If(taken):
            m.d.sync += behind.eq(value)
            with m.If(count == Mux(answered, 1, 0)):
                m.d.sync += due.eq(value)
        return due, behind

    address, next_address = queue(addresses, new_address, dut.awaddr, "address")
    part, next_part = queue(parts, new_part, dut.wdata, "part")
    strobes, next_strobes = queue(parts, new_part, dut.wstrb, "strobes")
    run_before = s.before(dut.run)
    fresh_answer = dut.bvalid & ~wait_write
    okay = fresh_answer & (dut.bresp == OKAY)
    rises, autostarts = dut.run & ~run_before, dut.autostart & ~s.before(s.inner("awake"))

    def writes(place: int) -> Value:
        return okay & (address >> 2 == place >> 2)

    s.always("answer", ~fresh_answer | (
        dut.bresp == Mux(strobes.all() & may_be_written(layout, address, run_before), OKAY, SLVERR)
    ))  # fmt: skip
    errors, values, check = s.inner("errors"), s.inner("values"), s.inner("check")
    for place, register in values.items():
        s.always(
            f"{register.name} is what was written", Mux(writes(place), register == part, register == s.before(register))
        )
    s.always("errors are cleared on request", (s.before(errors) & ~errors & ~Mux(writes(reg.ERROR), part, 0)) == 0)
    s.always(
        "run changes on request", (dut.run == run_before) | autostarts | (writes(reg.CONTROL) & (part[0] == dut.run))
    )
    s.always("run rises with the right CRC", ~rises | autostarts | (check.crc == values[reg.EXPECTED_CRC]))
    s.always("run rises behind the last part", ~rises | (
        (check.crc == s.before(check.crc)) & ~s.inner("upper", "load_check") & ~dut.load.commit
    ))  # fmt: skip
    s.always("a refused start is told", ~(writes(reg.CONTROL) & part[0] & ~dut.run) | errors[5])
    s.always("no word is written while it runs", ~(dut.load.commit & dut.run))
    s.always("no word is written as it starts", ~(s.before(dut.load.commit) & rises))
    s.always("a word is written on request", ~dut.load.commit | s.before(okay & (address >> layout.window_bits != 0)))
    request = Signal(len(address) + 32)
    m.d.sync += [request[: len(address)].eq(address), request[len(address) :].eq(part)]
    s.always("the word is the request's", ~dut.load.commit | (
        (dut.load.window == request[: len(address)] >> layout.window_bits)
        & (dut.load.offset == request[2 : layout.window_bits]) & (dut.load.data[:32] == request[len(address) :])
    ))  # fmt: skip
    given = s.before(dut.load.data)
    s.always("what is refused is no part of a word", ResetSignal() | (
        dut.load.data == Mux(dut.load.commit, Cat(request[len(address) :], given)[: len(given)], given)
    ))  # fmt: skip
    has_written = Signal()
    m.d.sync += has_written.eq(has_written | dut.load.commit)
    s.always("the CRC starts anew on request", ~s.before(check.restart) | writes(reg.EXPECTED_CRC))

    s.cover("a start", rises & ~autostarts)
    s.cover(
        "a start that is refused behind a word",
        okay & errors[5] & (check.crc != values[reg.EXPECTED_CRC]) & has_written,
    )
    s.cover("two requests at once", (addresses == 2) & (parts == 2) & dut.bvalid)
    s.cover("refused while it runs", fresh_answer & (dut.bresp == SLVERR) & strobes.all() & dut.run & errors[2])

    # What makes these inductive: where the requests lie, and what is on its way behind an answer.
    starting, addressed, filled = (s.inner(f"_write.{name}") for name in ("starting", "addressed", "filled"))
    committed, loaded, awake = s.inner("_write.committed"), s.inner("_write.loaded"), s.inner("awake")
    upper, restart = s.inner("upper", "load_check"), s.inner("restart", "load_check")
    at_work = dut.bvalid | starting.any()
    s.always("addresses", addresses == addressed + at_work)
    s.always("parts", parts == filled + at_work)
    s.always("reads", asked == s.inner("_read.asked") + dut.rvalid)
    s.always("one at work", ~(dut.bvalid & starting.any()) & ((starting & (starting - 1)) == 0))
    s.always("decided at once", ~(addressed & filled) | at_work | (waited == 0))
    for cycle in range(3):
        s.always(f"waits for the start {cycle}", ~starting[cycle] | (waited == cycle + 1))
    s.always("read at once", ~s.inner("_read.asked") | dut.rvalid | (waited_read == 0))

    def at(place: Value) -> Value:
        return (s.inner("_write.window") == place >> layout.window_bits) & (
            s.inner("_write.offset") == place[2 : layout.window_bits]
        )

    s.always("address is held", ~addressed | at(Mux(addresses == 1, address, next_address)))
    kept = (reg.CONTROL, reg.ERROR, *values)
    s.always(
        "a register is known", ~addressed | (s.inner("_write.hits") == Cat(*(at(Const(p, len(address))) for p in kept)))
    )
    limits = [(memory.window, memory.depth * memory.stride // 4) for memory in layout.memories]
    inside = ((s.inner("_write.window") == window) & (s.inner("_write.offset") < limit) for window, limit in limits)
    s.always("what is behind is known", ~addressed | (s.inner("_write.beyond") == ~reduce(or_, inside)))
    s.always("part is held", ~filled | (
        (s.inner("_write.data") == Mux(parts == 1, part, next_part))
        & (s.inner("_write.whole") == Mux(parts == 1, strobes, next_strobes).all())
    ))  # fmt: skip
    s.always("a start is at work", ~starting.any() | (
        (address >> 2 == reg.CONTROL >> 2) & part[0] & strobes.all() & ~dut.run & (dut.bresp == OKAY)
        & ~loaded & ~committed & ~(upper & (starting[1] | starting[2])) & (restart == 0)
    ))  # fmt: skip
    s.always("the check knows", ~starting[2] | (check.good == (check.crc == values[reg.EXPECTED_CRC])))
    s.always("a word is on its way", ~committed | (
        okay & (address >> layout.window_bits != 0) & at(address) & (s.inner("_write.data") == part) & ~dut.run
    ))  # fmt: skip
    s.always("a word has come", ~loaded | (~dut.run & ~committed))
    s.always("a restart is on its way", ~restart[0] | dut.bvalid)
    idle = ~Cat(addresses, parts, asked, loaded, committed, upper, restart).any()
    s.always("asleep", awake | idle)
    return s.model()


@pytest.mark.parametrize("features", [PLAIN, FULL], ids=["plain", "full"])
def test_proof(features: dict[str, Any]) -> None:
    model = spec(**features)
    assert model.unproved(k=1) is None
    assert not model.uncovered(depth=12)


@pytest.mark.parametrize(
    "fault, old, new",
    [
        ("write answer is stable", "with m.Elif(self.bready):", "with m.Else():"),
        ("write answer is stable", "decide.eq(addressed & filled & ~self.bvalid &", "decide.eq(addressed & filled &"),
        ("read answer is stable", "with m.Elif(self.rready):", "with m.Else():"),
        ("read answer is stable", "decide.eq(asked & ~self.rvalid)", "decide.eq(asked)"),
        ("write answer has a request", "addressed.eq(0), filled.eq(0)", "addressed.eq(0)"),
        ("read answer has a request", "with m.Elif(self.rready):", "with m.Elif(self.rready & ~self.arvalid):"),
        (
            "write is answered",
            "self.run.eq(check.good), self.bvalid.eq(1)",
            "self.run.eq(check.good), self.bvalid.eq(check.good)",
        ),
        ("read is answered", "self.arready.eq(awake & ~asked)", "self.arready.eq(awake)"),
        ("no more is taken than is held", "self.awready.eq(awake & ~addressed)", "self.awready.eq(awake)"),
        ("answer", "Signal()\n        m.d.comb += answer.eq(SLVERR)", "Signal()\n        m.d.comb += answer.eq(OKAY)"),
        ("answer", "to_offset >= self._limit", "to_offset > self._limit"),
        ("answer", "whole.eq(self.wstrb.all())", "whole.eq(self.wstrb.any())"),
        ("limit is what was written", "m.d.sync += register.eq(data)", "m.d.sync += register.eq(data + self.run)"),
        (
            "watchdog is what was written",
            "m.d.comb += [answer.eq(OKAY), check.restart.eq(place == reg.EXPECTED_CRC)]\n                        m.d.sync",
            "m.d.comb += [answer.eq(OKAY), check.restart.eq(place == reg.EXPECTED_CRC)]\n                    m.d.sync",
        ),
        ("expected_crc is what was written", "m.d.sync += register.eq(data)", "m.d.sync += register.eq(self.wdata)"),
        ("errors are cleared on request", "errors & ~clear", "errors & ~clear & ~Cat(found[1:], found[0])"),
        ("run changes on request", "self.run.eq(data[0] & self.run)", "self.run.eq(0)"),
        ("run rises with the right CRC", "self.run.eq(check.good)", "self.run.eq(1)"),
        ("run rises with the right CRC", "with m.If(starting[2]):", "with m.If(starting[0]):"),
        ("run rises behind the last part", "with m.If(starting[2]):", "with m.If(starting[0]):"),
        ("a refused start is told", "found[5].eq(~check.good)", "found[5].eq(0)"),
        ("no word is written while it runs", "with m.Elif(self.run):", "with m.Elif(0):"),
        ("no word is written as it starts", "loaded.eq(committed)", "loaded.eq(committed | starting[1])"),
        ("a word is written on request", "m.d.comb += [answer.eq(OKAY), commit.eq(1)]", "m.d.comb += commit.eq(1)"),
        ("the word is the request's", "Cat(data, self.load.data)", "Cat(self.wdata, self.load.data)"),
        ("what is refused is no part of a word", "with m.If(committed):", "with m.If(decide):"),
        ("the CRC starts anew on request", "check.restart.eq(place == reg.EXPECTED_CRC)", "check.restart.eq(1)"),
    ],
)
def test_a_fault_is_found(fault: str, old: str, new: str) -> None:
    model = spec(mutant(registers, old, new))
    assert model.unproved(k=1) is not None
    assert model.refuted(fault, depth=8) or model.refuted(fault, depth=10)
