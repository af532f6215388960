"""One lane's share of a layer as the array meets it: mask words that are not empty, and where rows begin in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np

from zeroskip.schedule.lanes.plan import LaneShare

BYTE = 8

Word = tuple[int, int, int]
"""Positions of the mask memory from the word before, at which all words between are empty; bits; bits of its last byte that is not
empty, or 0 where it has no other.
"""


@dataclass(frozen=True, eq=False)
class Words:
    """What a lane works through in one tile. A layer that has nothing for the lane is a word of one bit, which belongs to no row.

    words : that are not empty
    rows : where each row begins: words up to the one with its first bit, and bits from there to that word's end
    tiles : how often the lane works through them
    """

    words: list[Word]
    rows: list[tuple[int, int]]
    tiles: int


NOTHING = Words([(1, 1, 0)], [], 1)


def words_of(share: LaneShare, word: int, tiles: int) -> Words:
    """``share`` in words of ``word`` bits."""
    positions = np.flatnonzero(share.mask)
    if not len(positions):
        return NOTHING
    byte, in_byte = np.unique(positions // BYTE, return_counts=True)
    numbers, in_word = np.unique(positions // word, return_counts=True)
    last = in_byte[np.searchsorted(byte, (numbers + 1) * (word // BYTE)) - 1]
    firsts = np.cumsum(share.mask.sum(axis=1)) - share.mask.sum(axis=1)
    ends = np.cumsum(in_word)
    upto = np.searchsorted(ends, firsts, side="right")
    return Words(
        list(zip(np.diff(numbers, prepend=-1).tolist(), in_word.tolist(), np.where(last < in_word, last, 0).tolist(), strict=True)),
        list(zip((upto + 1).tolist(), (ends[upto] - firsts).tolist(), strict=True)), tiles,
    )  # fmt: skip


def program_words(layers: Sequence[Words], header: int) -> Iterator[tuple[Word, bool]]:
    """All words of a lane, group after group, and whether a layer ends with them; ``header``: positions before a layer's words."""
    for layer in cycle(layers):
        for tile in range(layer.tiles):
            for number, (positions, bits, last_byte) in enumerate(layer.words):
                begins, ends = tile == number == 0, tile == layer.tiles - 1 and number == len(layer.words) - 1
                yield (positions + header * begins, bits, last_byte), ends
