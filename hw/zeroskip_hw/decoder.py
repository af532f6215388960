"""Reads a lane's mask words, skips the empty ones, and queues the others with their count of ones."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib.wiring import Component, In, Out

from zeroskip.spec.layout import Layout, bits_for
from zeroskip.spec.timing import FIFO_WORDS

from .fifo import Fifo
from .words import fields


def count_bits(layout: Layout) -> int:
    """Width of the number of ones in a mask word."""
    return bits_for(layout.config.word + 1)


class Decoder(Component):
    """Five-stage pipeline from the mask memory to a FIFO; one mask word per cycle, empty or not.

    Stages: address, memory, word, popcounts of four bits, their sum. All stages stand still while a word waits before a full FIFO. It runs
    ahead of the computation across rows, layers and groups, and starts again at address 0 after the last layer. A layer in which the
    lane has no word puts one word of count 0 into the FIFO, so that the lane can follow the layers.

    Members
    -------
    address : Out, enable : Out(1), data : In(word)
        Mask memory's read port.
    valid : Out(1), take : In(1)
        The FIFO's read side, for the following.
    mask : Out(word), count : Out, group : Out
        The word, its ones, and its place in the row.
    begins : Out(1), layer_end : Out(1), group_end : Out(1)
        First non-empty word of a row; the lane's last in the layer; the lane's last in the program.
    stuck : Out(1)
        A word waits before the full FIFO.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        super().__init__({
            "address": Out(bits_for(layout.config.mask_depth)), "enable": Out(1), "data": In(layout.config.word),
            "valid": Out(1), "take": In(1),
            "mask": Out(layout.config.word), "count": Out(count_bits(layout)), "group": Out(layout.group_bits),
            "begins": Out(1), "layer_end": Out(1), "group_end": Out(1),
            "stuck": Out(1),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        advance = Signal()
        self._count(m, advance, *self._fetch(m, advance))
        return m

    def _fetch(self, m: Module, advance: Signal) -> tuple[Signal, Signal, Value]:
        """Stage 0: walks headers and words; returns what goes into the pipeline beside the address."""
        layout = self._layout
        header_bits = layout.header_words * layout.config.word
        header = Signal(header_bits, reset_less=True)
        h = fields(layout.header, header)
        address = Signal.like(self.address, name="next_address")
        part = Signal(range(max(2, layout.header_words)))
        group, left, fresh = Signal(layout.group_bits), Signal(len(h["count"])), Signal()

        is_header, word, dummy = Signal(), Signal(), Signal()
        row_begins, layer_end, group_end = Signal(), Signal(), Signal()
        m.d.comb += [
            self.address.eq(address), self.enable.eq(advance),
            row_begins.eq(fresh | (group == h["start"])),
            layer_end.eq(dummy | (left == 1)),
            group_end.eq(layer_end & h["last"]),
        ]  # fmt: skip
        with m.FSM(name="fetch"):
            with m.State("HEADER"):
                m.d.comb += is_header.eq(1)
                with m.If(advance):
                    m.d.sync += [address.eq(address + 1), part.eq(part + 1)]
                    with m.If(part == layout.header_words - 1):
                        m.d.sync += part.eq(0)
                        m.next = "WAIT"
            with m.State("WAIT"), m.If(advance):
                m.next = "LOAD"
            with m.State("LOAD"), m.If(advance):
                m.d.sync += [group.eq(h["first"]), left.eq(h["count"]), fresh.eq(1)]
                m.next = "WORDS"
                with m.If(h["count"] == 0):
                    m.next = "NOTHING"
            with m.State("WORDS"):
                m.d.comb += word.eq(1)
                with m.If(advance):
                    m.d.sync += [
                        address.eq(address + 1), left.eq(left - 1), fresh.eq(0),
                        group.eq(Mux(group == h["end"], h["start"], group + 1)),
                    ]  # fmt: skip
                    with m.If(layer_end):
                        m.d.sync += address.eq(Mux(h["last"], 0, address + 1))
                        m.next = "HEADER"
            with m.State("NOTHING"):
                m.d.comb += dummy.eq(1)
                with m.If(advance):
                    m.d.sync += address.eq(Mux(h["last"], 0, address))
                    m.next = "HEADER"

        header_read = Signal()
        with m.If(advance):
            m.d.sync += header_read.eq(is_header)
            with m.If(header_read):
                m.d.sync += header.eq(Cat(header, self.data)[layout.config.word :])
        return word, dummy, Cat(group, row_begins, layer_end, group_end)

    def _count(self, m: Module, advance: Signal, word: Signal, dummy: Signal, tags: Value) -> None:
        """Stages 1 to 4, and the FIFO."""
        layout = self._layout
        width = layout.config.word
        kind = Cat(word, dummy)
        for stage in (1, 2, 3):
            kind_next, tags_next = Signal(2, name=f"kind{stage}"), Signal(len(tags), name=f"tags{stage}", reset_less=True)
            with m.If(advance):
                m.d.sync += [kind_next.eq(kind), tags_next.eq(tags)]
            kind, tags = kind_next, tags_next

        mask2, mask3, mask4 = (Signal(width, name=f"mask{stage}", reset_less=True) for stage in (2, 3, 4))
        nibbles = [Signal(range(5), name=f"ones{i}", reset_less=True) for i in range(width // 4)]
        count4 = Signal(count_bits(layout), reset_less=True)
        group4 = Signal(layout.group_bits, reset_less=True)
        begins4, layer_end4, group_end4, push4, pending = Signal(), Signal(), Signal(), Signal(), Signal()

        group3, row_begins3, layer_end3, group_end3 = tags[:-3], tags[-3], tags[-2], tags[-1]
        some = Signal()
        m.d.comb += some.eq(Cat(*(ones != 0 for ones in nibbles)).any())
        with m.If(advance):
            m.d.sync += [
                mask2.eq(self.data), mask3.eq(mask2), mask4.eq(mask3),
                *(ones.eq(sum(mask2[4 * i + bit] for bit in range(4))) for i, ones in enumerate(nibbles)),
                count4.eq(Mux(kind[1], 0, _sum(nibbles))),
                group4.eq(group3), layer_end4.eq(layer_end3), group_end4.eq(group_end3),
                begins4.eq(kind[0] & (pending | row_begins3)),
                push4.eq((kind[0] & some) | kind[1]),
            ]  # fmt: skip
            with m.If(kind[0]):
                m.d.sync += pending.eq((pending | row_begins3) & ~some)

        entry = Cat(mask4, count4, group4, begins4, layer_end4, group_end4)
        m.submodules.fifo = fifo = Fifo(width=len(entry), depth=FIFO_WORDS)
        m.d.comb += [
            self.stuck.eq(push4 & fifo.full), advance.eq(~self.stuck),
            fifo.write.eq(push4 & ~fifo.full), fifo.write_data.eq(entry),
            self.valid.eq(fifo.valid), fifo.take.eq(self.take),
            Cat(self.mask, self.count, self.group, self.begins, self.layer_end, self.group_end).eq(fifo.data),
        ]  # fmt: skip


def _sum(values: list[Signal]) -> Value:
    """Balanced adder tree."""
    terms: list[Value] = list(values)
    while len(terms) > 1:
        terms = [a + b for a, b in zip(terms[0::2], terms[1::2], strict=True)]
    return terms[0]
