"""Latency and interval as a user would time them, between the two streams."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import Component, In, Out


class Counters(Component):
    """Counts clock cycles modulo 2**32.

    Members
    -------
    first : In(1)
        A group's first input beat is taken; again, where the sample was dropped.
    accepted : In(1)
        A sample is complete and stays.
    last : In(1)
        A group's last output beat is given.
    latency : Out(32)
        From ``first`` to ``last`` of the first group since reset, which waits for no other: from the ``first`` that the first ``accepted``
        follows. Counts up until ``last``.
    interval : Out(32)
        Between the latest two ``last``; 0 before the second.
    groups : Out(32)
        Number of ``last``.
    """

    def __init__(self) -> None:
        super().__init__({
            "first": In(1), "accepted": In(1), "last": In(1), "latency": Out(32), "interval": Out(32), "groups": Out(32),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        # Until a sample is accepted, each beginning may be that of a dropped one, and time starts anew with the next.
        settled = Signal()
        timing = Signal()
        again = Signal()
        since_last = Signal(32)
        with m.If(self.accepted):
            m.d.sync += settled.eq(1)
        with m.If(self.first & ~settled):
            m.d.sync += [timing.eq(1), self.latency.eq(1)]
        with m.Elif(timing & ~self.last):
            m.d.sync += self.latency.eq(self.latency + 1)
        m.d.sync += since_last.eq(since_last + 1)
        with m.If(self.last):
            m.d.sync += [timing.eq(0), again.eq(1), since_last.eq(1), self.groups.eq(self.groups + 1)]
            with m.If(again):
                m.d.sync += self.interval.eq(since_last)
        return m
