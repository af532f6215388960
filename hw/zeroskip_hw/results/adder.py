"""Adds what two halves of the lanes have of a row."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import Component, In, Out


class Adder(Component):
    """``total`` follows ``a`` and ``b`` by one cycle: column by column their sum, which wraps around.

    Members
    -------
    a : In(columns · width), b : In(columns · width), total : Out(columns · width)
    """

    def __init__(self, columns: int, width: int) -> None:
        self._width = width
        super().__init__({"a": In(columns * width), "b": In(columns * width), "total": Out(columns * width)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        width = self._width
        total = Signal(len(self.total), reset_less=True)
        for column in range(len(total) // width):
            part = total.word_select(column, width)
            m.d.sync += part.eq(self.a.word_select(column, width) + self.b.word_select(column, width))
        m.d.comb += self.total.eq(total)
        return m
