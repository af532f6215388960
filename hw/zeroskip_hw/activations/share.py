"""One lane's share of the activations: those of its own channels."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux
from amaranth.lib.wiring import Component, In, Out, Signature

from zeroskip.contracts.channels import ChannelLayout
from zeroskip_hw.primitives.ram import Ram

SHARE_STAGES = 2
"""From an address to its word: memory, register."""


def share_write(layout: ChannelLayout) -> Signature:
    """Broadcast of one activation of every column; ``enable``: the columns that are written."""
    columns = layout.config.columns
    return Signature({"enable": Out(columns), "address": Out(layout.operand_bits), "data": Out(8 * columns)})


class Share(Component):
    """Hidden activations, and above them the input buffer of two halves, in one memory; one read per cycle.

    ``data`` follows ``address`` by two cycles. Writes take effect two cycles later, behind a register of the lane.

    Members
    -------
    write : In(share_write), here : In(1)
        Broadcast, and whether it is meant for this lane.
    other_half : In(1)
        Reads go to the input buffer's second half where their address says the first.
    address : In, data : Out(8 · columns)
    """

    def __init__(self, layout: ChannelLayout) -> None:
        self._layout = layout
        super().__init__({
            "write": In(share_write(layout)), "here": In(1), "other_half": In(1),
            "address": In(layout.operand_bits), "data": Out(8 * layout.config.columns),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        columns, bit = self._layout.config.columns, self._layout.half_bit
        m.submodules.ram = ram = Ram(width=8 * columns, depth=self._layout.share_depth, parts=columns, block=True)
        m.d.sync += [
            # A clear costs no gate, where one behind the registers would.
            ram.write_enable.eq(Mux(self.here, self.write.enable, 0)),
            ram.write_address.eq(self.write.address), ram.write_data.eq(self.write.data),
            self.data.eq(ram.read_data),
        ]  # fmt: skip
        read = Cat(self.address[:bit], self.address[bit] ^ self.other_half, self.address[bit + 1 :])
        m.d.comb += [ram.read_enable.eq(1), ram.read_address.eq(read)]
        return m
