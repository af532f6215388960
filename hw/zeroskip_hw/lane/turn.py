"""Gives each column its operand: of its own strip, of a strip beside it, or padding."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib.wiring import Component, In, Out

from zeroskip.contracts.layout import Layout

OPERAND_BITS = 9
"""An activation with its sign."""


class Turn(Component):
    """One stage, or none where there is one column; one word per cycle. The operands come from gates: the multiplier registers them.

    Two look-up tables of four inputs per bit: the one before the register chooses between two columns, with the bits that padding has
    inverted, and is cleared where padding is wanted; the one behind inverts them back or takes the third column.

    Members
    -------
    turn : In(2), there : In(columns + 2)
        One cycle before ``data``: as given by :class:`~zeroskip_hw.lane.operands.Operands`, and a column more on either side.
    data : In(8 · (columns + 2))
    padding : In(8), signed : In(1)
        Of the layer.
    operands : Out(9 · columns)
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        columns = layout.config.columns
        super().__init__({
            "turn": In(2), "there": In(columns + 2), "data": In(8 * (columns + 2)), "padding": In(8), "signed": In(1),
            "operands": Out(OPERAND_BITS * columns),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        columns = self._layout.config.columns
        pad = Signal(columns)
        third = Signal(columns)
        from_above = Signal(columns)  # a copy for every column, since each drives eight choices
        operands = []
        for column in range(columns):
            above, here, below = self.there[column : column + 3]
            has = Mux(self.turn[1], Mux(self.turn[0], 0, below), Mux(self.turn[0], above, here))
            m.d.sync += pad[column].eq(~has)
            m.d.sync += third[column].eq((self.turn == 2) & below)
            m.d.sync += from_above[column].eq(self.turn[0])
            other, byte, third_byte = (self.data.word_select(column + i, 8) for i in range(3))
            if columns == 1:
                operands.append(self._signed(m, Mux(pad[0], self.padding, byte)))
                continue
            chosen, later = Signal(8, name=f"chosen{column}"), Signal(8, name=f"later{column}")
            take_later = Signal(name=f"take_later{column}")
            m.d.sync += [
                chosen.eq(Mux(from_above[column], other, byte) ^ self.padding), take_later.eq(third[column]),
                later.eq(third_byte),
            ]  # fmt: skip
            with m.If(pad[column]):
                m.d.sync += chosen.eq(0)
            operands.append(self._signed(m, Mux(take_later, later, chosen ^ self.padding)))
        m.d.comb += self.operands.eq(Cat(*operands))
        return m

    def _signed(self, m: Module, byte: Value) -> Value:
        return Cat(byte, byte[7] & self.signed)
