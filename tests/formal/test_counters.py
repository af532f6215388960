"""The counters of latency and interval equal differences of the times at which events happened."""

from __future__ import annotations

from types import ModuleType

import pytest
from amaranth.hdl import Mux, Signal
from tests.formal.prove import Model
from tests.formal.spec import Spec, mutant

from zeroskip_hw.control import counters


def spec(module: ModuleType = counters) -> Model:
    """The reference has one clock, and notes what it shows at each event; times are modulo 2**32."""
    dut = module.Counters()
    s = Spec(dut)
    now, began, end, latest, before = (Signal(32, name=name) for name in ("now", "began", "end", "latest", "before"))
    groups, has_begun, accepted = Signal(32), Signal(), Signal()
    # What the array keeps to; and that fewer than 2**32 groups are sent.
    s.assume("a sample is accepted when it has begun", ~dut.accepted | has_begun)
    s.assume("a group ends when a sample was accepted", ~dut.last | accepted)
    s.assume("groups can be counted", ~dut.last | ~groups.all())

    s.m.d.sync += [now.eq(now + 1), accepted.eq(accepted | dut.accepted)]
    with s.m.If(dut.first & ~accepted):
        s.m.d.sync += [began.eq(now), has_begun.eq(1)]
    with s.m.If(dut.last):
        s.m.d.sync += [latest.eq(now), before.eq(latest), groups.eq(groups + 1)]
        with s.m.If(groups == 0):
            s.m.d.sync += end.eq(now)

    s.always("groups", (dut.groups == groups) & (s.inner("again") == groups.any()))
    s.always("latency", (groups == 0) | (dut.latency == (end - began)[:32]))
    s.always("latency so far", (groups != 0) | (dut.latency == Mux(has_begun, (now - began)[:32], 0)))
    s.always("interval", dut.interval == Mux(groups > 1, (latest - before)[:32], 0))
    s.cover("three groups", (groups == 3) & (dut.interval == 2) & (dut.latency == 4))

    s.always("since the latest", (groups == 0) | (s.inner("since_last") == (now - latest)[:32]))
    s.always("timing", s.inner("timing") == (has_begun & (groups == 0)))
    s.always("settled", s.inner("settled") == accepted)
    s.always("order", (has_begun | ~accepted) & (accepted | (groups == 0)))
    return s.model()


def test_proof() -> None:
    model = spec()
    assert model.unproved(k=1) is None
    assert not model.uncovered(depth=12)


@pytest.mark.parametrize(
    "fault, old, new",
    [
        ("groups", "self.groups.eq(self.groups + 1)", "self.groups.eq(self.groups + self.accepted)"),
        ("latency", "self.first & ~settled", "self.first"),
        ("latency", "timing & ~self.last", "timing"),
        ("latency so far", "self.latency.eq(1)", "self.latency.eq(0)"),
        ("interval", "since_last.eq(1)", "since_last.eq(0)"),
        ("interval", "m.If(again)", "m.If(1)"),
    ],
)
def test_a_fault_is_found(fault: str, old: str, new: str) -> None:
    model = spec(mutant(counters, old, new))
    assert model.unproved(k=1) is not None
    assert model.refuted(fault, depth=8) is not None
