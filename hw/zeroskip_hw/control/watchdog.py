"""Stops an array that does not come to the end of its work, as happens when its images are not those of a network."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib.wiring import Component, In, Out


class Watchdog(Component):
    """Counts the cycles without progress while the array works, and compares those of the layer that is computed.

    When there are more than may be, ``expired`` pulses (for silence one cycle later), and from the next cycle on ``halt`` stays high
    until reset.

    Members
    -------
    working : In(1)
        The array has all that it needs to go on: it waits for no stream.
    progress : In(1)
        It went on.
    silence_limit : In(32)
        The most cycles in a row that may be worked without progress.
    running : In(1), layer_ends : In(1)
        A layer is computed; in this cycle the one before ends.
    elapsed : In(32), layer_limit : In(32)
        Cycles since the layer's start; the most that a layer may take, which counts two cycles after it was set.
    fault : In(1)
        The program goes wrong.
    expired, halt : Out(1)
    """

    def __init__(self) -> None:
        super().__init__({
            "working": In(1), "progress": In(1), "silence_limit": In(32),
            "running": In(1), "layer_ends": In(1), "elapsed": In(32), "layer_limit": In(32),
            "fault": In(1), "expired": Out(1), "halt": Out(1),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        # Both comparisons are made one cycle ahead, of the count that comes next: they would be among the slowest paths.
        silence = Signal(32)
        silent = Signal()
        over = Signal()
        nearly = Signal(signed(33), init=-1)
        at_once = Signal(init=1)
        m.d.sync += [
            silence.eq(silence + 1), silent.eq(silence >= self.silence_limit),
            nearly.eq(self.layer_limit - 1), at_once.eq(self.layer_limit <= 1),
            over.eq(Mux(self.layer_ends, at_once, self.elapsed >= nearly)),
        ]  # fmt: skip
        with m.If(self.progress | ~self.working):
            m.d.sync += [silence.eq(0), silent.eq(0)]
        m.d.comb += self.expired.eq((silent | (self.running & ~self.layer_ends & over) | self.fault) & ~self.halt)
        with m.If(self.expired):
            m.d.sync += self.halt.eq(1)
        return m
