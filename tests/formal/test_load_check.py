"""The check of what is loaded takes both halves of each part once, in order, and starts anew when it is told to."""

from __future__ import annotations

from types import ModuleType

import pytest
from amaranth.hdl import Cat, Mux
from tests.formal.prove import Model
from tests.formal.spec import Spec, mutant

from zeroskip_hw.control import load_check


def spec(module: ModuleType = load_check) -> Model:
    """Holds the check against what its processor must be given, and when. That the processor, which is Amaranth's, computes zlib's CRC is
    tested in ``tests/hw/control/test_load_check.py``: solvers are slow with sums modulo 2.
    """
    dut = module.LoadCheck()
    s = Spec(dut)
    second, part, restart = s.before(dut.commit), s.before(dut.part), s.before(dut.restart)
    restart_now = s.before(restart)
    s.assume("a part stays", ~second | (~dut.commit & (dut.part == part)))
    s.assume("no part right behind a restart", ~dut.commit | ~(restart | restart_now))

    processor = s.inner("processor")
    s.always("each half once", processor.valid == (dut.commit | second))
    s.always("in order", ~processor.valid | (processor.data == Mux(second, part[16:], dut.part[:16])))
    s.always("starts anew", processor.start == restart_now)
    s.always("no part is cut", ~(processor.start & processor.valid))
    s.always("crc", dut.crc == processor.crc)
    s.always("no parts give 0", ~s.before(restart_now & ~dut.commit) | (dut.crc == 0))
    s.always("good", dut.good == s.before(dut.crc == dut.expected))
    s.cover("good behind a restart", dut.good & dut.crc.any() & s.before(second & (dut.part == 1)))

    s.always("second half", s.inner("upper") == second)
    s.always("restarts on their way", (s.inner("restart") == Cat(restart, restart_now)) & ~(second & restart_now))
    return s.model()


def test_proof() -> None:
    model = spec()
    assert model.unproved(k=1) is None
    assert not model.uncovered(depth=6)


@pytest.mark.parametrize(
    "fault, old, new",
    [
        ("in order", "self.part.word_select(upper, HALF)", "self.part.word_select(~upper, HALF)"),
        ("each half once", "self.commit | upper", "self.commit"),
        ("starts anew", "processor.start.eq(restart[1])", "processor.start.eq(restart[0])"),
        ("crc", "self.crc.eq(processor.crc)", "self.crc.eq(processor.crc[::-1])"),
        ("no parts give 0", "processor.start.eq(restart[1])", "processor.start.eq(0)"),
        ("good", "self.crc == self.expected", "self.crc[:31] == self.expected[:31]"),
    ],
)
def test_a_fault_is_found(fault: str, old: str, new: str) -> None:
    model = spec(mutant(load_check, old, new))
    assert model.unproved(k=1) is not None
    assert model.refuted(fault, depth=5) is not None
