"""Takes one nonzero weight per cycle out of the mask words."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib.wiring import Component, In, Out

from zeroskip.spec.layout import Layout, bits_for
from zeroskip.spec.timing import ROWS_IN_FLIGHT

from .onehot import index_of

BYTE = 8


class Issue(Component):
    """The word at work gives its non-empty bytes one by one, and the byte at work its ones, one each cycle, the lowest first.

    One weight per cycle without a gap between bytes, words or rows, since no byte that is taken is empty. It stops at the end
    of a layer until ``start``, and before a row's first weight while ``ROWS_IN_FLIGHT`` rows wait to be collected. Whether the byte has
    one bit left is a register, and so the decision to take the next byte needs few gates whatever the width of the word.

    Members
    -------
    valid, take, mask, filled, group, begins, layer_end :
        The decoder's FIFO.
    start : In(1)
        A layer begins; issuing goes on in the next cycle.
    rewind : In(1)
        With the first layer's ``start``, when nothing is on its way to the addresses: weights are read from address 0 on.
    collected : In(1)
        One row's result left the lane.
    idle : Out(1)
        A byte is at work and waits for ``start``, and a word behind it.
    issue : Out(1), activation : Out, weight : Out
        Two cycles after the decision: addresses of the operands.
    first : Out(1), tail : Out(1)
        With ``issue``: the weight is its row's first; it is the lane's last in the layer.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        word = layout.config.word
        super().__init__({
            "valid": In(1), "take": Out(1),
            "mask": In(word), "filled": In(word // BYTE), "group": In(layout.group_bits), "begins": In(1), "layer_end": In(1),
            "start": In(1), "rewind": In(1), "collected": In(1), "idle": Out(1),
            "issue": Out(1), "first": Out(1), "tail": Out(1),
            "activation": Out(layout.group_bits + layout.index_bits), "weight": Out(bits_for(layout.config.weight_depth)),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        done = Signal()
        word = self._word_at_work(m, done)
        issue, lowest, place, first, tail = self._byte_at_work(m, done, *word)

        # Stage 1: the lowest one alone. Stage 2: its index, which with byte and group is the address.
        lowest1 = Signal(BYTE, reset_less=True)
        place1 = Signal(len(place), reset_less=True)
        issue1, first1, tail1 = Signal(), Signal(reset_less=True), Signal(reset_less=True)
        m.d.sync += [lowest1.eq(lowest), place1.eq(place), issue1.eq(issue), first1.eq(first), tail1.eq(tail)]
        m.d.sync += [
            self.activation.eq(Cat(index_of(lowest1), place1)),
            self.issue.eq(issue1), self.first.eq(first1), self.tail.eq(tail1),
        ]  # fmt: skip
        weight = Signal.like(self.weight, name="next_weight", reset_less=True)
        m.d.comb += self.weight.eq(weight)
        with m.If(self.issue):
            m.d.sync += weight.eq(weight + 1)
        with m.If(self.rewind):
            m.d.sync += weight.eq(0)
        return m

    def _word_at_work(self, m: Module, done: Signal) -> tuple[Value, Value, Value, Value, Value, Value]:
        """Returns (gives a byte, byte, its place in the row, begins a row, ends the layer, is empty)."""
        bytes_in_word = len(self.filled)
        busy, begins, layer_end = Signal(), Signal(reset_less=True), Signal(reset_less=True)
        mask = Signal.like(self.mask, name="word", reset_less=True)
        filled = Signal.like(self.filled, name="word_filled", reset_less=True)
        group = Signal.like(self.group, name="word_group", reset_less=True)
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
                busy.eq(1), mask.eq(self.mask), filled.eq(self.filled), group.eq(self.group),
                begins.eq(self.begins), layer_end.eq(self.layer_end),
            ]  # fmt: skip
        self._word_busy = busy
        byte = Signal(BYTE)
        m.d.comb += byte.eq(
            reduce(or_, (mask.word_select(i, BYTE) & lowest[i].replicate(BYTE) for i in range(bytes_in_word)))
        )
        return give, byte, Cat(index_of(lowest), group), begins, layer_end & is_last, ~filled.any()

    def _byte_at_work(
        self,
        m: Module,
        done: Signal,
        give: Value,
        byte: Value,
        place: Value,
        begins: Value,
        layer_end: Value,
        is_empty: Value,
    ) -> tuple[Value, Value, Value, Value, Value]:
        """Returns (issues, lowest one, place of the byte, first of the row, last of the layer); ``done``: free for the next byte."""
        busy, waiting = Signal(), Signal(init=1)
        mask, last_bit = Signal(BYTE, reset_less=True), Signal(reset_less=True)
        at = Signal(len(place), reset_less=True)
        first, ends, empty = (Signal(name=name, reset_less=True) for name in ("byte_first", "byte_ends", "byte_empty"))
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
            with m.If(ends):
                m.d.sync += waiting.eq(1)

        rest = Signal(BYTE)
        m.d.comb += rest.eq(_without_lowest(mask))
        with m.If(issue):
            m.d.sync += [mask.eq(rest), last_bit.eq(_at_most_one(rest)), first.eq(0)]
        with m.If(give):
            m.d.sync += [
                busy.eq(1), mask.eq(byte), last_bit.eq(_at_most_one(byte)), at.eq(place),
                first.eq(begins), ends.eq(layer_end), empty.eq(is_empty),
            ]  # fmt: skip
        return issue, mask & ~rest, at, first, last_bit & ends


def _without_lowest(value: Value) -> Value:
    """``value & (value - 1)`` in gates: a carry chain costs more for so few bits."""
    return Cat(*(value[i] & value[:i].any() if i else 0 for i in range(len(value))))


def _at_most_one(value: Value) -> Value:
    """Whether no two bits are set, by halves."""
    if len(value) == 1:
        return Const(1)
    low, high = value[: len(value) // 2], value[len(value) // 2 :]
    return (~low.any() & _at_most_one(high)) | (~high.any() & _at_most_one(low))
