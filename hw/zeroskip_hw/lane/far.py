"""Gives each column the word of a column farther away than its neighbours."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib.wiring import Component, In, Out


class Far(Component):
    """``distance`` columns up or down, or none; one stage, one word per cycle.

    What follows turns by columns less than that, and so wants some columns beyond the first and the last: ``width`` in all. ``distance``
    more come in on either side.

    Members
    -------
    distant : In(2), turn : In(2), there : In(width + 2 · distance)
        One cycle before ``data``, as given by :class:`~zeroskip_hw.lane.operands.Operands`; of ``distant`` 1: a column above, 2: below.
    data : In(8 · (width + 2 · distance))
    turn_out : Out(2), there_out : Out(width), data_out : Out(8 · width)
        One cycle later, for what follows.
    """

    def __init__(self, width: int, distance: int) -> None:
        self._width, self._distance = width, distance
        wide = width + 2 * distance
        super().__init__({
            "distant": In(2), "turn": In(2), "there": In(wide), "data": In(8 * wide),
            "turn_out": Out(2), "there_out": Out(width), "data_out": Out(8 * width),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        distant = Signal(2, reset_less=True)
        m.d.sync += [
            distant.eq(self.distant), self.turn_out.eq(self.turn), self.there_out.eq(self._moved(self.there, self.distant, 1)),
            self.data_out.eq(self._moved(self.data, distant, 8)),
        ]  # fmt: skip
        return m

    def _moved(self, value: Value, distant: Value, bits: int) -> Value:
        above, here, below = (
            value[bits * begin : bits * (begin + self._width)] for begin in (0, self._distance, 2 * self._distance)
        )
        return Mux(distant[0], above, Mux(distant[1], below, here))
