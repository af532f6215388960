"""One lane's share of a layer as the array meets it: mask words that are not empty, and where rows begin in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np

from zeroskip.contracts.layout import LEAF
from zeroskip.schedule.encoding import Encoding
from zeroskip.schedule.lanes.plan import LaneShare

Word = tuple[int, int, int]
"""Steps of reading from the word before, with the empty words between; bits; bits of its last leaf that is not empty, or 0 where it
has no other.
"""


@dataclass(frozen=True, eq=False)
class Words:
    """What a lane works through in one tile. A layer that has nothing for the lane is a word of one bit, which belongs to no row.

    words : that are not empty
    rows : where each row begins: words up to the one with its first bit, and bits from there to that word's end
    tiles : how often the lane works through them
    behind : steps of reading behind the last word, in every tile
    """

    words: list[Word]
    rows: list[tuple[int, int]]
    tiles: int
    behind: int = 0


NOTHING = Words([(1, 1, 0)], [], 1)


def words_of(share: LaneShare, encoding: Encoding, tiles: int) -> Words:
    """``share`` as it is stored."""
    positions, word = encoding.positions, encoding.word
    if not len(positions):
        return NOTHING
    steps, behind = encoding.steps
    ends = np.searchsorted(positions, (encoding.entries + 1) * word)
    in_word = np.diff(ends, prepend=0)
    last = ends - np.searchsorted(positions, positions[ends - 1] // LEAF * LEAF)
    counts = share.mask.sum(axis=1)
    firsts = np.cumsum(counts) - counts
    upto = np.searchsorted(ends, firsts, side="right")
    return Words(
        list(zip(np.diff(steps, prepend=0).tolist(), in_word.tolist(), np.where(last < in_word, last, 0).tolist(), strict=True)),
        list(zip((upto + 1).tolist(), (ends[upto] - firsts).tolist(), strict=True)), tiles, behind,
    )  # fmt: skip


def program_words(layers: Sequence[Words], header: int) -> Iterator[tuple[Word, bool]]:
    """All words of a lane, group after group, and whether a layer ends with them; ``header``: steps before a layer's words."""
    behind = 0
    for layer in cycle(layers):
        for tile in range(layer.tiles):
            for number, (steps, bits, last_leaf) in enumerate(layer.words):
                begins, ends = tile == number == 0, tile == layer.tiles - 1 and number == len(layer.words) - 1
                yield (steps + behind + header * begins, bits, last_leaf), ends
                behind = 0
            behind = layer.behind
