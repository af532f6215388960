"""Makes of mask words, however they are stored, words of bits for the queue."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib.wiring import Component, In, Out, Signature

from zeroskip.contracts.layout import CHUNKS, LEAF, Layout
from zeroskip_hw.primitives.onehot import at_most_one, chosen, exceeds, index_of, without_lowest


def walked(layout: Layout) -> Signature:
    """What goes beside a mask word: ``word``: there is one; ``nothing``: a layer that has none for the lane.

    ones : all its bits are set; packed : it belongs to a share in two levels; tile_end, layer_end : the lane's last
    """
    packed = {"packed": Out(1)} if layout.config.two_level else {}
    return Signature({
        "word": Out(1), "nothing": Out(1), "ones": Out(1), **packed, "tile_end": Out(1), "layer_end": Out(1),
    })  # fmt: skip


def entry(layout: Layout) -> Signature:
    """A word of bits: ``word`` positions of the stream from ``number`` on, in leaves of ``LEAF`` bits.

    filled : the leaves that are not empty; data : all leaves
    packed : ``data`` is the next word of the run of leaves that are not empty, if ``fresh``; or nothing
    tile_end, layer_end : the lane's last
    """
    packed = {"packed": Out(1), "fresh": Out(1)} if layout.config.two_level else {}
    return Signature({
        "data": Out(layout.config.word), "filled": Out(layout.config.word // LEAF), "number": Out(layout.number_bits),
        "tile_end": Out(1), "layer_end": Out(1), **packed,
    })  # fmt: skip


class Unfold(Component):
    """A word of bits goes through as it is. In two levels, a word of flags stays while its chunks are pushed.

    A chunk is as many flags as a word has leaves, and is skipped if it is empty. Where the leaves that are left over are too few for a
    chunk, the word behind the stage is the next one of leaves, and goes with the chunk. One entry per cycle; no bits, no entry.

    Members
    -------
    source : In(walked), word : In(word)
        The word before the stage.
    advance : Out(1)
        It is taken in this cycle.
    push : Out(1), entry : Out(entry), full : In(1)
        There is an entry; it waits while the queue is full.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        super().__init__({
            "source": In(walked(layout)), "word": In(layout.config.word), "advance": Out(1),
            "push": Out(1), "entry": Out(entry(layout)), "full": In(1),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        leaves = self._layout.config.word // LEAF
        here = walked(self._layout).create(path=("here",))
        word = Signal.like(self.word, reset_less=True)
        filled = Signal(leaves, reset_less=True)
        number = Signal(self._layout.number_bits)
        next_number = Signal(self._layout.number_bits)
        # Nothing waits; the stage's word is done with; and another comes.
        free = Signal()
        over = Signal(init=1)
        take_in = Signal()
        bits = self.word | self.source.ones.replicate(len(self.word))
        m.d.comb += [
            free.eq(~(self.push & self.full)), self.advance.eq(take_in), next_number.eq(number + 1),
            self.entry.number.eq(number), self.entry.data.eq(word), self.entry.filled.eq(filled),
            Cat(self.entry.tile_end, self.entry.layer_end).eq(Cat(here.tile_end, here.layer_end)),
        ]  # fmt: skip
        with m.If(free & over):
            m.d.sync += [
                word.eq(bits), filled.eq(Cat(*(bits.word_select(i, LEAF).any() & self.source.word for i in range(leaves)))),
                self.push.eq(self.source.nothing | (self.source.word & bits.any())),
                *(getattr(here, name).eq(getattr(self.source, name)) for name in here.signature.members),
            ]  # fmt: skip
            with m.If(here.word):
                m.d.sync += number.eq(Mux(self.entry.tile_end, 0, next_number))
        if self._layout.config.two_level:
            self._two_levels(m, here, word, number, next_number, free, over, take_in)
        else:
            m.d.comb += [over.eq(1), take_in.eq(free)]
        return m

    def _two_levels(
        self,
        m: Module,
        here: Any,
        word: Signal,
        number: Signal,
        next_number: Signal,
        free: Signal,
        over: Signal,
        take_in: Signal,
    ) -> None:
        """What a word of flags does beside. Statements here come later than those for a word of bits, and win."""
        leaves = len(self.entry.filled)
        counts = [Signal(range(leaves + 1), name=f"count{i}", reset_less=True) for i in range(CHUNKS)]
        # The chunk to push and its count, and the chunks behind it that are not empty: found a cycle ahead, as the whole lane's fetching
        # depends on them.
        lowest = Signal(CHUNKS, reset_less=True)
        count = Signal(range(leaves + 1), reset_less=True)
        rest = Signal(CHUNKS)
        left = Signal(range(leaves))  # leaves of the present word of leaves that no chunk has had
        fresh = Signal()
        flags = Signal()
        m.d.comb += [
            flags.eq(here.packed & self.push), fresh.eq(flags & exceeds(count, left)), take_in.eq(free & (over | fresh)),
            self.entry.packed.eq(here.packed), self.entry.fresh.eq(fresh),
        ]  # fmt: skip
        with m.If(here.packed):
            m.d.comb += [
                self.entry.data.eq(self.word),
                self.entry.filled.eq(chosen(lowest, [word.word_select(i, leaves) for i in range(CHUNKS)])),
                self.entry.number.eq(number | index_of(lowest)), next_number.eq(number + CHUNKS),
                Cat(self.entry.tile_end, self.entry.layer_end).eq(
                    (Cat(here.tile_end, here.layer_end) | (Cat(self.source.tile_end, self.source.layer_end) & fresh.replicate(2)))
                    & over.replicate(2)
                ),
            ]  # fmt: skip
        with m.If(free & over):
            chunks = [self.word.word_select(i, leaves) for i in range(CHUNKS)]
            m.d.sync += [held.eq(sum(chunk)) for held, chunk in zip(counts, chunks, strict=True)]
            _next_chunk(
                m, Cat(*(chunk.any() for chunk in chunks)), [sum(chunk) for chunk in chunks], lowest, count, rest, over
            )
            with m.If(~self.source.packed):
                m.d.sync += [rest.eq(0), over.eq(1)]
        with m.If(free & over & fresh):  # the word before the stage went with the chunk
            m.d.sync += [rest.eq(0), over.eq(1), self.push.eq(0), here.word.eq(0), here.nothing.eq(0)]
        with m.If(free & ~over):
            _next_chunk(m, rest, counts, lowest, count, rest, over)
            with m.If(fresh):
                m.d.sync += [
                    here.tile_end.eq(self.source.tile_end),
                    here.layer_end.eq(self.source.layer_end),
                ]
        with m.If(free & flags):
            m.d.sync += left.eq(Mux(self.entry.tile_end, 0, left - count))


def _next_chunk(
    m: Module, some: Value, counts: list[Value], lowest: Signal, count: Signal, rest: Signal, over: Signal
) -> None:
    """Of the chunks ``some`` the lowest comes next, with its count; the others are left over, if there are any."""
    others = without_lowest(some)
    m.d.sync += [
        lowest.eq(some & ~others),
        count.eq(chosen(some & ~others, counts)),
        rest.eq(others),
        over.eq(at_most_one(some)),
    ]
