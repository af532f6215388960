"""The gate: what stands at it passes once or waits, nothing passes without its layer, and no more rows than the lane has room for."""

from __future__ import annotations

from types import ModuleType

import pytest
from amaranth.hdl import Cat, Mux, Signal, Value
from tests.formal.prove import Model
from tests.formal.spec import Spec, mutant

from zeroskip.contracts.timing import ROWS_IN_FLIGHT
from zeroskip_hw.lane import gate, pick
from zeroskip_hw.lane.pick import token


def spec(module: ModuleType = gate, stages: ModuleType = pick) -> Model:
    """The stage at the gate is the pipeline's last one, and moves as all of them do; what comes to it is free.

    A token leaves that stage with ``advance`` and not otherwise. So it is lost if it is not issued then, and given twice if it is issued in
    another cycle: both are said of every cycle.
    stages : the module that has the pipeline's stage
    """
    dut = module.Gate()
    s = Spec(dut)
    m = s.m
    coming, here = token().create(path=("coming",)), token().create(path=("here",))
    coming_first, here_first = s.choice(name="coming_first"), Signal(name="here_first")
    m.d.comb += _bits(coming).eq(s.choice(len(_bits(coming)), "coming"))
    stages.passed_on(m, dut.advance, coming, here)
    with m.If(dut.advance):
        m.d.sync += here_first.eq(coming_first)
    s.assume("the stage at the gate", (_bits(dut.source) == _bits(here)) & (dut.first == here_first))
    s.assume("the stage before it", (dut.ahead_valid == coming.valid) & (dut.ahead_first == coming_first))
    # Bits are not chosen behind a layer's end until all lanes have closed.
    s.assume("nothing comes right behind a layer's end", ~(dut.advance & here.valid & here.layer_end & coming.valid))

    is_open, uncollected = Signal(name="is_open"), Signal(range(ROWS_IN_FLIGHT + 2), name="uncollected")
    # A layer starts when all results of the one before are written.
    s.assume("a layer starts behind the end of the one before", ~(dut.start & is_open))
    # The merge takes no sum that was not pushed, and only a row that was issued has one.
    s.assume("only what was issued is collected", ~dut.collected | (uncollected != 0))
    passes, begins = dut.advance & here.valid, dut.issue & dut.issue_first
    m.d.sync += [
        is_open.eq((is_open & ~(passes & here.layer_end)) | dut.start),
        uncollected.eq(uncollected + begins - dut.collected),
    ]

    s.always("issued as it passes", dut.issue == (passes & here.weight))
    s.always(
        "issued as what it is",
        Cat(dut.issue_first, dut.issue_tail, dut.issue_last) == Cat(here_first, here.tile_end, here.layer_end),
    )
    s.always("what waits is stable", ~s.before(here.valid & ~dut.advance) | (_bits(here) == s.before(_bits(here))))
    s.always("nothing passes without its layer", ~passes | is_open)
    s.always("closed", dut.closed == ~is_open)
    s.always("there is room", uncollected <= ROWS_IN_FLIGHT)
    # Known a cycle before: which layer is open, and how many rows there are, one of which may just pass.
    first, crowded = Mux(dut.advance, coming_first, here_first), uncollected >= ROWS_IN_FLIGHT - 1
    s.always("waits for a reason", dut.advance | ~s.before(1) | (here.valid & s.before(~is_open | (first & crowded))))
    s.cover("as many rows as there is room for", uncollected == ROWS_IN_FLIGHT)
    s.cover(
        "a row waits for its layer",
        s.before(here.valid & here_first & ~dut.advance & dut.start) & here.valid & ~dut.advance,
    )

    # What makes these inductive: on what grounds it was decided.
    s.always("rows", s.inner("in_flight") == uncollected)
    s.always("room for what passes", ~(passes & here_first) | (uncollected < ROWS_IN_FLIGHT))
    return s.model()


def _bits(of: object) -> Value:
    return Cat(*(getattr(of, name) for name in token().members))


def test_proof() -> None:
    model = spec()
    assert model.unproved(k=1) is None
    assert not model.uncovered(depth=20)


@pytest.mark.parametrize(
    "fault, old, new",
    [
        ("issued as it passes", "passes.eq(self.advance & self.source.valid)", "passes.eq(self.source.valid)"),
        ("issued as it passes", "self.issue.eq(passes & self.source.weight)", "self.issue.eq(passes)"),
        (
            "issued as what it is",
            "self.issue_tail.eq(self.source.tile_end)",
            "self.issue_tail.eq(self.source.layer_end)",
        ),
        ("nothing passes without its layer", "~closed & ~(first & nearly_full)", "~(first & nearly_full)"),
        ("nothing passes without its layer", "Signal(init=1)", "Signal()"),
        (
            "nothing passes without its layer",
            "Mux(self.advance, self.ahead_valid, self.source.valid)",
            "self.source.valid",
        ),
        ("closed", "passes & self.source.layer_end", "passes & self.source.tile_end"),
        ("there is room", "in_flight >= ROWS_IN_FLIGHT - 1", "in_flight >= ROWS_IN_FLIGHT"),
        ("there is room", "Mux(self.advance, self.ahead_first, self.first)", "self.first"),
        ("there is room", "(self.issue & self.first)", "(self.issue & self.first & ~self.collected)"),
        ("waits for a reason", "first & nearly_full", "nearly_full"),
        ("waits for a reason", "self.advance.eq(~valid | ", "self.advance.eq("),
    ],
)
def test_a_fault_is_found(fault: str, old: str, new: str) -> None:
    model = spec(mutant(gate, old, new))
    assert model.unproved(k=1) is not None
    assert model.refuted(fault, depth=24) is not None


def test_a_fault_of_the_stage_is_found() -> None:
    model = spec(
        stages=mutant(pick, "    with m.If(advance):\n        m.d.sync += [getattr", "    m.d.sync += [getattr")
    )
    assert model.unproved(k=1) is not None
    assert model.refuted("what waits is stable", depth=8) is not None
