"""How a lane's mask of a layer is stored: as bits, in two levels, or not at all where every bit is set."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.layout import CHUNKS, LEAF, Layout
from zeroskip.contracts.network import IntArray

from .lanes.plan import LaneShare

Form = Literal["bitmap", "two-level", "dense"]

Stream = npt.NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Encoding:
    """The mask of one lane's share of a layer, in one form.

    positions : of the set bits in the stream of all rows' bits; word : bits of a mask word
    """

    positions: IntArray
    word: int
    form: Form

    @cached_property
    def entries(self) -> IntArray:
        """Numbers of the words of bits that are not empty."""
        return _distinct(self.positions // self.word)

    @cached_property
    def read(self) -> int:
        """Words that the lane reads for every tile."""
        if not len(self.positions):
            return 0
        last = int(self.entries[-1])
        return last // CHUNKS + 1 + int(self._needed[-1]) if self.form == "two-level" else last + 1

    @property
    def words(self) -> int:
        """Words in the mask memory: of a dense share only the last one."""
        return min(1, self.read) if self.form == "dense" else self.read

    def bits(self, weight_bits: int) -> int:
        """What mask and weights take."""
        return self.words * self.word + len(self.positions) * weight_bits

    @cached_property
    def steps(self) -> tuple[IntArray, int]:
        """The step in which each of ``entries`` reaches the queue, the first step being 1; and the steps behind the last.

        A word of bits takes one step. A word of flags takes one for each entry, at least one, and one more if its last entry needs a
        word of leaves.
        """
        if self.form != "two-level":
            return self.entries + 1, 0
        flags = self.entries // CHUNKS
        fresh = np.diff(self._needed, prepend=0)
        begins = np.flatnonzero(
            np.diff(flags, prepend=-1)
        )  # each word of flags that is not empty has its entries in a row
        counts = np.diff(begins, append=len(flags))
        taken = np.ones(int(flags[-1]) + 1, dtype=np.int64)
        taken[flags[begins]] = counts + fresh[begins + counts - 1]
        starts = np.cumsum(taken) - taken
        return starts[flags] + np.arange(len(flags)) - np.repeat(begins, counts) + 1, int(fresh[-1])

    @cached_property
    def leaves(self) -> IntArray:
        """Numbers of the leaves that are not empty."""
        return _distinct(self.positions // LEAF)

    @cached_property
    def _needed(self) -> IntArray:
        """Words of leaves up to each entry."""
        ends = np.searchsorted(self.leaves, (self.entries + 1) * (self.word // LEAF))
        return -(-ends // (self.word // LEAF))

    def stream(self) -> Stream:
        """The words in the mask memory."""
        if self.form == "two-level":
            return self._two_levels()
        bits = _packed(self.positions, self.word)
        return bits[-1:] if self.form == "dense" else bits

    def _two_levels(self) -> Stream:
        """Words of flags, each before the words of leaves that its entries are the first to need."""
        leaf, place = np.divmod(self.positions, LEAF)
        run = _packed(np.searchsorted(self.leaves, leaf) * LEAF + place, self.word)
        flags = _packed(self.leaves, self.word)
        ends = np.searchsorted(self.entries // CHUNKS, np.arange(len(flags)), side="right")
        upto = np.concatenate([[0], self._needed])[ends]  # words of leaves behind which the next word of flags comes
        found = np.empty(len(flags) + len(run), dtype=np.uint64)
        at = np.arange(len(flags)) + np.concatenate([[0], upto[:-1]])
        is_run = np.ones(len(found), dtype=np.bool_)
        is_run[at] = False
        found[at], found[is_run] = flags, run
        return found


def encoding(share: LaneShare, word: int, *, two_level: bool) -> Encoding:
    """The form with the fewest words. Two levels may take no longer to read than the weights to issue, or the bits to read."""
    positions = np.flatnonzero(share.mask)
    if len(positions) and len(positions) == share.mask.size:
        return Encoding(positions, word, "dense")
    bitmap = Encoding(positions, word, "bitmap")
    if two_level and len(positions):
        packed = Encoding(positions, word, "two-level")
        steps, behind = packed.steps
        if packed.words < bitmap.words and int(steps[-1]) + behind <= max(len(positions), bitmap.words):
            return packed
    return bitmap


def stored_bits(config: ArrayConfig, encodings: Iterable[Encoding]) -> int:
    """What one layer takes in all lanes: headers, masks and weights."""
    header = Layout(config).header_words * config.word
    return sum(header + one.bits(config.weight_bits) for one in encodings)


def _distinct(values: IntArray) -> IntArray:
    """Of sorted ``values``, each once."""
    return values[np.flatnonzero(np.diff(values, prepend=-1))]


def _packed(positions: IntArray, word: int) -> Stream:
    """Words with these bits set."""
    words = np.zeros(int(positions[-1]) // word + 1 if len(positions) else 0, dtype=np.uint64)
    np.bitwise_or.at(words, positions // word, np.uint64(1) << (positions % word).astype(np.uint64))
    return words
