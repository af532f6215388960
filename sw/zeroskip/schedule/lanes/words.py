"""One lane's share of a layer as the array meets it: non-empty mask words, and where rows begin in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np

from .plan import LaneShare

BYTE = 8


@dataclass(frozen=True, eq=False)
class Words:
    """The words of one tile. A layer that has nothing for the lane is one word with one bit, which is no row's.

    gaps : empty words before each word
    begins : bits before each word; one number more, all bits
    last : bits in each word's last byte that is not empty; 0 where it has no other
    firsts : bits before each row
    tiles : how often the lane works through them
    """

    gaps: list[int]
    begins: list[int]
    last: list[int]
    firsts: list[int]
    tiles: int


def words_of(share: LaneShare, word: int, tiles: int) -> Words:
    """``share`` in words of ``word`` bits."""
    positions = np.flatnonzero(share.mask)
    if not len(positions):
        return Words([0], [0, 1], [0], [], 1)
    byte, in_byte = np.unique(positions // BYTE, return_counts=True)
    numbers, begin, in_word = np.unique(positions // word, return_index=True, return_counts=True)
    last = in_byte[np.searchsorted(byte, (numbers + 1) * (word // BYTE)) - 1]
    return Words(
        gaps=(np.diff(numbers, prepend=-1) - 1).tolist(), begins=[*begin.tolist(), len(positions)],
        last=np.where(last < in_word, last, 0).tolist(),
        firsts=[0, *np.cumsum(share.mask.sum(axis=1))[:-1].tolist()], tiles=tiles,
    )  # fmt: skip


def program_words(layers: Sequence[Words], header: int) -> Iterator[tuple[int, int, int, bool]]:
    """All words of a lane, group after group: (positions without a word before it, bits, bits in its last byte, ends its layer).

    header : positions before a layer's first word
    """
    for words in cycle(layers):
        bits = np.diff(words.begins).tolist()
        for tile in range(words.tiles):
            for number, gap in enumerate(words.gaps):
                first, last = tile == number == 0, tile == words.tiles - 1 and number == len(bits) - 1
                yield gap + header * first, bits[number], words.last[number], last
