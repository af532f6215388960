"""An AXI4-Lite master for one access at a time."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import Component, In, Out

from zeroskip.contracts.layout import Layout
from zeroskip_hw.control.registers import OKAY, axil_members


class Master(Component):
    """Reads or writes one 32-bit word, and waits for its answer.

    An access takes four cycles on a slave that answers two cycles after the request. There is no limit of time: the register port of the
    array always answers.

    Members
    -------
    start : In(1)
        Begins an access; only while ``idle``.
    idle : Out(1)
    write : In(1), address : In(layout.address_bits), data : In(32)
        With ``start``, and constant until ``done``.
    done : Out(1), failed : Out(1), result : Out(32)
        One cycle; the answer was not OKAY; the word that was read, which stays until the next one is.
    aw…, w…, b…, ar…, r… :
        The master's side of :func:`~zeroskip_hw.control.registers.axil_members`.
    """

    def __init__(self, layout: Layout) -> None:
        super().__init__({
            "start": In(1), "idle": Out(1), "write": In(1), "address": In(layout.address_bits), "data": In(32),
            "done": Out(1), "failed": Out(1), "result": Out(32),
            **{name: member.flip() for name, member in axil_members(layout).items()},
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        waiting = Signal()
        m.d.comb += [
            self.idle.eq(~waiting), self.awaddr.eq(self.address), self.araddr.eq(self.address), self.wdata.eq(self.data),
            self.wstrb.eq(0xF), self.bready.eq(1), self.rready.eq(1),
        ]  # fmt: skip
        for valid, ready in ((self.awvalid, self.awready), (self.wvalid, self.wready), (self.arvalid, self.arready)):
            with m.If(ready):
                m.d.sync += valid.eq(0)
        with m.If(self.start):
            m.d.sync += [
                waiting.eq(1),
                self.awvalid.eq(self.write),
                self.wvalid.eq(self.write),
                self.arvalid.eq(~self.write),
            ]
        m.d.sync += self.done.eq(0)
        with m.If(self.bvalid | self.rvalid):
            m.d.sync += [
                waiting.eq(0),
                self.done.eq(1),
                self.failed.eq((self.bresp != OKAY) & self.bvalid | (self.rresp != OKAY) & self.rvalid),
            ]
        with m.If(self.rvalid):
            m.d.sync += self.result.eq(self.rdata)
        return m
