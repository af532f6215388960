"""The watchdog: it expires for a reason and only once, and never without one."""

from __future__ import annotations

from types import ModuleType

import pytest
from amaranth.hdl import Mux, Signal
from tests.formal.prove import Model
from tests.formal.spec import Spec, mutant

from zeroskip_hw.control import watchdog


def spec(module: ModuleType = watchdog, *, constant: bool) -> Model:
    """A second count of the silent cycles, one bit wider so that it cannot run over; and the limits as they were when compared.

    constant : the limit of silence stays as it is, and is not 2**32 - 1, which 32 bits never exceed. Only then is it proved that the
        watchdog does expire: a limit that is lowered when the module's own count has run over makes it late.
    """
    dut = module.Watchdog()
    s = Spec(dut)
    silent = Signal(33)
    with s.m.If(dut.progress | ~dut.working):
        s.m.d.sync += silent.eq(0)
    with s.m.Elif(~silent[-1]):
        s.m.d.sync += silent.eq(silent + 1)
    silence_limit, layer_limit, over = Signal(32), Signal(32), Signal()
    s.m.d.sync += [
        silence_limit.eq(dut.silence_limit), layer_limit.eq(dut.layer_limit),
        over.eq(Mux(dut.layer_ends, layer_limit <= 1, dut.elapsed + 1 >= layer_limit)),
    ]  # fmt: skip
    too_long = dut.running & ~dut.layer_ends & over
    reason = (silent > silence_limit) | too_long | dut.fault
    has_expired = Signal()
    s.m.d.sync += has_expired.eq(has_expired | dut.expired)

    s.always("expires for a reason", ~dut.expired | reason)
    s.always("expires once", ~(dut.expired & has_expired))
    s.always("halts from then on", dut.halt == has_expired)
    s.always("counts no more than there were", s.inner("silence") <= silent)
    s.always("knows the limit", (s.inner("nearly") == layer_limit - 1) & (s.inner("at_once") == (layer_limit <= 1)))
    s.always("compares with it", s.inner("over") == over)
    s.always("finds only silence", ~s.inner("silent") | (silent > silence_limit))
    s.cover("silence", dut.expired & ~dut.fault & ~too_long & (silence_limit == 3))
    s.cover("a layer too long", dut.expired & ~dut.fault & (silent == 0))
    if constant:
        limit = s.constant(32, "limit")
        s.assume("constant limit", (dut.silence_limit == limit) & ~limit.all())
        s.always("a reason suffices", ~reason | dut.expired | has_expired)
        s.always("knows it", (silence_limit == limit) | (silent == 0))
        s.always("finds silence", has_expired | s.inner("silent") | (silent <= silence_limit))
        s.always("counts exactly", has_expired | (s.inner("silence") == silent))
        s.always("is stopped in time", has_expired | (silent <= limit + 1))
    return s.model()


@pytest.mark.parametrize("constant", [False, True])
def test_proof(constant: bool) -> None:
    model = spec(constant=constant)
    assert model.unproved(k=1) is None
    assert not model.uncovered(depth=6)


@pytest.mark.parametrize(
    "fault, old, new",
    [
        ("expires for a reason", "silence >= self.silence_limit", "silence + 1 >= self.silence_limit"),
        ("expires for a reason", "self.progress | ~self.working", "self.progress"),
        ("expires for a reason", "self.progress | ~self.working", "~self.working"),
        ("expires for a reason", "self.running & ~self.layer_ends & over", "self.running & over"),
        ("a reason suffices", "self.elapsed >= nearly", "self.elapsed > nearly"),
        ("a reason suffices", "silence >= self.silence_limit", "silence > self.silence_limit"),
        ("expires once", "| self.fault) & ~self.halt", "| self.fault)"),
        ("halts from then on", "self.halt.eq(1)", "self.halt.eq(self.fault)"),
    ],
)
def test_a_fault_is_found(fault: str, old: str, new: str) -> None:
    model = spec(mutant(watchdog, old, new), constant=True)
    assert model.unproved(k=1) is not None
    assert model.refuted(fault, depth=5) is not None
