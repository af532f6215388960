"""Takes one set bit per cycle out of the mask words."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib.wiring import Component, In, Out, Signature

from zeroskip.contracts.layout import Layout
from zeroskip_hw.primitives.onehot import index_of

BYTE = 8


def token() -> Signature:
    """What goes down a lane's pipeline: ``valid``: there is something; ``weight``: a weight, or else a layer that has none for the lane.

    tile_end, layer_end : the lane's last of the tile, of the layer
    """
    return Signature({"valid": Out(1), "weight": Out(1), "tile_end": Out(1), "layer_end": Out(1)})


def passed_on(m: Module, advance: Value, source: Any, sink: Any) -> None:
    """One stage of the pipeline for the token ``source``."""
    with m.If(advance):
        m.d.sync += [getattr(sink, name).eq(getattr(source, name)) for name in source.signature.members]


class Pick(Component):
    """The word at work gives its non-empty bytes one by one, and the byte at work its ones, one each cycle, the lowest first.

    One bit per cycle without a gap between bytes, words or tiles, since no byte that is taken is empty. Behind the end of a layer it
    waits for ``resume``. What leaves it, and all that follows, stands still without ``advance``. One cycle from the decision to ``lowest``.

    Members
    -------
    valid, take, mask, filled, number, tile_end, layer_end :
        The queue of words.
    advance : In(1), resume : In(1)
        The pipeline moves on; the constants of the next layer are there.
    token : Out(token), lowest : Out(8), place : Out
        The bit that was taken: alone in its byte, and the place of this byte in the stream.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        word = layout.config.word
        super().__init__({
            "valid": In(1), "take": Out(1), "mask": In(word), "filled": In(word // BYTE), "number": In(layout.number_bits),
            "tile_end": In(1), "layer_end": In(1), "advance": In(1), "resume": In(1),
            "token": Out(token()), "lowest": Out(BYTE), "place": Out(layout.position_bits - 3),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        done = Signal()
        give, byte, place, ends, is_empty = self._word_at_work(m, done)

        busy, waiting = Signal(), Signal(init=1)
        mask, last_bit, empty = Signal(BYTE, reset_less=True), Signal(reset_less=True), Signal(reset_less=True)
        at, byte_ends = Signal(len(place), reset_less=True), Signal(2, reset_less=True)
        ready, step, rest = Signal(), Signal(), Signal(BYTE)
        m.d.comb += [
            ready.eq(busy & ~waiting), step.eq(ready & self.advance), done.eq(~busy | (step & last_bit)),
            rest.eq(_without_lowest(mask)),
        ]  # fmt: skip
        with m.If(self.resume):
            m.d.sync += waiting.eq(0)
        with m.If(step & last_bit):
            m.d.sync += busy.eq(0)
            with m.If(byte_ends[1]):
                m.d.sync += waiting.eq(1)
        with m.If(step):
            m.d.sync += [mask.eq(rest), last_bit.eq(_at_most_one(rest))]
        with m.If(give):
            m.d.sync += [
                busy.eq(1), mask.eq(byte), last_bit.eq(_at_most_one(byte)), at.eq(place), byte_ends.eq(ends),
                empty.eq(is_empty),
            ]  # fmt: skip
        with m.If(self.advance):
            m.d.sync += [
                self.token.valid.eq(ready), self.token.weight.eq(~empty), self.lowest.eq(mask & ~rest), self.place.eq(at),
                Cat(self.token.tile_end, self.token.layer_end).eq(byte_ends & last_bit.replicate(2)),
            ]  # fmt: skip
        return m

    def _word_at_work(self, m: Module, done: Signal) -> tuple[Value, Value, Value, Value, Value]:
        """Returns (gives a byte, byte, its place, ends (tile, layer), is empty)."""
        bytes_in_word = len(self.filled)
        busy, ends = Signal(name="word_busy"), Signal(2, name="word_ends", reset_less=True)
        mask = Signal.like(self.mask, name="word", reset_less=True)
        filled = Signal.like(self.filled, name="word_filled", reset_less=True)
        at = Signal.like(self.number, name="word_number", reset_less=True)
        give, is_last, byte = Signal(), Signal(), Signal(BYTE)
        rest = _without_lowest(filled)
        lowest = filled & ~rest
        m.d.comb += [
            is_last.eq(_at_most_one(filled)), give.eq(busy & done),
            self.take.eq(self.valid & (~busy | (give & is_last))),
            byte.eq(reduce(or_, (mask.word_select(i, BYTE) & lowest[i].replicate(BYTE) for i in range(bytes_in_word)))),
        ]  # fmt: skip
        with m.If(give):
            m.d.sync += filled.eq(rest)
            with m.If(is_last):
                m.d.sync += busy.eq(0)
        with m.If(self.take):
            m.d.sync += [
                busy.eq(1), mask.eq(self.mask), filled.eq(self.filled), at.eq(self.number),
                ends.eq(Cat(self.tile_end, self.layer_end)),
            ]  # fmt: skip
        return give, byte, Cat(index_of(lowest), at), ends & is_last.replicate(2), ~filled.any()


def _at_most_one(value: Value) -> Value:
    """Whether no two bits are set, by halves."""
    if len(value) == 1:
        return Const(1)
    low, high = value[: len(value) // 2], value[len(value) // 2 :]
    return (~low.any() & _at_most_one(high)) | (~high.any() & _at_most_one(low))


def _without_lowest(value: Value) -> Value:
    """``value & (value - 1)`` in gates: a carry chain costs more for so few bits."""
    return Cat(*(value[i] & value[:i].any() if i else 0 for i in range(len(value))))
