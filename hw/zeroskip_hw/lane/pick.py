"""Takes one set bit per cycle out of the words of the queue."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib.wiring import Component, In, Out, Signature

from zeroskip.contracts.layout import LEAF, LEAF_BITS, Layout
from zeroskip_hw.primitives.onehot import at_most_one, chosen, index_of, without_lowest

from .unfold import entry


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
    """The word at work gives its non-empty leaves one by one, and the leaf at work its ones, one each cycle, the lowest first.

    One bit per cycle without a gap between leaves, words or tiles, since no leaf that is taken is empty. Behind the end of a layer it
    waits for ``resume``. What leaves it, and all that follows, stands still without ``advance``. One cycle from the decision to ``lowest``.

    Members
    -------
    valid : In(1), take : Out(1), entry : In(entry)
        The queue of words.
    advance : In(1), resume : In(1)
        The pipeline moves on; the constants of the next layer are there.
    token : Out(token), lowest : Out(LEAF), place : Out
        The bit that was taken: alone in its leaf, and the place of this leaf in the stream.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        super().__init__({
            "valid": In(1), "take": Out(1), "entry": In(entry(layout)), "advance": In(1), "resume": In(1),
            "token": Out(token()), "lowest": Out(LEAF), "place": Out(layout.position_bits - LEAF_BITS),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        done = Signal()
        give, leaf, several, place, ends, is_empty = self._word_at_work(m, done)

        busy = Signal()
        waiting = Signal(init=1)
        mask = Signal(LEAF, reset_less=True)
        last_bit = Signal(reset_less=True)
        empty = Signal(reset_less=True)
        at = Signal(len(place), reset_less=True)
        leaf_ends = Signal(2, reset_less=True)
        ready = Signal()
        step = Signal()
        rest = Signal(LEAF)
        m.d.comb += [
            ready.eq(busy & ~waiting), step.eq(ready & self.advance), done.eq(~busy | (step & last_bit)),
            rest.eq(without_lowest(mask)),
        ]  # fmt: skip
        with m.If(self.resume):
            m.d.sync += waiting.eq(0)
        with m.If(step & last_bit):
            m.d.sync += busy.eq(0)
            with m.If(leaf_ends[1]):
                m.d.sync += waiting.eq(1)
        with m.If(step):
            m.d.sync += [mask.eq(rest), last_bit.eq(at_most_one(rest))]
        with m.If(give):
            m.d.sync += [
                busy.eq(1), mask.eq(leaf), last_bit.eq(~several), at.eq(place), leaf_ends.eq(ends),
                empty.eq(is_empty),
            ]  # fmt: skip
        with m.If(self.advance):
            m.d.sync += [
                self.token.valid.eq(ready), self.token.weight.eq(~empty), self.lowest.eq(mask & ~rest), self.place.eq(at),
                Cat(self.token.tile_end, self.token.layer_end).eq(leaf_ends & last_bit.replicate(2)),
            ]  # fmt: skip
        return m

    def _word_at_work(self, m: Module, done: Signal) -> tuple[Value, Value, Value, Value, Value, Value]:
        """Returns (gives a leaf, leaf, it has several bits, its place, ends (tile, layer), is empty)."""
        busy, ends = Signal(name="word_busy"), Signal(2, name="word_ends", reset_less=True)
        word = Signal.like(self.entry.data, reset_less=True)
        filled = Signal.like(self.entry.filled, name="word_filled", reset_less=True)
        at = Signal.like(self.entry.number, name="word_number", reset_less=True)
        give = Signal()
        leaf = Signal(LEAF)
        leaves = len(filled)
        is_last = Signal(reset_less=True)  # found with the word, for on it depends what the next cycle does
        rest = Signal(leaves)
        lowest = Signal(leaves)
        m.d.comb += [
            rest.eq(without_lowest(filled)), lowest.eq(filled & ~rest),
            give.eq(busy & done), self.take.eq(self.valid & (~busy | (give & is_last))),
        ]  # fmt: skip
        with m.If(give):
            m.d.sync += [filled.eq(rest), is_last.eq(at_most_one(rest))]
            with m.If(is_last):
                m.d.sync += busy.eq(0)
        with m.If(self.take):
            m.d.sync += [
                busy.eq(1), filled.eq(self.entry.filled), is_last.eq(at_most_one(self.entry.filled)), at.eq(self.entry.number),
                ends.eq(Cat(self.entry.tile_end, self.entry.layer_end)),
            ]  # fmt: skip
        place = lowest
        if self._layout.config.two_level:
            place = self._run_of_leaves(m, word, lowest, busy, give, is_last, ends[0])
        else:
            with m.If(self.take):
                m.d.sync += word.eq(self.entry.data)
        # Whether a leaf has more than one bit is asked of all before one is chosen.
        all_leaves = [word.word_select(i, LEAF) for i in range(leaves)]
        several = chosen(place, [~at_most_one(one) for one in all_leaves])
        m.d.comb += leaf.eq(chosen(place, all_leaves))
        return give, leaf, several, Cat(index_of(lowest), at), ends & is_last.replicate(2), ~filled.any()

    def _run_of_leaves(
        self, m: Module, word: Signal, lowest: Value, busy: Value, give: Value, is_last: Value, tile_end: Value
    ) -> Value:
        """Loads ``word``; returns the place in it of the leaf to give. In two levels that is the next one of the run.

        The next word of leaves comes with the first chunk that needs it, and waits until the word before it is used up.
        """
        leaves = len(lowest)
        packed = Signal(reset_less=True)
        following = Signal.like(word, reset_less=True)
        # The place, as a bit.
        ring = Signal(leaves, init=1)
        turned = Signal(leaves)
        used_up = Signal()
        needed = Signal()
        # Which word comes, if one does, is found beside `give`, behind which it would be the slowest path.
        m.d.comb += [
            turned.eq(Mux(is_last & tile_end, 1, Mux(packed, ring.rotate_left(1), ring))), used_up.eq(packed & ring[-1]),
            needed.eq(~self.entry.packed | (self.entry.fresh & Mux(busy, turned[0], ring[0]))),
        ]  # fmt: skip
        with m.If(give):
            m.d.sync += ring.eq(turned)
        with m.If((give & used_up) | (self.take & needed)):
            m.d.sync += word.eq(Mux(self.valid & (is_last | ~busy) & needed, self.entry.data, following))
        with m.If(self.take):
            m.d.sync += packed.eq(self.entry.packed)
            with m.If(self.entry.fresh):
                m.d.sync += following.eq(self.entry.data)
        return Mux(packed, ring, lowest)
