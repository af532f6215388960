"""Takes one nonzero weight per cycle out of the mask words."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib.wiring import Component, In, Out

from zeroskip.spec.layout import Layout, bits_for
from zeroskip.spec.timing import ROWS_IN_FLIGHT

from .decoder import count_bits


class Issue(Component):
    """The word at work: each cycle its lowest one leaves as an activation address, and the next weight is addressed.

    One weight per cycle without a gap between words or rows. It stops at the end of a layer until ``start``, and before a row's first
    weight while ``ROWS_IN_FLIGHT`` rows wait to be collected. That the word has one bit left is known a cycle before, from the count,
    so the decision to take the next word is one flip-flop.

    Members
    -------
    valid, take, mask, count, group, begins, layer_end, group_end :
        The decoder's FIFO.
    start : In(1)
        A layer begins; issuing goes on in the next cycle.
    collected : In(1)
        One row's result left the lane.
    idle : Out(1)
        A word is at work and waits for ``start``.
    issue : Out(1), activation : Out, weight : Out
        Two cycles after the decision: addresses of the operands.
    first : Out(1), tail : Out(1)
        With ``issue``: the weight is its row's first; it is the lane's last in the layer.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        super().__init__({
            "valid": In(1), "take": Out(1),
            "mask": In(layout.config.word), "count": In(count_bits(layout)), "group": In(layout.group_bits),
            "begins": In(1), "layer_end": In(1), "group_end": In(1),
            "start": In(1), "collected": In(1), "idle": Out(1),
            "issue": Out(1), "first": Out(1), "tail": Out(1),
            "activation": Out(layout.group_bits + layout.index_bits), "weight": Out(bits_for(layout.config.weight_depth)),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        width = self._layout.config.word
        busy, waiting = Signal(), Signal(init=1)
        mask = Signal(width, reset_less=True)
        left = Signal.like(self.count, name="left", reset_less=True)
        last_bit, empty, begins = Signal(), Signal(), Signal()
        layer_end, group_end = Signal(), Signal()
        group = Signal.like(self.group, name="word_group", reset_less=True)

        in_flight = Signal(range(ROWS_IN_FLIGHT + 1))
        room = Signal()
        step, issue, done = Signal(), Signal(), Signal()
        m.d.comb += [
            room.eq(in_flight != ROWS_IN_FLIGHT),
            step.eq(busy & ~waiting & (room | ~begins)), issue.eq(step & ~empty), done.eq(step & (last_bit | empty)),
            self.take.eq(self.valid & (~busy | done)), self.idle.eq(busy & waiting),
        ]  # fmt: skip
        m.d.sync += in_flight.eq(in_flight + (issue & begins) - self.collected)
        with m.If(self.start):
            m.d.sync += waiting.eq(0)
        with m.If(done & layer_end):
            m.d.sync += waiting.eq(1)

        rest = Signal(width)
        m.d.comb += rest.eq(mask & (mask - 1))
        with m.If(issue):
            m.d.sync += [mask.eq(rest), left.eq(left - 1), last_bit.eq(left == 2), begins.eq(0)]
        with m.If(done):
            m.d.sync += busy.eq(0)
        with m.If(self.take):
            m.d.sync += [
                busy.eq(1), mask.eq(self.mask), left.eq(self.count), last_bit.eq(self.count == 1), empty.eq(self.count == 0),
                group.eq(self.group), begins.eq(self.begins), layer_end.eq(self.layer_end), group_end.eq(self.group_end),
            ]  # fmt: skip

        # Stage 1: the lowest one alone. Stage 2: its index, which with the group is the address.
        lowest = Signal(width, reset_less=True)
        group1 = Signal.like(group, name="group1", reset_less=True)
        issue1, first1, tail1, rewind1, rewind2 = Signal(), Signal(), Signal(), Signal(), Signal()
        m.d.sync += [
            lowest.eq(mask & ~rest), group1.eq(group),
            issue1.eq(issue), first1.eq(begins), tail1.eq(last_bit & layer_end), rewind1.eq(done & group_end),
        ]  # fmt: skip
        index = [Cat(*(lowest[i] for i in range(width) if i >> bit & 1)).any() for bit in range(self._layout.index_bits)]
        m.d.sync += [
            self.activation.eq(Cat(*index, group1)),
            self.issue.eq(issue1), self.first.eq(first1), self.tail.eq(tail1), rewind2.eq(rewind1),
        ]  # fmt: skip
        weight = Signal.like(self.weight, name="next_weight")
        m.d.comb += self.weight.eq(weight)
        with m.If(self.issue | rewind2):
            m.d.sync += weight.eq(Mux(rewind2, 0, weight + 1))
        return m
