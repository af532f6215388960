"""When the sums of a layer are taken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from zeroskip.contracts.timing import START_TO_GRANT, TILE_TURN
from zeroskip.schedule.lanes.plan import OwnedLayer

from .lane_time import LaneTime


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


def last_grant(
    layer: OwnedLayer, turns: Sequence[Turn], lanes: Sequence[LaneTime], start: int
) -> tuple[int, list[LaneTime]]:
    """When the last of the layer's sums are taken, and the lanes behind it; ``start``: of the layer, which ``lanes`` have begun."""
    lanes = list(lanes)
    working = sorted({lane for turn in turns for lane in turn.lanes})
    now = free = start + START_TO_GRANT - 1
    for writes, tiles in _runs(layer):
        seen: dict[object, tuple[int, int]] = {}
        tile = 0
        while tile < tiles:
            now = _tile(turns, lanes, now, free, writes)
            tile += 1
            # What comes next depends on the state alone: where it has come before, all comes again as it came from there on.
            state = tuple(lanes[number].state(now) for number in working)
            before, then = seen.setdefault(state, (tile, now))
            if before < tile:
                times = (tiles - tile) // (tile - before)
                cycles = times * (now - then)
                tile, now = tile + times * (tile - before), now + cycles
                for number in working:
                    lanes[number] = lanes[number].later(cycles)
                seen.clear()
            free = now + max(writes, TILE_TURN)
    return now, lanes


def _tile(turns: Sequence[Turn], lanes: Sequence[LaneTime], now: int, free: int, writes: int) -> int:
    """When the tile's last sums are taken; the former's were in ``now``, and results may be complete from ``free`` on."""
    for turn in turns:
        now += 1
        for number in turn.lanes:
            ready = lanes[number].ready()
            if ready > now:
                now = ready
        if turn.writes:
            now = max(now, free)
            free = now + writes
        for number in turn.lanes:
            lanes[number].granted(now)
    return now


def _runs(layer: OwnedLayer) -> Iterator[tuple[int, int]]:
    """(Writes of each result, tiles) of neighbouring tiles with as many writes."""
    for writes, bands in groupby(len(writes) for writes in layer.writes):
        yield writes, len(list(bands)) * layer.width
