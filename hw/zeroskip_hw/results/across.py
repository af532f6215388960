"""Adds up what the columns have of a window that covers the whole image."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import Component, In, Out

from zeroskip.contracts.layout import Layout
from zeroskip.contracts.timing import across_levels


class Across(Component):
    """Column 0 gets the sum of all columns, or their largest; one row per cycle, ``across_levels`` later.

    Members
    -------
    across : In(1)
        Of the layer; low: rows pass as they are.
    maximum : In(1)
        Where the array can: the layer takes maxima.
    total : In(columns · acc_bits), result : Out(columns · acc_bits)
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        width = layout.config.acc_bits * layout.config.columns
        super().__init__({
            "across": In(1), **({"maximum": In(1)} if layout.config.maximum else {}), "total": In(width), "result": Out(width),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        c = self._layout.config
        values: list[Value] = [self.total.word_select(column, c.acc_bits).as_signed() for column in range(c.columns)]
        passing: Value = self.total
        for level in range(across_levels(self._layout)):
            later = Signal(len(passing), name=f"passing{level}", reset_less=True)
            m.d.sync += later.eq(passing)
            pairs = []
            for number in range(0, len(values), 2):
                both = Signal(signed(c.acc_bits), name=f"level{level}_{number // 2}", reset_less=True)
                m.d.sync += both.eq(self._of(*values[number : number + 2]))
                pairs.append(both)
            passing, values = later, pairs
        lowest = Mux(self.across, values[0].as_unsigned(), passing[: c.acc_bits])
        m.d.comb += self.result.eq(Cat(lowest, passing[c.acc_bits :]))
        return m

    def _of(self, a: Value, b: Value | None = None) -> Value:
        if b is None:
            return a
        return Mux(self.maximum, Mux(a > b, a, b), a + b) if self._layout.config.maximum else a + b
