"""The FIFO: everything written comes out, once, in order, and the flags are exact."""

from __future__ import annotations

from types import ModuleType

import pytest
from amaranth.hdl import Signal
from tests.formal.prove import Model
from tests.formal.spec import Spec, mutant

from zeroskip_hw.primitives import fifo


def spec(module: ModuleType = fifo, *, width: int = 9, depth: int) -> Model:
    """A count of words says what the flags must be. One word, any that is written, is followed on its way through the queue: it comes out
    when all that came before it have been taken, and as it was written. So nothing is lost, given twice, or overtaken.
    """
    dut = module.Fifo(width=width, depth=depth)
    s = Spec(dut)
    s.assume("no write to a full one", ~(dut.write & dut.full))
    s.assume("no word taken from an empty one", ~(dut.take & ~dut.valid))

    count, followed, ahead, wanted = Signal(range(depth + 1)), Signal(), Signal(range(depth)), Signal(width)
    s.m.d.sync += count.eq(count + dut.write - dut.take)
    s.always("valid", dut.valid == (count != 0))
    s.always("full", dut.full == (count == depth))
    with s.m.If(followed):
        s.m.d.sync += [ahead.eq(ahead - dut.take), followed.eq(~(dut.take & (ahead == 0)))]
    with s.m.Elif(dut.write & s.choice()):
        s.m.d.sync += [followed.eq(1), ahead.eq(count - dut.take), wanted.eq(dut.write_data)]
    s.always("data", ~followed | (ahead != 0) | (dut.data == wanted))
    if depth <= 16:
        s.cover("the last of a full queue", followed & (ahead == depth - 1))
    s.cover("a followed word comes out behind others", s.before(followed & (ahead == 1) & dut.take) & dut.take)

    # What makes these inductive: where the words lie.
    head, tail = s.inner("head"), s.inner("tail")
    for name, pointer in (("head", head), ("tail", tail)):
        s.always(f"successor of {name}", s.inner(f"{name}_next") == (pointer + 1)[: len(pointer)])
    s.always("count", count <= depth)
    s.always("pointers", (tail - head)[: len(head)] == count[: len(head)])
    s.always("followed is held", ~followed | (ahead < count))
    s.always("followed lies", ~followed | (s.word(s.inner("memory"), (head + ahead)[: len(head)]) == wanted))
    return s.model()


@pytest.mark.parametrize("depth", [2, 16, 64])
def test_proof(depth: int) -> None:
    model = spec(depth=depth)
    assert model.unproved(k=1) is None
    assert not model.uncovered(depth=min(depth, 16) + 2)


@pytest.mark.parametrize(
    "fault, old, new",
    [
        ("valid", "self.write | (self.valid &", "(self.valid &"),
        ("valid", "head_next == tail", "head_next == tail_next"),
        ("full", "~self.take & (self.full |", "(self.full |"),
        ("full", "tail_next == head)", "tail == head)"),
        ("data", "write.addr.eq(tail)", "write.addr.eq(tail_next)"),
        ("data", "head_next.eq(head_next + 1)", "head_next.eq(head_next + 2)"),
        ("data", "write.en.eq(self.write)", "write.en.eq(self.write & ~self.take)"),
    ],
)
def test_a_fault_is_found(fault: str, old: str, new: str) -> None:
    model = spec(mutant(fifo, old, new), depth=4)
    assert model.unproved(k=1) is not None
    assert model.refuted(fault, depth=8) is not None
