"""Reads a lane's mask words, and queues those that have bits."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib.wiring import Component, In, Out

from zeroskip.contracts.layout import Layout
from zeroskip.contracts.timing import FIFO_WORDS
from zeroskip.contracts.words import bits_for
from zeroskip_hw.primitives.broadcast import broadcast
from zeroskip_hw.primitives.fifo import Fifo
from zeroskip_hw.primitives.words import fields

from .unfold import Unfold, entry, walked


class Fetch(Component):
    """Four stages from the mask memory to a FIFO: address, memory, word, :class:`~zeroskip_hw.lane.unfold.Unfold`. A word per cycle.

    All stages stand still where a word waits. They run ahead of the computation across tiles, layers and groups, and start again at
    address 0 after the last layer. Rows have no place in it: a layer's share of the lane is a run of words, read once for every tile. A
    layer in which the lane has no word puts one empty word into the FIFO, so that the lane can follow the layers. A dense share has one
    word in the memory, its last, whose address stands for all.

    Members
    -------
    address : Out, enable : Out(1), data : In(word)
        Mask memory's read port.
    valid : Out(1), take : In(1), entry : Out(entry)
        The FIFO's read side, for the following.
    stuck : Out(1)
        A word waits before the full FIFO.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        super().__init__({
            "address": Out(bits_for(layout.config.mask_depth)), "enable": Out(1), "data": In(layout.config.word),
            "valid": Out(1), "take": In(1), "entry": Out(entry(layout)), "stuck": Out(1),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.unfold = unfold = Unfold(self._layout)
        steps = [walked(self._layout).create(path=(f"walked{stage}",)) for stage in range(3)]
        self._walk(m, unfold.advance, steps[0])
        word = Signal(self._layout.config.word, reset_less=True)
        with m.If(unfold.advance):
            m.d.sync += word.eq(self.data)
            for before, after in pairwise(steps):
                m.d.sync += [getattr(after, name).eq(getattr(before, name)) for name in before.signature.members]
        broadcast(m, steps[-1], unfold.source)
        found, given = (
            Cat(*(getattr(one, name) for name in one.signature.members)) for one in (unfold.entry, self.entry)
        )
        m.submodules.fifo = fifo = Fifo(width=len(found), depth=FIFO_WORDS)
        m.d.comb += [
            unfold.word.eq(word), unfold.full.eq(fifo.full), self.stuck.eq(unfold.push & fifo.full),
            fifo.write.eq(unfold.push & ~fifo.full), fifo.write_data.eq(found),
            self.valid.eq(fifo.valid), fifo.take.eq(self.take), given.eq(fifo.data),
        ]  # fmt: skip
        return m

    def _walk(self, m: Module, advance: Signal, step: Any) -> None:
        """Stage 0: walks headers and words; ``step`` goes into the pipeline beside the address."""
        layout = self._layout
        header = Signal(layout.header_words * layout.config.word, reset_less=True)
        h = fields(layout.header, header)
        address, begin = Signal.like(self.address, name="next_address"), Signal.like(self.address, name="begin")
        part = Signal(range(max(2, layout.header_words)))
        number = Signal(layout.run_bits, reset_less=True)
        tiles = Signal(len(h["tiles"]), reset_less=True)
        at_last = Signal(reset_less=True)  # found one word ahead: the comparison would be the lane's slowest path
        again = Signal()
        is_header = Signal()
        load = Signal()
        last = Signal()
        m.d.comb += [
            self.address.eq(address), self.enable.eq(advance), last.eq(step.word & at_last),
            step.tile_end.eq(step.nothing | last), step.layer_end.eq(step.nothing | (last & ~again)),
            step.ones.eq(h["dense"] & ~at_last),
        ]  # fmt: skip
        if layout.config.two_level:
            m.d.comb += step.packed.eq(step.word & h["packed"])
        with m.FSM(name="fetch"):
            with m.State("HEADER"):
                m.d.comb += is_header.eq(1)
                with m.If(advance):
                    m.d.sync += part.eq(part + 1)
                    with m.If(part == layout.header_words - 1):
                        m.d.sync += part.eq(0)
                        m.next = "WAIT"
            with m.State("WAIT"):
                with m.If(advance):
                    m.next = "LOAD"
            with m.State("LOAD"):
                m.d.comb += load.eq(1)
                with m.If(advance):
                    m.next = "WORDS"
                    with m.If(h["empty"]):
                        m.next = "NOTHING"
            with m.State("WORDS"):
                m.d.comb += step.word.eq(1)
                with m.If(advance & step.layer_end):
                    m.next = "HEADER"
            with m.State("NOTHING"):
                m.d.comb += step.nothing.eq(1)
                with m.If(advance):
                    m.next = "HEADER"
        with m.If(advance & (is_header | (step.word & (at_last | ~h["dense"])))):
            m.d.sync += address.eq(address + 1)
        with m.If(advance & step.word):
            m.d.sync += [number.eq(number + 1), at_last.eq(number == h["before_last"])]
        with m.If(advance & (load | step.tile_end)):
            m.d.sync += [number.eq(0), at_last.eq(h["single"])]
        with m.If(advance & load):
            m.d.sync += [begin.eq(address), tiles.eq(h["tiles"]), again.eq(h["tiles"].any())]
        with m.If(advance & last & again):
            m.d.sync += [address.eq(begin), tiles.eq(tiles - 1), again.eq(tiles[1:].any())]
        with m.If(advance & step.layer_end & h["last"]):
            m.d.sync += address.eq(0)
        header_read = Signal()
        with m.If(advance):
            m.d.sync += header_read.eq(is_header)
            with m.If(header_read):
                m.d.sync += header.eq(Cat(header, self.data)[layout.config.word :])
