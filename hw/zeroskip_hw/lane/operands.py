"""From a tap to the address of its operand, and to what each column does with it."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib.wiring import Component, In, Out

from zeroskip.contracts.layout import FAR_CONSTANTS, Layout
from zeroskip.contracts.timing import operand_stages
from zeroskip_hw.primitives.words import fields

from .pick import passed_on, token

CONSTANTS = (
    "height", "last_height", "above_height", "both_heights", "strip", "width", "used", "full", "x_last", "x_stride", "y_stride", "x_step",
    "band_step", "row_step", "repeat",
)  # fmt: skip
"""Fields of a layer's constants that operands need."""


def constants_of(layout: Layout) -> tuple[str, ...]:
    """The same, and those of every level of turns farther than a column."""
    return (*CONSTANTS, *(f"{name}{level}" for level in range(layout.far_levels) for name in FAR_CONSTANTS))


class Operands(Component):
    """Five stages: tap memory, its register, sums, comparisons, address beyond the strip; between the latter two more for each level of
    turns farther than a column: comparisons, and row and address there. One tap per cycle.

    The lane's own raster of tiles gives the window's corner and its address. A row above or below the strip is read in the column
    beside, which adds or subtracts the addresses of a strip.

    Members
    -------
    advance : In(1), source : In(token), first, tile_first : In(1)
        From :class:`~zeroskip_hw.lane.rows.Rows`; the tap's address goes from there to the memory.
    tap : In(tap word)
        The memory's answer, in the next cycle.
    resume : In(1), one member for each of ``CONSTANTS`` : In
        A layer begins with these constants; nothing is in the pipeline.
    ahead_valid, ahead_first : Out(1)
        What comes to ``token`` next.
    token : Out(token), first_out : Out(1), address : Out
        ``operand_stages`` behind ``source``.
    distant : Out(2 · levels), turn : Out(2), there : Out(columns)
        For each level of farther turns, from the farthest, 1: as many columns above, 2: below. Then, of ``turn``
        0: each column reads its own strip, 1: the column below, 2: the column above, 3: all padding; strips that have this row.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        shapes = {field.name: In(field.width) for field in layout.constants if field.name in constants_of(layout)}
        super().__init__({
            "advance": In(1), "source": In(token()), "first": In(1), "tile_first": In(1), "tap": In(layout.tap.width),
            "resume": In(1), **shapes, "ahead_valid": Out(1), "ahead_first": Out(1),
            "token": Out(token()), "first_out": Out(1), "address": Out(layout.operand_bits),
            **({"distant": Out(2 * layout.far_levels)} if layout.far_levels else {}),
            "turn": Out(2), "there": Out(layout.config.columns),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        layout = self._layout
        stages = operand_stages(layout)
        tokens = [token().create(path=(f"token{stage}",)) for stage in range(1, stages)]
        for before, after in zip([self.source, *tokens], [*tokens, self.token], strict=True):
            passed_on(m, self.advance, before, after)
        first = self.first
        firsts = [Signal(name=f"first{stage}") for stage in range(1, stages)]
        for later in (*firsts, self.first_out):
            with m.If(self.advance):
                m.d.sync += later.eq(first)
            first = later
        m.d.comb += [self.ahead_valid.eq(tokens[-1].valid), self.ahead_first.eq(firsts[-1])]

        # The raster moves with the token that waits for its tap, and stands when the tap has come.
        tile_first = Signal(reset_less=True)
        with m.If(self.advance):
            m.d.sync += tile_first.eq(self.tile_first)
        base, y, x = self._raster(m, self.advance & tokens[0].valid, firsts[0], tile_first)
        held = Signal(layout.tap.width, reset_less=True)
        tap = fields(layout.tap, held)
        pixel = layout.config.pixel_bits
        row = Signal(pixel, reset_less=True)
        cell = Signal(pixel, reset_less=True)
        sum3, sum4 = (Signal(layout.operand_bits, name=f"sum{i}", reset_less=True) for i in (3, 4))
        near, near_row, near_cell, far = self._brought_near(m, sum3, row, cell)
        above, outside, beside = (Signal(name=name, reset_less=True) for name in ("above", "outside", "beside"))
        high_here, high_above, high_below = (
            Signal(name=f"high_{n}", reset_less=True) for n in ("here", "above", "below")
        )
        with m.If(self.advance):
            m.d.sync += [
                held.eq(self.tap), sum3.eq(base + tap["offset"]), row.eq(y + tap["dy"]), cell.eq(x + tap["dx"]),
                # Seen without its sign, a negative number is beyond every limit.
                sum4.eq(near), above.eq(near_row[-1]), outside.eq(near_row >= self.height), beside.eq(near_cell >= self.width),
                high_here.eq(near_row >= self.last_height), high_above.eq(near_row >= self.above_height),
                high_below.eq(near_row >= self.both_heights),
            ]  # fmt: skip
        below = Signal()
        high = Signal()
        m.d.comb += [below.eq(outside & ~above), high.eq(Mux(below, high_below, Mux(above, high_above, high_here)))]
        with m.If(self.advance):
            m.d.sync += [
                self.turn.eq(Cat(above | beside, below | beside)), self.there.eq(Mux(high, self.full, self.used)),
                self.address.eq(_moved(sum4, self.strip, outside, below) if layout.config.columns > 1 else sum4),
            ]  # fmt: skip
        if layout.far_levels:
            far4 = Signal(len(far), reset_less=True)
            with m.If(self.advance):
                m.d.sync += [far4.eq(far), self.distant.eq(far4)]
        return m

    def _brought_near(self, m: Module, address: Value, row: Value, cell: Value) -> tuple[Value, Value, Value, Value]:
        """Rows beyond the neighbours' strips are read as many columns away; returns (address, row, cell) there, and the turns."""
        turns: Value = Const(0, 0)
        for level in range(self._layout.far_levels):
            low, high, height, strip = (getattr(self, f"{name}{level}") for name in FAR_CONSTANTS)
            registers = [
                [Signal(len(value), name=f"{name}{level}_{stage}", reset_less=True) for stage in (0, 1)]
                for name, value in (("address", address), ("row", row), ("cell", cell), ("far", Cat(turns, low[:2])))
            ]
            (address0, address1), (row0, row1), (cell0, cell1), (far0, far1) = registers
            above, below = row.as_signed() < low.as_signed(), row.as_signed() >= high.as_signed()
            moves, down = far0[-2:].any(), far0[-1]
            with m.If(self.advance):
                m.d.sync += [
                    address0.eq(address), row0.eq(row), cell0.eq(cell), far0.eq(Cat(turns, above, below)),
                    address1.eq(_moved(address0, strip, moves, down)), row1.eq(_moved(row0, height, moves, down)), cell1.eq(cell0),
                    far1.eq(far0),
                ]  # fmt: skip
            address, row, cell, turns = address1, row1, cell1, far1
        return address, row, cell, turns

    def _raster(self, m: Module, step: Value, first: Value, tile_first: Value) -> tuple[Value, Value, Value]:
        """Returns (address of the window's corner for this row, its row, its cell), from the cycle after ``step`` on."""
        address, pixel = self._layout.operand_bits, self._layout.config.pixel_bits
        base = Signal(address, reset_less=True)
        tile = Signal(address, reset_less=True)
        y, x, next_y, next_x = (Signal(pixel, name=name, reset_less=True) for name in ("y", "x", "next_y", "next_x"))
        left = Signal(len(self.repeat), reset_less=True)
        at_end = Signal()
        m.d.comb += at_end.eq(next_x == self.x_last)
        with m.If(step & first):
            with m.If(tile_first | left[-1]):
                m.d.sync += [left.eq(self.repeat), base.eq(Mux(tile_first, tile, base + self.row_step))]
            with m.Else():
                m.d.sync += left.eq(left - 1)
        with m.If(step & tile_first):
            m.d.sync += [y.eq(next_y), x.eq(next_x), next_x.eq(next_x + self.x_stride)]
            m.d.sync += tile.eq(tile + Mux(at_end, self.band_step, self.x_step))
            with m.If(at_end):
                m.d.sync += [next_x.eq(0), next_y.eq(next_y + self.y_stride)]
        with m.If(self.resume):
            m.d.sync += [tile.eq(0), next_x.eq(0), next_y.eq(0)]
        return base, y, x


def _moved(value: Value, by: Value, moves: Value, down: Value) -> Value:
    """``by`` more, or ``down`` less; one adder, whose lowest bit brings the carry that a negative addend needs."""
    addend = (by & moves.replicate(len(by))) ^ down.replicate(len(by))
    return (Cat(down, value) + Cat(down, addend))[1 : len(value) + 1]
