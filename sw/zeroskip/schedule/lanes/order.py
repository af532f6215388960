"""The order in which all lanes work through the rows of a layer, and which rows are completed together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.intp]
BoolArray = npt.NDArray[np.bool_]

WINDOW = 64
"""Rows, or lanes' next rows, among which the next one is chosen: as far ahead as lanes can be of each other, some times over."""


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """Rows that are written together.

    rows : their numbers, in the order in which lanes work on them
    epilogues : of each row, the one that completes it
    apart : no lane has weights in two of them; else their sums are taken one row after the other
    """

    rows: tuple[int, ...]
    epilogues: tuple[int, ...]
    apart: bool

    @property
    def turns(self) -> int:
        """Cycles in which the lanes give their partial sums."""
        return 1 if self.apart else len(self.rows)


def bundles(
    counts: Indices,
    owners: BoolArray,
    epilogues: int,
    chains: Sequence[Sequence[int]] | None = None,
    *,
    fixed: Indices | None = None,
    full: bool = True,
) -> tuple[Bundle, ...]:
    """All rows, up to ``epilogues`` in a bundle, in the order in which the bundles are worked on.

    counts : (rows, lanes) weights
    owners : (rows, lanes) bool, the lanes that store a row's result
    chains : runs of rows that stay in their order; without them every order is allowed
    fixed : (rows,) the epilogue that completes each row; without them every row may go to any
    full : False for bundles whose rows have no lane in common, even if they have fewer rows

    A lane stores at most one result of a bundle. Rows that have no lane in common go together first. The row that comes next is the one
    behind which the lanes are most level, so that none waits long for another.
    """
    waiting = [[row] for row in range(len(counts))] if chains is None else [list(chain) for chain in chains if chain]
    load = np.zeros(counts.shape[1])
    found = []
    while waiting:
        rows: list[int] = []
        places: list[int] = []
        gives, stores = np.zeros((2, counts.shape[1]), dtype=np.bool_)
        apart = True
        while len(rows) < epilogues:
            heads = [
                i
                for i, chain in enumerate(waiting[:WINDOW])
                if not rows  # of an empty bundle any row may be the first
                or (not (stores & owners[chain[0]]).any() and (fixed is None or fixed[chain[0]] not in places))
            ]
            if not heads:
                break
            first = np.array([waiting[i][0] for i in heads])
            shared = (counts[first] > 0) @ gives.astype(np.intp) > 0
            chosen = _most_level(load, counts[first], shared)
            if shared[chosen] and not full:
                break
            row = int(first[chosen])
            places.append(len(rows) if fixed is None else int(fixed[row]))
            rows.append(row)
            apart &= not shared[chosen]
            gives |= counts[row] > 0
            stores |= owners[row]
            load += counts[row]
            chain = waiting[heads[chosen]]
            chain.pop(0)
            if not chain:
                waiting.pop(heads[chosen])
        load -= load.min()
        found.append(Bundle(rows=tuple(rows), epilogues=tuple(places), apart=apart))
    return tuple(found)


def _most_level(load: npt.NDArray[np.float64], counts: Indices, shared: BoolArray) -> int:
    """Of the rows that share no lane, the one behind which the longest lane is shortest, and lanes differ least."""
    after = load + counts
    return int(np.lexsort(((after**2).sum(axis=1), after.max(axis=1), shared))[0])
