"""From a frame's payload to the input stream."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.wiring import Component, In, Out


class Feeder(Component):
    """Offers ``beats`` words of a memory, from word 0 on, one per cycle, the first two cycles after ``start``.

    Members
    -------
    start : In(1), beats, period : In(address_bits + 1)
        Begins; how many words; TLAST comes with every ``period``-th, or with none where it is 0. ``period`` stays constant.
    drop : In(1)
        Ends at once; an offered beat is withdrawn.
    finished : Out(1)
        All beats have been taken.
    read_enable : Out(1), read_address : Out(address_bits)
        Of a memory whose data are the stream's, a cycle later and while ``read_enable`` is low.
    valid : Out(1), ready : In(1), last : Out(1)
        The stream's handshake.
    """

    def __init__(self, address_bits: int) -> None:
        self._address_bits = address_bits
        super().__init__({
            "start": In(1), "beats": In(address_bits + 1), "period": In(address_bits + 1), "drop": In(1), "finished": Out(1),
            "read_enable": Out(1), "read_address": Out(address_bits),
            "valid": Out(1), "ready": In(1), "last": Out(1),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        left = Signal(self._address_bits + 1)
        in_sample = Signal(self._address_bits + 1)
        m.d.comb += [self.read_enable.eq(~self.valid | self.ready), self.finished.eq((left == 0) & ~self.valid)]
        with m.If(self.start):
            m.d.sync += [left.eq(self.beats), in_sample.eq(self.period), self.read_address.eq(0)]
        with m.Elif(self.drop):
            m.d.sync += [left.eq(0), self.valid.eq(0)]
        with m.Elif(self.read_enable):
            m.d.sync += self.valid.eq(left != 0)
            with m.If(left != 0):
                m.d.sync += [
                    left.eq(left - 1), self.read_address.eq(self.read_address + 1), self.last.eq(in_sample == 1),
                    in_sample.eq(Mux(in_sample == 1, self.period, in_sample - 1)),
                ]  # fmt: skip
        return m
