"""Where a lane waits: for its layer, and for room among its results."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.wiring import Component, In, Out

from zeroskip.contracts.timing import ROWS_IN_FLIGHT

from .pick import token


class Gate(Component):
    """Tells the pipeline whether it moves. What stands at its end passes when it does, and is issued.

    A layer's first waits for ``start``; a row's first while ``ROWS_IN_FLIGHT`` rows of the lane are uncollected. ``advance`` is a register,
    decided one cycle before from what will then stand at the end: it drives the whole pipeline and must not begin with gates. The count is
    old by one cycle, so a row waits from one row less on. Nothing valid stands right behind a layer's last token: the choice of bits waits
    there for the next layer's constants.

    Members
    -------
    source : In(token), first : In(1), ahead_valid, ahead_first : In(1)
        At the end of the pipeline, and what comes next.
    start : In(1), collected : In(1)
        A layer begins; one row's result left the lane.
    advance : Out(1)
    issue, issue_first, issue_tail, issue_last : Out(1)
        A weight passes; it is its row's first, the lane's last in the tile, in the layer.
    closed : Out(1)
        All of the layer has passed, and the next has not begun.
    """

    def __init__(self) -> None:
        super().__init__({
            "source": In(token()), "first": In(1), "ahead_valid": In(1), "ahead_first": In(1),
            "start": In(1), "collected": In(1), "advance": Out(1),
            "issue": Out(1), "issue_first": Out(1), "issue_tail": Out(1), "issue_last": Out(1), "closed": Out(1),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        in_flight = Signal(range(ROWS_IN_FLIGHT + 1))
        nearly_full = Signal()
        passes = Signal()
        closed = Signal(init=1)
        valid, first = (
            Mux(self.advance, self.ahead_valid, self.source.valid),
            Mux(self.advance, self.ahead_first, self.first),
        )
        m.d.comb += [
            nearly_full.eq(in_flight >= ROWS_IN_FLIGHT - 1), passes.eq(self.advance & self.source.valid),
            self.issue.eq(passes & self.source.weight), self.issue_first.eq(self.first),
            self.issue_tail.eq(self.source.tile_end), self.issue_last.eq(self.source.layer_end), self.closed.eq(closed),
        ]  # fmt: skip
        m.d.sync += [
            self.advance.eq(~valid | (~closed & ~(first & nearly_full))),
            in_flight.eq(in_flight + (self.issue & self.first) - self.collected),
        ]  # fmt: skip
        with m.If(passes & self.source.layer_end):
            m.d.sync += closed.eq(1)
        with m.If(self.start):
            m.d.sync += closed.eq(0)
        return m
