"""Sends a layer's constants to all lanes at once."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import Component, In, Out

from zeroskip.contracts.layout import PART, Layout
from zeroskip_hw.primitives.load import LoadableRam, load_bus


class Constants(Component):
    """Once all lanes have closed behind a layer, gives the next one's constants, one part per cycle, and then ``resume``.

    The first part comes five cycles after the last lane has closed, when nothing behind the gates needs the former constants any more.

    Members
    -------
    load : In(load_bus)
    closed : In(lanes)
    valid : Out(1), part : Out(32), resume : Out(1)
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        super().__init__({
            "load": In(load_bus(layout)), "closed": In(layout.config.lanes),
            "valid": Out(1), "part": Out(PART), "resume": Out(1),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        parts = self._layout.constant_parts
        m.submodules.words = words = LoadableRam(self._layout, "constants", block=True)
        words.connect_load(m, self.load)
        all_closed = Signal()
        waits = Signal(2)
        sent = Signal()
        sending = Signal()
        held = Signal(PART, reset_less=True)
        address = Signal.like(words.read_address)
        left = Signal(range(max(2, parts)))
        last = Signal()
        active = Signal(4)
        m.d.sync += [all_closed.eq(self.closed.all()), waits.eq((waits << 1) | (all_closed & ~sent))]
        m.d.comb += [words.read_enable.eq(1), words.read_address.eq(address), last.eq(left == 0)]
        with m.If(~all_closed):
            m.d.sync += sent.eq(0)
        with m.If(waits[1] & ~sent & ~sending):
            m.d.sync += [sending.eq(1), sent.eq(1), left.eq(parts - 1)]
        with m.If(sending):
            m.d.sync += [address.eq(address + 1), left.eq(left - 1)]
            with m.If(last):
                m.d.sync += sending.eq(0)
        ending = Signal(4)
        m.d.sync += [
            active.eq((active << 1) | sending), ending.eq((ending << 1) | (sending & last)),
            held.eq(words.read_data), self.part.eq(held), self.valid.eq(active[1]), self.resume.eq(ending[2]),
        ]  # fmt: skip
        # The highest bit of a layer's last part says that the program begins anew.
        with m.If(ending[1] & held[-1]):
            m.d.sync += address.eq(0)
        return m
