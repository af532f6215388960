"""Cuts the stream of mask bits into rows."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib.wiring import Component, In, Out

from zeroskip.contracts.layout import LEAF, LEAF_BITS, Layout
from zeroskip_hw.primitives.onehot import index_of

from .pick import passed_on, token


class Rows(Component):
    """A bit's place in the stream to its place in its row, and from there to its tap's address; one bit per cycle, three stages.

    Every row of ``n`` bits has one that is set, so a bit lies in the row of the one before or in the next. Its distance from the end of
    the former then tells which by its sign, and is all that is needed: no start of a row is kept, and the positions may wrap around.

    Members
    -------
    advance : In(1), source : In(token), lowest : In(LEAF), place : In
        From :class:`~zeroskip_hw.lane.pick.Pick`.
    n, tap_base, tap_next : In
        Of the layer: bits of a row, address of its first tap, and of the one behind its last.
    token : Out(token), tap : Out, first : Out(1), tile_first : Out(1)
        The bit's tap; it is its row's first; the lane's first in the tile.
    """

    def __init__(self, layout: Layout) -> None:
        super().__init__({
            "advance": In(1), "source": In(token()), "lowest": In(LEAF), "place": In(layout.position_bits - LEAF_BITS),
            "n": In(layout.position_bits), "tap_base": In(layout.tap_bits), "tap_next": In(layout.tap_bits),
            "token": Out(token()), "tap": Out(layout.tap_bits), "first": Out(1), "tile_first": Out(1),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        position = Signal(len(self.n), reset_less=True)
        beyond = Signal(len(self.n), reset_less=True)
        # The end is the present row's; before a tile it is 0, and the tile's first bit then begins a row.
        end = Signal(len(self.n))
        distance = Signal(len(self.n))
        wrap = Signal()
        wrapped = Signal(reset_less=True)
        fresh = Signal(init=1)
        fresh_later = Signal(reset_less=True)
        token1, token2 = token().create(path=("token1",)), token().create(path=("token2",))
        passed_on(m, self.advance, self.source, token1)
        passed_on(m, self.advance, token1, token2)
        passed_on(m, self.advance, token2, self.token)
        m.d.comb += [distance.eq(position - end), wrap.eq(~distance[-1])]
        with m.If(self.advance):
            m.d.sync += [
                position.eq(Cat(index_of(self.lowest), self.place)),
                beyond.eq(distance), wrapped.eq(wrap), fresh_later.eq(fresh),
                self.tap.eq(beyond + Mux(wrapped, self.tap_base, self.tap_next)),
                self.first.eq(wrapped & token2.weight), self.tile_first.eq(fresh_later),
            ]  # fmt: skip
        with m.If(self.advance & token1.valid):
            m.d.sync += fresh.eq(token1.tile_end)
            with m.If(wrap):
                m.d.sync += end.eq(end + self.n)
            with m.If(token1.tile_end):
                m.d.sync += end.eq(0)
        return m
