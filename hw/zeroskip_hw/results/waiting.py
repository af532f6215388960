"""How many sums of one lane wait for their row."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import Component, In, Out

from zeroskip.contracts.timing import ROWS_IN_FLIGHT


class Waiting(Component):
    """Counts a lane's sums from the cycle in which they are pushed to that in which they are taken.

    Members
    -------
    pushed : In(1), taken : In(1)
        One sum more; one less.
    some : Out(1)
        There is one; a register.
    """

    def __init__(self) -> None:
        super().__init__({"pushed": In(1), "taken": In(1), "some": Out(1)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        count = Signal(range(ROWS_IN_FLIGHT + 1))
        after = Signal(range(ROWS_IN_FLIGHT + 1))
        more = Signal()
        m.d.comb += [after.eq(count + self.pushed - self.taken), more.eq(count[1:].any())]
        m.d.sync += [count.eq(after), self.some.eq(self.pushed | more | (self.some & ~self.taken))]
        return m
