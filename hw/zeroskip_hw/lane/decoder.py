"""Reads a lane's mask words, skips the empty ones, and queues the others."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib.wiring import Component, In, Out

from zeroskip.contracts.layout import Layout, bits_for
from zeroskip.contracts.timing import FIFO_WORDS
from zeroskip_hw.primitives.fifo import Fifo
from zeroskip_hw.primitives.words import fields


class Decoder(Component):
    """Four-stage pipeline from the mask memory to a FIFO; one mask word per cycle, empty or not.

    Stages: address, memory, word, bytes that are not empty. All stages stand still while a word waits before a full FIFO. It runs
    ahead of the computation across rows, tiles, layers and groups, and starts again at address 0 after the last layer. A layer in which
    the lane has no word puts one empty word into the FIFO, so that the lane can follow the layers.

    With strips the lane's words of a layer are read once for every tile, without a gap, and a word's place is looked up: the stored offset
    of its number in the row, and what the row adds to it.

    Members
    -------
    address : Out, enable : Out(1), data : In(word)
        Mask memory's read port.
    number : Out, offset : In(store_bits)
        With strips: read port of the stored offsets, under the same ``enable``.
    valid : Out(1), take : In(1)
        The FIFO's read side, for the following.
    mask : Out(word), filled : Out(word / 8), place : Out
        The word, which of its bytes are not empty, and its place: its number in the row, or with strips the address of its bit 0.
    begins : Out(1), tile_end : Out(1), layer_end : Out(1)
        First non-empty word of a row; the lane's last in the tile; the lane's last in the layer.
    stuck : Out(1)
        A word waits before the full FIFO.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._strips = bool(layout.config.strips)
        word = layout.config.word
        lookup = {"number": Out(layout.group_bits), "offset": In(layout.store_bits)} if self._strips else {}
        super().__init__({
            "address": Out(bits_for(layout.config.mask_depth)), "enable": Out(1), "data": In(word), **lookup,
            "valid": Out(1), "take": In(1),
            "mask": Out(word), "filled": Out(word // 8), "place": Out(place_bits(layout)),
            "begins": Out(1), "tile_end": Out(1), "layer_end": Out(1),
            "stuck": Out(1),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        advance = Signal()
        self._queue(m, advance, *self._fetch(m, advance))
        return m

    def _fetch(self, m: Module, advance: Signal) -> tuple[Value, Value]:
        """Stage 0: walks headers and words; returns what goes into the pipeline beside the address."""
        layout = self._layout
        header = Signal(layout.header_words * layout.config.word, reset_less=True)
        h = fields(layout.header, header)
        address = Signal.like(self.address, name="next_address")
        part = Signal(range(max(2, layout.header_words)))
        group = Signal(layout.group_bits, reset_less=True)
        left = Signal(len(h["left"]), reset_less=True)
        row_begins = Signal(reset_less=True)

        is_header, load, word, dummy, row_end = Signal(), Signal(), Signal(), Signal(), Signal()
        tile_end, layer_end, again = Signal(), Signal(), Signal()
        m.d.comb += [
            self.address.eq(address), self.enable.eq(advance),
            tile_end.eq(word & left[-1]), layer_end.eq(dummy | (tile_end & ~again)), row_end.eq(group == h["end"]),
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
                with m.If(advance):
                    m.d.sync += [
                        left.eq(left - 1),
                        row_begins.eq(row_end),
                        group.eq(Mux(row_end, h["start"], group + 1)),
                    ]
                    with m.If(layer_end):
                        m.next = "HEADER"
            with m.State("NOTHING"):
                m.d.comb += dummy.eq(1)
                with m.If(advance):
                    m.next = "HEADER"
        with m.If(advance & (is_header | word)):
            m.d.sync += address.eq(address + 1)
        place = self._row_base(m, h, advance & word & row_end, advance & (load | tile_end)) if self._strips else group
        if self._strips:
            m.d.comb += self.number.eq(group)
            self._repeat_tiles(m, h, advance, load, tile_end, again, address)
        with m.If(advance & (load | tile_end)):
            m.d.sync += [group.eq(h["first"]), left.eq(h["left"]), row_begins.eq(1)]
        with m.If(advance & layer_end & h["last"]):
            m.d.sync += address.eq(0)

        header_read = Signal()
        with m.If(advance):
            m.d.sync += header_read.eq(is_header)
            with m.If(header_read):
                m.d.sync += header.eq(Cat(header, self.data)[layout.config.word :])
        return Cat(word, dummy), Cat(place, row_begins, tile_end, layer_end)

    def _repeat_tiles(
        self,
        m: Module,
        h: dict[str, Value],
        advance: Value,
        load: Value,
        tile_end: Value,
        again: Signal,
        address: Signal,
    ) -> None:
        """``again``: the words just read are needed for another tile."""
        begin = Signal.like(address, name="first_address", reset_less=True)
        tiles = Signal(len(h["tiles"]), reset_less=True)
        with m.If(advance & load):
            m.d.sync += [begin.eq(address), tiles.eq(h["tiles"]), again.eq(h["tiles"].any())]
        with m.If(advance & tile_end):
            m.d.sync += [tiles.eq(tiles - 1), again.eq(tiles[1:].any())]
            with m.If(again):
                m.d.sync += address.eq(begin)

    def _row_base(self, m: Module, h: dict[str, Value], row_end: Value, restart: Value) -> Signal:
        """What the present row adds to the offsets of its words: it moves on after every ``repeat`` + 1 rows."""
        base = Signal(len(h["row_base"]), reset_less=True)
        left = Signal(len(h["repeat"]), reset_less=True)
        with m.If(row_end):
            m.d.sync += left.eq(left - 1)
            with m.If(~left.any()):
                m.d.sync += [left.eq(h["repeat"]), base.eq(base + h["row_step"])]
        with m.If(restart):
            m.d.sync += [left.eq(h["repeat_left"]), base.eq(h["row_base"])]
        return base

    def _queue(self, m: Module, advance: Signal, kind: Value, tags: Value) -> None:
        """Stages 1 to 3, and the FIFO."""
        layout = self._layout
        width = layout.config.word
        for stage in (1, 2, 3):
            kind_next, tags_next = (
                Signal(2, name=f"kind{stage}"),
                Signal(len(tags), name=f"tags{stage}", reset_less=True),
            )
            if stage == 3:
                earlier = tags
            with m.If(advance):
                m.d.sync += [kind_next.eq(kind), tags_next.eq(tags)]
            kind, tags = kind_next, tags_next

        mask2, mask3 = (Signal(width, name=f"mask{stage}", reset_less=True) for stage in (2, 3))
        filled = Signal(width // 8, reset_less=True)
        pending, some, begins, push = Signal(), Signal(), Signal(), Signal()
        is_word, is_dummy, row_begins, tile_end, layer_end = kind[0], kind[1], tags[-3], tags[-2], tags[-1]
        m.d.comb += [
            some.eq(filled.any()),
            begins.eq(is_word & (pending | row_begins)),
            push.eq((is_word & some) | is_dummy),
        ]
        with m.If(advance):
            m.d.sync += [
                mask2.eq(self.data), mask3.eq(mask2),
                filled.eq(Cat(*(mask2.word_select(i, 8).any() for i in range(width // 8)))),
            ]  # fmt: skip
            with m.If(is_word):
                m.d.sync += pending.eq((pending | row_begins) & ~some)

        place, flags = tags[:-3], Cat(begins, layer_end)
        if self._strips:
            offset2, place = (Signal(layout.store_bits, name=name, reset_less=True) for name in ("offset2", "place3"))
            with m.If(advance):
                m.d.sync += [offset2.eq(self.offset), place.eq(offset2 + earlier[:-3])]
            flags = Cat(flags, tile_end)
        entry = Cat(mask3, filled & is_word.replicate(width // 8), place, flags)
        m.submodules.fifo = fifo = Fifo(width=len(entry), depth=FIFO_WORDS)
        m.d.comb += [
            self.stuck.eq(push & fifo.full), advance.eq(~self.stuck),
            fifo.write.eq(push & ~fifo.full), fifo.write_data.eq(entry),
            self.valid.eq(fifo.valid), fifo.take.eq(self.take),
            Cat(self.mask, self.filled, self.place, self.begins, self.layer_end).eq(fifo.data),
            self.tile_end.eq(fifo.data[-1] if self._strips else self.layer_end),
        ]  # fmt: skip


def place_bits(layout: Layout) -> int:
    """Width of a mask word's place."""
    return layout.store_bits if layout.config.strips else layout.group_bits
