"""The check of what is loaded takes both halves of each part once, in order, and starts anew when it is told to."""

from __future__ import annotations

from types import ModuleType

import pytest
from amaranth.hdl import Cat, Mux
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from tests.formal.prove import Model, Spec, mutant

from zeroskip_hw.control import load_check


def spec(module: ModuleType = load_check) -> Model:
    """The reference is given whole parts and keeps them. One step of the CRC is Amaranth's on both sides: that it is zlib's is tested in
    ``tests/hw/control/test_load_check.py``, and no proof here, because the solver is slow with sums modulo 2.
    """
    dut = module.LoadCheck()
    s = Spec(dut)
    second, part, restart = s.before(dut.commit), s.before(dut.part), s.before(dut.restart)
    restart_now = s.before(restart)
    s.assume("a part stays", ~second | (~dut.commit & (dut.part == part)))
    s.assume("no part right behind a restart", ~dut.commit | ~(restart | restart_now))

    s.m.submodules.reference = reference = CRC32_ISO_HDLC(data_width=16).create()
    s.m.d.comb += [
        reference.start.eq(restart_now), reference.valid.eq(dut.commit | second),
        reference.data.eq(Mux(second, part[16:], dut.part[:16])),
    ]  # fmt: skip
    s.always("crc", dut.crc == reference.crc)
    s.always("no parts give 0", ~s.before(restart_now) | (dut.crc == 0))
    s.always("good", dut.good == s.before(dut.crc == dut.expected))
    s.cover("good behind a restart", dut.good & dut.crc.any() & s.before(second & (dut.part == 1)))

    s.always("second half", s.inner("upper") == second)
    s.always("restarts on their way", (s.inner("restart") == Cat(restart, restart_now)) & ~(second & restart_now))
    return s.model()


def test_proof() -> None:
    model = spec()
    assert model.unproved(k=1) is None
    assert not model.uncovered(depth=8)


@pytest.mark.parametrize(
    "fault, old, new",
    [
        ("crc", "self.part.word_select(upper, HALF)", "self.part.word_select(~upper, HALF)"),
        ("crc", "self.commit | upper", "self.commit"),
        ("crc", "processor.start.eq(restart[1])", "processor.start.eq(restart[0])"),
        ("no parts give 0", "processor.start.eq(restart[1])", "processor.start.eq(0)"),
        ("good", "self.crc == self.expected", "self.crc[:31] == self.expected[:31]"),
    ],
)
def test_a_fault_is_found(fault: str, old: str, new: str) -> None:
    model = spec(mutant(load_check, old, new))
    assert model.unproved(k=1) is not None
    assert model.refuted(fault, depth=5) is not None
