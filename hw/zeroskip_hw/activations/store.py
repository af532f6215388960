"""One lane's copy of the activations."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib.wiring import Component, In, Out, Signature

from zeroskip.contracts.layout import HIDDEN_MEMORY, Layout, bits_for
from zeroskip_hw.primitives.ram import Ram

HIDDEN_BITS = bits_for(HIDDEN_MEMORY)
"""Of an address, those within one memory of the hidden buffer."""


def position_bits(layout: Layout) -> int:
    """Address of an element within one bank and half of the input buffer."""
    return bits_for(layout.beat_depth)


def input_write(layout: Layout) -> Signature:
    """Broadcast by the loader: up to one element in every bank, all of one sample.

    enable : one bit per bank; column : one bit per column that takes it, the sample's or those of the strips; half : of the buffer;
    position : one address per bank; data : 8 bits per bank
    """
    banks = layout.config.stream_elements
    return Signature({
        "enable": Out(banks), "column": Out(layout.config.columns), "half": Out(1),
        "position": Out(banks * position_bits(layout)), "data": Out(banks * 8),
    })  # fmt: skip


def hidden_write(layout: Layout) -> Signature:
    """Broadcast of results: one activation of every column.

    enable : with strips one bit per column, else one for all; address; data : 8 bits per column
    """
    return Signature({
        "enable": Out(layout.write_enables), "address": Out(layout.store_bits), "data": Out(layout.config.columns * 8),
    })  # fmt: skip


class Store(Component):
    """Input buffer of two halves, one filled while the other is read, and the hidden activations; one read per cycle.

    ``data`` follows ``address`` by three cycles: memory, register, choice.

    Members
    -------
    input : In(input_write), hidden : In(hidden_write)
    from_input : In(1), half : In(1)
        What the layer reads; constant while it runs.
    address : In, data : Out(8 · columns)
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        super().__init__({
            "input": In(input_write(layout)), "hidden": In(hidden_write(layout)),
            "from_input": In(1), "half": In(1),
            "address": In(layout.operand_bits), "data": Out(layout.config.columns * 8),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        layout, c = self._layout, self._layout.config
        width, position = c.columns * 8, position_bits(layout)
        # Each memory's register is cleared unless it is the one that is read, so that choosing is one OR.
        bank = Signal(max(1, layout.bank_bits))
        m.d.comb += bank.eq(self.address[: layout.bank_bits])
        held = []
        for number in range(c.stream_elements):
            ram = Ram(width=width, depth=2 << position, parts=c.columns, block=True)
            m.submodules[f"input{number}"] = ram
            element = self.input.data.word_select(number, 8)
            m.d.comb += [
                ram.write_enable.eq(self.input.column & self.input.enable[number].replicate(c.columns)),
                ram.write_address.eq(Cat(self.input.position.word_select(number, position), self.input.half)),
                ram.write_data.eq(element.replicate(c.columns)),
                ram.read_enable.eq(1),
                ram.read_address.eq(Cat((self.address >> layout.bank_bits)[:position], self.half)),
            ]  # fmt: skip
            held.append(_hold(m, ram, self.from_input & (bank == number), f"input{number}"))

        held += hidden_buffer(m, layout, self.hidden, self.address, ~self.from_input)
        m.d.sync += self.data.eq(reduce(or_, held))
        return m


def hidden_buffer(m: Module, layout: Layout, write: Any, address: Value, read: Value) -> list[Signal]:
    """A copy of the hidden activations: its memories, and the registers behind them, whose OR is the word read two cycles before.

    write : as ``hidden_write``; address : of the word to read, and with it ``read``: whether it is wanted, else all registers are cleared
    """
    several = len(layout.hidden_depths) > 1
    held = []
    for number, depth in enumerate(layout.hidden_depths):
        name = f"hidden{number or ''}"
        ram = Ram(width=8 * layout.config.columns, depth=depth, parts=layout.write_enables, block=True)
        m.submodules[f"{name}_ram"] = ram
        written, wanted = write.enable, read
        if several:
            written = written & ((write.address >> HIDDEN_BITS) == number).replicate(len(written))
            wanted = wanted & ((address >> HIDDEN_BITS) == number)
        m.d.comb += [
            ram.write_enable.eq(written), ram.write_address.eq(write.address), ram.write_data.eq(write.data),
            ram.read_enable.eq(1), ram.read_address.eq(address),
        ]  # fmt: skip
        held.append(_hold(m, ram, wanted, name))
    return held


def _hold(m: Module, ram: Ram, read: Value, name: str) -> Signal:
    """The register behind ``ram``; ``read`` comes with the address."""
    unread = Signal(name=f"{name}_unread", reset_less=True)
    held = Signal(len(ram.read_data), name=f"{name}_held", reset_less=True)
    m.d.sync += [unread.eq(~read), held.eq(ram.read_data)]
    with m.If(unread):
        m.d.sync += held.eq(0)
    return held
