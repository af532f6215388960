"""Reads a lane's mask words as one stream of bits, skips the empty words, and queues the others."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib.wiring import Component, In, Out

from zeroskip.contracts.layout import Layout
from zeroskip.contracts.timing import FIFO_WORDS
from zeroskip.contracts.words import bits_for
from zeroskip_hw.primitives.fifo import Fifo
from zeroskip_hw.primitives.words import fields


class Fetch(Component):
    """Four-stage pipeline from the mask memory to a FIFO; one mask word per cycle, empty or not.

    Stages: address, memory, word, bytes that are not empty. All stages stand still while a word waits before a full FIFO. It runs
    ahead of the computation across tiles, layers and groups, and starts again at address 0 after the last layer. Rows have no place in
    it: a layer's share of the lane is a run of words, read once for every tile. The last word of a share is not empty. A layer in which
    the lane has no word puts one empty word into the FIFO, so that the lane can follow the layers.

    Members
    -------
    address : Out, enable : Out(1), data : In(word)
        Mask memory's read port.
    valid : Out(1), take : In(1)
        The FIFO's read side, for the following.
    mask : Out(word), filled : Out(word / 8), number : Out
        The word, which of its bytes are not empty, and its number within the share.
    tile_end : Out(1), layer_end : Out(1)
        The lane's last word in the tile; in the layer. Both with the empty word of a layer without any.
    stuck : Out(1)
        A word waits before the full FIFO.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        word = layout.config.word
        super().__init__({
            "address": Out(bits_for(layout.config.mask_depth)), "enable": Out(1), "data": In(word),
            "valid": Out(1), "take": In(1),
            "mask": Out(word), "filled": Out(word // 8), "number": Out(layout.number_bits),
            "tile_end": Out(1), "layer_end": Out(1), "stuck": Out(1),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        advance = Signal()
        self._queue(m, advance, *self._walk(m, advance))
        return m

    def _walk(self, m: Module, advance: Signal) -> tuple[Value, Value]:
        """Stage 0: walks headers and words; returns what goes into the pipeline beside the address."""
        layout = self._layout
        header = Signal(layout.header_words * layout.config.word, reset_less=True)
        h = fields(layout.header, header)
        address = Signal.like(self.address, name="next_address")
        part = Signal(range(max(2, layout.header_words)))
        number = Signal(layout.number_bits, reset_less=True)
        tiles = Signal(len(h["tiles"]), reset_less=True)
        at_last = Signal(reset_less=True)  # found one word ahead: the comparison would be the lane's slowest path
        is_header, load, word, dummy = Signal(), Signal(), Signal(), Signal()
        last, tile_end, layer_end, again = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            self.address.eq(address), self.enable.eq(advance),
            last.eq(word & at_last), tile_end.eq(dummy | last), layer_end.eq(dummy | (last & ~again)),
        ]  # fmt: skip
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
                m.d.comb += word.eq(1)
                with m.If(advance & layer_end):
                    m.next = "HEADER"
            with m.State("NOTHING"):
                m.d.comb += dummy.eq(1)
                with m.If(advance):
                    m.next = "HEADER"
        with m.If(advance & (is_header | word)):
            m.d.sync += address.eq(address + 1)
        with m.If(advance & word):
            m.d.sync += [number.eq(number + 1), at_last.eq(address == h["before_last"])]
        with m.If(advance & (load | tile_end)):
            m.d.sync += [number.eq(0), at_last.eq(h["single"])]
        with m.If(advance & load):
            m.d.sync += [tiles.eq(h["tiles"]), again.eq(h["tiles"].any())]
        with m.If(advance & last & again):
            m.d.sync += [address.eq(h["begin"]), tiles.eq(tiles - 1), again.eq(tiles[1:].any())]
        with m.If(advance & layer_end & h["last"]):
            m.d.sync += address.eq(0)
        header_read = Signal()
        with m.If(advance):
            m.d.sync += header_read.eq(is_header)
            with m.If(header_read):
                m.d.sync += header.eq(Cat(header, self.data)[layout.config.word :])
        return Cat(word, dummy), Cat(number, tile_end, layer_end)

    def _queue(self, m: Module, advance: Signal, kind: Value, tags: Value) -> None:
        """Stages 1 to 3, and the FIFO."""
        width = self._layout.config.word
        for stage in (1, 2, 3):
            kind_next, tags_next = Signal(2, name=f"kind{stage}"), Signal(len(tags), name=f"tags{stage}")
            with m.If(advance):
                m.d.sync += [kind_next.eq(kind), tags_next.eq(tags)]
            kind, tags = kind_next, tags_next
        mask2, mask3 = (Signal(width, name=f"mask{stage}", reset_less=True) for stage in (2, 3))
        filled, push = Signal(width // 8, reset_less=True), Signal()
        is_word, is_dummy = kind[0], kind[1]
        with m.If(advance):
            m.d.sync += [
                mask2.eq(self.data), mask3.eq(mask2),
                filled.eq(Cat(*(mask2.word_select(i, 8).any() for i in range(width // 8)))),
            ]  # fmt: skip
        entry = Cat(mask3, filled & is_word.replicate(width // 8), tags)
        m.submodules.fifo = fifo = Fifo(width=len(entry), depth=FIFO_WORDS)
        m.d.comb += [
            push.eq((is_word & filled.any()) | is_dummy),
            self.stuck.eq(push & fifo.full), advance.eq(~self.stuck),
            fifo.write.eq(push & ~fifo.full), fifo.write_data.eq(entry),
            self.valid.eq(fifo.valid), fifo.take.eq(self.take),
            Cat(self.mask, self.filled, self.number, self.tile_end, self.layer_end).eq(fifo.data),
        ]  # fmt: skip
