"""One lane's share of the activations: those of its own channels."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib.wiring import Component, In, Out, Signature

from zeroskip.contracts.channels import ChannelLayout
from zeroskip_hw.primitives.ram import Ram


def hidden_share(layout: ChannelLayout) -> Signature:
    """Broadcast of one result of every column; ``enable``: the columns that are written."""
    columns = layout.config.columns
    return Signature({"enable": Out(columns), "address": Out(layout.operand_bits), "data": Out(8 * columns)})


def input_share(layout: ChannelLayout) -> Signature:
    """Broadcast of one element of the input; ``enable``: the columns that take it. The highest bit of ``address`` is the buffer's half."""
    columns = layout.config.columns
    return Signature({"enable": Out(columns), "address": Out(layout.half_bit + 1), "data": Out(8)})


class Share(Component):
    """Hidden activations, and an input buffer of two halves; one read per cycle of either, and a write of both.

    ``data`` follows ``address`` by two cycles. Writes take effect two cycles later, behind a register of the lane.

    Members
    -------
    hidden : In(hidden_share), hidden_here : In(1), input : In(input_share), input_here : In(1)
        Broadcasts, and whether they are meant for this lane.
    from_input : In(1), half : In(1)
        What is read; constant while a layer runs.
    address : In, data : Out(8 · columns)
    """

    def __init__(self, layout: ChannelLayout) -> None:
        self._layout = layout
        super().__init__({
            "hidden": In(hidden_share(layout)), "hidden_here": In(1), "input": In(input_share(layout)), "input_here": In(1),
            "from_input": In(1), "half": In(1), "address": In(layout.operand_bits), "data": Out(8 * layout.config.columns),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        layout = self._layout
        columns = layout.config.columns
        hidden = Ram(width=8 * columns, depth=layout.share_depth, parts=columns, block=True)
        buffer = Ram(width=8 * columns, depth=2 << layout.half_bit, parts=columns, block=True)
        m.submodules.hidden, m.submodules.input = hidden, buffer
        self._written(m, hidden, self.hidden, self.hidden_here, self.hidden.data)
        self._written(m, buffer, self.input, self.input_here, self.input.data.replicate(columns))
        m.d.comb += [
            hidden.read_enable.eq(1), hidden.read_address.eq(self.address),
            buffer.read_enable.eq(1), buffer.read_address.eq(Cat(self.address[: layout.half_bit], self.half)),
        ]  # fmt: skip
        # The register of the memory that is not read is cleared, so that choosing is one OR.
        held = []
        for name, ram, wanted in (("hidden", hidden, ~self.from_input), ("input", buffer, self.from_input)):
            register = Signal(8 * columns, name=f"{name}_held", reset_less=True)
            m.d.sync += register.eq(ram.read_data)
            with m.If(~wanted):
                m.d.sync += register.eq(0)
            held.append(register)
        m.d.comb += self.data.eq(held[0] | held[1])
        return m

    def _written(self, m: Module, ram: Ram, write: Any, here: Value, data: Value) -> None:
        # A clear costs no gate, where one behind the registers would.
        m.d.sync += [
            ram.write_enable.eq(Mux(here, write.enable, 0)), ram.write_address.eq(write.address), ram.write_data.eq(data),
        ]  # fmt: skip
