"""One lane's share of the activations: those of its own channels."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib.wiring import Component, In, Out, Signature

from zeroskip.contracts.layout import Layout
from zeroskip_hw.primitives.ram import Ram


def hidden_share(layout: Layout) -> Signature:
    """Broadcast of one result of every epilogue and column; ``enable``: the columns that are written."""
    columns, number = layout.config.columns, layout.config.epilogues
    return Signature({
        "enable": Out(columns), "address": Out(layout.operand_bits * number), "data": Out(8 * columns * number),
    })  # fmt: skip


def input_share(layout: Layout) -> Signature:
    """Broadcast of some elements of the input; ``enable``: the columns that take them; half : of the buffer."""
    count = layout.config.load_elements
    return Signature({
        "enable": Out(layout.config.columns), "half": Out(1), "address": Out(layout.half_bit * count), "data": Out(8 * count),
    })  # fmt: skip


class Share(Component):
    """Hidden activations, and an input buffer of two halves; one read per cycle of either, and a write of both.

    ``data`` follows ``address`` by two cycles. Writes take effect two cycles later, behind a register of the lane.

    Members
    -------
    hidden : In(hidden_share), hidden_here : In(epilogues), input : In(input_share), input_here : In(load_elements)
        Broadcasts, and which results and elements are meant for this lane: one of each at most.
    from_input : In(1), half : In(1)
        What is read; constant while a layer runs.
    address : In, data : Out(8 · columns)
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        super().__init__({
            "hidden": In(hidden_share(layout)), "hidden_here": In(layout.config.epilogues),
            "input": In(input_share(layout)), "input_here": In(layout.config.load_elements), "from_input": In(1), "half": In(1),
            "address": In(layout.operand_bits), "data": Out(8 * layout.config.columns),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        layout = self._layout
        columns = layout.config.columns
        hidden = Ram(width=8 * columns, depth=layout.share_depth, parts=columns, block=True)
        buffer = Ram(width=8 * columns, depth=2 << layout.half_bit, parts=columns, block=True)
        m.submodules.hidden, m.submodules.input = hidden, buffer
        address, data = (_mine(value, self.hidden_here) for value in (self.hidden.address, self.hidden.data))
        self._written(m, hidden, self.hidden.enable, self.hidden_here.any(), address, data)
        address, data = (_mine(value, self.input_here) for value in (self.input.address, self.input.data))
        self._written(
            m, buffer, self.input.enable, self.input_here.any(), Cat(address, self.input.half), data.replicate(columns)
        )
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

    def _written(self, m: Module, ram: Ram, enable: Value, here: Value, address: Value, data: Value) -> None:
        # A clear costs no gate, where one behind the registers would.
        m.d.sync += [
            ram.write_enable.eq(Mux(here, enable, 0)), ram.write_address.eq(address), ram.write_data.eq(data),
        ]  # fmt: skip


def _mine(value: Value, here: Value) -> Value:
    """The part of ``value`` that is meant for this lane."""
    count = len(here)
    if count == 1:
        return value
    width = len(value) // count
    return reduce(or_, (value.word_select(i, width) & here[i].replicate(width) for i in range(count)))
