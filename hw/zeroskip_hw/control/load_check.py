"""Tells whether what was written to the memories is what the host meant to write."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from amaranth.lib.wiring import Component, In, Out

HALF = 16


class LoadCheck(Component):
    """CRC-32 (that of Ethernet and zlib) over the parts that the load bus gives, each as four bytes, the lowest first.

    A part takes two cycles, half a part each, which is as fast as parts can come. Latency: ``good`` belongs to all parts up to three cycles
    ago, and to a ``restart`` four cycles ago.

    Members
    -------
    commit : In(1), part : In(32)
        A part is given; it must stay for one cycle more, and none may follow in that.
    restart : In(1)
        From now on the CRC is that of the parts to come: none has begun in this cycle or the last two but those before ``restart``.
    expected : In(32)
    crc : Out(32)
        Of no part it is 0.
    good : Out(1)
        ``crc`` is ``expected``.
    """

    def __init__(self) -> None:
        super().__init__({
            "commit": In(1), "part": In(32), "restart": In(1), "expected": In(32), "crc": Out(32), "good": Out(1),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.processor = processor = CRC32_ISO_HDLC(data_width=HALF).create()
        upper = Signal()
        restart = Signal(2)
        m.d.sync += [
            upper.eq(self.commit),
            restart.eq(restart << 1 | self.restart),
            self.good.eq(self.crc == self.expected),
        ]
        # A part that was written just before the restart is still on its way when that is asked for.
        m.d.comb += [
            processor.start.eq(restart[1]), processor.valid.eq(self.commit | upper),
            processor.data.eq(self.part.word_select(upper, HALF)), self.crc.eq(processor.crc),
        ]  # fmt: skip
        return m
