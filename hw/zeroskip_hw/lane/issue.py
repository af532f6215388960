"""Takes one nonzero weight per cycle out of the mask words."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib.wiring import Component, In, Out, Signature

from zeroskip.contracts.layout import WIDTH_BITS, Layout, bits_for
from zeroskip.contracts.timing import ROWS_IN_FLIGHT
from zeroskip_hw.primitives.onehot import index_of

from .decoder import place_bits

BYTE = 8


def raster(layout: Layout) -> Signature:
    """How the operands of a layer move from tile to tile, constant while it runs: ``width`` tiles less one in a band, and the steps."""
    return Signature({"width": Out(WIDTH_BITS), "x_step": Out(layout.store_bits), "y_step": Out(layout.store_bits)})


class Issue(Component):
    """The word at work gives its non-empty bytes one by one, and the byte at work its ones, one each cycle, the lowest first.

    One weight per cycle without a gap between bytes, words, rows or tiles, since no byte that is taken is empty. It stops at the end
    of a layer until ``start``, and before a row's first weight while ``ROWS_IN_FLIGHT`` rows wait to be collected. Whether the byte has
    one bit left is a register, and so the decision to take the next byte needs few gates whatever the width of the word.

    Members
    -------
    valid, take, mask, filled, place, begins, tile_end, layer_end :
        The decoder's FIFO.
    raster : In(raster)
        With strips: of the layer.
    start : In(1)
        A layer begins; issuing goes on in the next cycle.
    rewind : In(1)
        With the first layer's ``start``, when nothing is on its way to the addresses: weights are read from address 0 on.
    collected : In(1)
        One row's result left the lane.
    idle : Out(1)
        A byte is at work and waits for ``start``, and a word behind it.
    issue : Out(1), activation : Out, weight : Out
        Two cycles after the decision, with strips three: addresses of the operands.
    first : Out(1), tail : Out(1)
        With ``issue``: the weight is its row's first; it is the lane's last in the tile.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._strips = bool(layout.config.strips)
        word = layout.config.word
        super().__init__({
            "valid": In(1), "take": Out(1),
            "mask": In(word), "filled": In(word // BYTE), "place": In(place_bits(layout)), "begins": In(1),
            "tile_end": In(1), "layer_end": In(1),
            **({"raster": In(raster(layout))} if self._strips else {}),
            "start": In(1), "rewind": In(1), "collected": In(1), "idle": Out(1),
            "issue": Out(1), "first": Out(1), "tail": Out(1),
            "activation": Out(layout.operand_bits), "weight": Out(bits_for(layout.config.weight_depth)),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        done = Signal()
        word = self._word_at_work(m, done)
        issue, lowest, place, flags = self._byte_at_work(m, done, *word)

        # Stage 1: the lowest one alone. Stage 2: its index, which with byte and group is the address.
        lowest1 = Signal(BYTE, reset_less=True)
        place1 = Signal(len(place), reset_less=True)
        issue1, flags1, issue2, flags2 = Signal(), Signal(3, reset_less=True), Signal(), Signal(3, reset_less=True)
        m.d.sync += [
            lowest1.eq(lowest),
            place1.eq(place),
            issue1.eq(issue),
            flags1.eq(flags),
            issue2.eq(issue1),
            flags2.eq(flags1),
        ]
        index = Cat(index_of(lowest1), place1)
        if self._strips:
            # The byte's number stands below the word's address. Stage 2: the tile's share is added; stage 3: the index.
            sub = self._layout.index_bits
            index2, place2 = Signal(sub, reset_less=True), Signal(self._layout.store_bits, reset_less=True)
            tile_base = self._tile_base(m, issue1 & flags1[1])
            m.d.sync += [
                index2.eq(index[:sub]),
                place2.eq(index[sub:] + tile_base),
                self.activation.eq(place2 + index2),
            ]
            issue3, flags3 = Signal(), Signal(3, reset_less=True)
            m.d.sync += [issue3.eq(issue2), flags3.eq(flags2)]
            issue2, flags2 = issue3, flags3
        else:
            m.d.sync += self.activation.eq(index)
        m.d.comb += [self.issue.eq(issue2), self.first.eq(flags2[0]), self.tail.eq(flags2[1])]
        self._weight(m, flags2[2])
        return m

    def _weight(self, m: Module, layer_end: Value) -> None:
        """The weight's address: from tile to tile the lane's weights of the layer are read again."""
        weight, begin = (
            Signal.like(self.weight, name=name, reset_less=True) for name in ("next_weight", "layer_weight")
        )
        m.d.comb += self.weight.eq(weight)
        following = weight + 1
        with m.If(self.issue):
            if self._strips:
                m.d.sync += weight.eq(Mux(self.tail & ~layer_end, begin, following))
                with m.If(layer_end):
                    m.d.sync += begin.eq(following)
            else:
                m.d.sync += weight.eq(following)
        with m.If(self.rewind):
            m.d.sync += [weight.eq(0), begin.eq(0)] if self._strips else weight.eq(0)

    def _tile_base(self, m: Module, tail: Value) -> Signal:
        """What the present tile adds to every address; ``tail``: it moves on."""
        x = Signal(WIDTH_BITS, reset_less=True)
        tile, band = (Signal(self._layout.store_bits, name=name, reset_less=True) for name in ("tile", "band"))
        beside, below = tile + self.raster.x_step, band + self.raster.y_step
        with m.If(tail):
            m.d.sync += [x.eq(x + 1), tile.eq(beside)]
            with m.If(x == self.raster.width):
                m.d.sync += [x.eq(0), tile.eq(below), band.eq(below)]
        with m.If(self.start):
            m.d.sync += [x.eq(0), tile.eq(0), band.eq(0)]
        return tile

    def _word_at_work(self, m: Module, done: Signal) -> tuple[Value, Value, Value, Value, Value, Value]:
        """Returns (gives a byte, byte, its place, begins a row, ends (tile, layer), is empty)."""
        bytes_in_word = len(self.filled)
        busy, begins, ends = Signal(), Signal(reset_less=True), Signal(2, reset_less=True)
        mask = Signal.like(self.mask, name="word", reset_less=True)
        filled = Signal.like(self.filled, name="word_filled", reset_less=True)
        at = Signal.like(self.place, name="word_place", reset_less=True)
        give, is_last = Signal(), Signal()
        rest = _without_lowest(filled)
        lowest = filled & ~rest
        m.d.comb += [
            is_last.eq(_at_most_one(filled)),
            give.eq(busy & done),
            self.take.eq(self.valid & (~busy | (give & is_last))),
        ]
        with m.If(give):
            m.d.sync += [filled.eq(rest), begins.eq(0)]
            with m.If(is_last):
                m.d.sync += busy.eq(0)
        with m.If(self.take):
            m.d.sync += [
                busy.eq(1), mask.eq(self.mask), filled.eq(self.filled), at.eq(self.place),
                begins.eq(self.begins), ends.eq(Cat(self.tile_end, self.layer_end)),
            ]  # fmt: skip
        self._word_busy = busy
        byte = Signal(BYTE)
        m.d.comb += byte.eq(
            reduce(or_, (mask.word_select(i, BYTE) & lowest[i].replicate(BYTE) for i in range(bytes_in_word)))
        )
        return give, byte, Cat(index_of(lowest), at), begins, ends & is_last.replicate(2), ~filled.any()

    def _byte_at_work(
        self,
        m: Module,
        done: Signal,
        give: Value,
        byte: Value,
        place: Value,
        begins: Value,
        word_ends: Value,
        is_empty: Value,
    ) -> tuple[Value, Value, Value, Value]:
        """Returns (issues, lowest one, place of the byte, (first of the row, last of the tile, last of the layer)).

        ``done``: free for the next byte.
        """
        busy, waiting = Signal(), Signal(init=1)
        mask, last_bit = Signal(BYTE, reset_less=True), Signal(reset_less=True)
        at = Signal(len(place), reset_less=True)
        first, empty = (Signal(name=name, reset_less=True) for name in ("byte_first", "byte_empty"))
        ends = Signal(2, name="byte_ends", reset_less=True)
        in_flight, room = Signal(range(ROWS_IN_FLIGHT + 1)), Signal()
        step, issue = Signal(), Signal()
        m.d.comb += [
            room.eq(~in_flight[-1]), step.eq(busy & ~waiting & (room | ~first)), issue.eq(step & ~empty),
            done.eq(~busy | (step & last_bit)), self.idle.eq(busy & waiting & self._word_busy),
        ]  # fmt: skip
        m.d.sync += in_flight.eq(in_flight + (issue & first) - self.collected)
        with m.If(self.start):
            m.d.sync += waiting.eq(0)
        with m.If(step & last_bit):
            m.d.sync += busy.eq(0)
            with m.If(ends[1]):
                m.d.sync += waiting.eq(1)

        rest = Signal(BYTE)
        m.d.comb += rest.eq(_without_lowest(mask))
        with m.If(issue):
            m.d.sync += [mask.eq(rest), last_bit.eq(_at_most_one(rest)), first.eq(0)]
        with m.If(give):
            m.d.sync += [
                busy.eq(1), mask.eq(byte), last_bit.eq(_at_most_one(byte)), at.eq(place),
                first.eq(begins), ends.eq(word_ends), empty.eq(is_empty),
            ]  # fmt: skip
        return issue, mask & ~rest, at, Cat(first, ends & last_bit.replicate(2))


def _without_lowest(value: Value) -> Value:
    """``value & (value - 1)`` in gates: a carry chain costs more for so few bits."""
    return Cat(*(value[i] & value[:i].any() if i else 0 for i in range(len(value))))


def _at_most_one(value: Value) -> Value:
    """Whether no two bits are set, by halves."""
    if len(value) == 1:
        return Const(1)
    low, high = value[: len(value) // 2], value[len(value) // 2 :]
    return (~low.any() & _at_most_one(high)) | (~high.any() & _at_most_one(low))
