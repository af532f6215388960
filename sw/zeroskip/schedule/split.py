"""Nonzero split: a layer's stream of kept weights cut into runs of equal length, one for each lane.

The stream goes row by row. A row that straddles a cut leaves a partial sum in every lane it touches. The sums are added where results
are collected. Source: the merge-path decomposition of Merrill and Garland, "Merge-based parallel sparse matrix-vector multiplication",
SC'16, restricted to the nonzeros, because rows without nonzeros do not exist here.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Entries = npt.NDArray[np.intp]


@dataclass(frozen=True, kw_only=True, eq=False)
class LaneRun:
    """One lane's share of one layer: kept weights ``begin`` … ``end`` - 1 of the layer's stream. Without weights all fields are 0.

    first_row : row of its first weight
    last_row : row of its last weight
    first_group : number, within its row, of the mask word that holds the first weight
    word_counts : kept weights in each mask word from the first to the last; empty words are included
    last_byte_counts : kept weights in the last non-empty byte of each of these words
    word_rows : the row of each of these words
    slot : the first lane that holds a part of ``first_row``
    head_others : number of other lanes that hold a part of ``first_row``
    tail_others : number of other lanes that hold a part of ``last_row``
    """

    begin: int
    end: int
    first_row: int = 0
    last_row: int = 0
    first_group: int = 0
    word_counts: Entries
    last_byte_counts: Entries
    word_rows: Entries
    slot: int = 0
    head_others: int = 0
    tail_others: int = 0


def split(mask: npt.NDArray[np.bool_], lanes: int, word: int, *, whole_rows: bool = False) -> tuple[LaneRun, ...]:
    """Cut ``mask`` (rows, columns) into ``lanes`` runs. Every row must keep at least one weight.

    whole_rows : cut only between rows, as near to equal lengths as possible: a maximum has no partial sums to add
    """
    row, column = np.nonzero(mask)
    groups = -(-mask.shape[1] // word)
    number = row * groups + column // word  # number of the mask word, counted through the whole layer
    cuts = [lane * len(row) // lanes for lane in range(lanes + 1)]
    if whole_rows:
        ends = np.concatenate([[0], np.cumsum(mask.sum(axis=1))])
        cuts = [int(ends[np.abs(ends - cut).argmin()]) for cut in cuts]
    ranges = list(pairwise(cuts))

    holders: dict[int, list[int]] = {}
    for lane, (begin, end) in enumerate(ranges):
        if begin < end:
            for shared in {int(row[begin]), int(row[end - 1])}:
                holders.setdefault(shared, []).append(lane)

    runs = []
    for begin, end in ranges:
        if begin == end:
            nothing = np.empty(0, dtype=np.intp)
            runs.append(LaneRun(begin=begin, end=end, word_counts=nothing, last_byte_counts=nothing, word_rows=nothing))
            continue
        first, last = int(number[begin]), int(number[end - 1])
        first_row, last_row = int(row[begin]), int(row[end - 1])
        runs.append(
            LaneRun(
                begin=begin, end=end, first_row=first_row, last_row=last_row, first_group=first % groups,
                word_counts=np.bincount(number[begin:end] - first, minlength=last - first + 1),
                last_byte_counts=_last_bytes(number[begin:end] - first, column[begin:end] % word // 8, last - first + 1),
                word_rows=np.arange(first, last + 1) // groups,
                slot=holders[first_row][0],
                head_others=len(holders[first_row]) - 1,
                tail_others=len(holders[last_row]) - 1,
            )
        )  # fmt: skip
    return tuple(runs)


def _last_bytes(number: Entries, byte: Entries, words: int) -> Entries:
    """For each word, the number of its entries in its highest non-empty byte. Entries are in ascending order."""
    highest = np.zeros(words, dtype=np.intp)
    np.maximum.at(highest, number, byte)
    return np.bincount(number[byte == highest[number]], minlength=words)
