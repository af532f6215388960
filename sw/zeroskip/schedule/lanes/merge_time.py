"""When the sums of a layer are taken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from zeroskip.contracts.channel_timing import START_TO_GRANT
from zeroskip.contracts.timing import TILE_TURN

from .lane_time import LaneTime
from .plan import OwnedLayer


@dataclass(frozen=True)
class Turn:
    """Sums that are taken in one cycle. lanes : that give one; writes : results are complete with them"""

    lanes: tuple[int, ...]
    writes: bool


def turns_of(layer: OwnedLayer) -> tuple[Turn, ...]:
    """Of one tile."""
    contributes = np.zeros((len(layer.bias), len(layer.shares)), dtype=np.bool_)
    for lane, share in enumerate(layer.shares):
        contributes[share.rows, lane] = True
    return tuple(
        Turn(tuple(np.flatnonzero(contributes[list(rows)].any(axis=0)).tolist()), rows[-1] == bundle.rows[-1])
        for bundle in layer.bundles
        for rows in ([bundle.rows] if bundle.apart else [(row,) for row in bundle.rows])
    )


def last_grant(layer: OwnedLayer, turns: Sequence[Turn], lanes: Sequence[LaneTime], start: int) -> int:
    """When the last of the layer's sums are taken; ``start``: of the layer. The lanes have begun it."""
    working = [lane for number, lane in enumerate(lanes) if any(number in turn.lanes for turn in turns)]
    parts = [([lanes[number] for number in turn.lanes], turn.writes) for turn in turns]
    now, free = start + START_TO_GRANT - 1, 0
    for writes, tiles in _runs(layer):
        seen: dict[object, tuple[int, int]] = {}
        tile = 0
        while tile < tiles:
            for giving, ends in parts:
                now += 1
                for lane in giving:
                    now = max(now, lane.ready())
                if ends:
                    now = max(now, free)
                    free = now + writes
                for lane in giving:
                    lane.granted(now)
            free = now + max(writes, TILE_TURN)
            tile += 1
            # What comes next depends on nothing but the state. So where it has come again, all is as it was, some cycles later.
            state = tuple(lane.state(now) for lane in working)
            before = seen.setdefault(state, (tile, now))
            if before[0] < tile:
                period, cycles = tile - before[0], now - before[1]
                times = (tiles - tile) // period
                tile, now, free = tile + times * period, now + times * cycles, free + times * cycles
                for lane in working:
                    lane.later(times * cycles)
                seen.clear()
    return now


def _runs(layer: OwnedLayer) -> Iterator[tuple[int, int]]:
    """(Writes of each result, tiles) of neighbouring tiles with as many writes."""
    for writes, bands in groupby(len(writes) for writes in layer.writes):
        yield writes, len(list(bands)) * layer.width
