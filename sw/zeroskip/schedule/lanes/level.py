"""Units of work, dealt to lanes so that all have equally much to do."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

SWAPS = 200
"""Improvements that are tried behind the first dealing."""


def level(costs: FloatArray, lanes: int, most: int, runs: Indices | None = None) -> Indices:
    """The lane of every unit.

    costs : (units, layers) work of each unit in each of the layers, which run one after the other
    most : units that a lane may have; ``lanes`` · ``most`` is at least the number of units. Runs may need more
    runs : (units,) number of each unit's run: units of one run, ``lanes`` at most, come to different lanes

    The layers' longest lanes together are to be short. The longest run is dealt first, its longest unit first, each to the lane where it
    lengthens least (LPT). Then units are exchanged, or moved, while that helps. The same costs always give the same lanes.
    """
    runs = np.arange(len(costs)) if runs is None else runs
    lane = _dealt(costs, lanes, most, runs)
    load = np.zeros((lanes, costs.shape[1]))
    np.add.at(load, lane, costs)
    for _ in range(SWAPS):
        if not _improved(costs, lane, load, most, runs):
            break
    return lane


def _dealt(costs: FloatArray, lanes: int, most: int, runs: Indices) -> Indices:
    load = np.zeros((lanes, costs.shape[1]))
    count = np.zeros(lanes, dtype=np.intp)
    lane = np.zeros(len(costs), dtype=np.intp)
    work = costs.sum(axis=1)
    together = np.bincount(runs, weights=work)[runs]
    run, taken = -1, np.zeros(lanes, dtype=np.bool_)
    for unit in np.lexsort((-work, runs, -together)):
        if runs[unit] != run:
            run, taken = runs[unit], np.zeros(lanes, dtype=np.bool_)
        cost = costs[unit]
        longer = np.maximum(load + cost - load.max(axis=0), 0).sum(axis=1)
        order = np.lexsort((load @ cost, longer, count >= most, taken))
        lane[unit] = chosen = order[0]
        load[chosen] += cost
        count[chosen] += 1
        taken[chosen] = True
    return lane


def _improved(costs: FloatArray, lane: Indices, load: FloatArray, most: int, runs: Indices) -> bool:
    """Take the best exchange between the longest lane of the worst layer and any other; False where none helps."""
    layer = int((load.max(axis=0) - load.mean(axis=0)).argmax())
    top = int(load[:, layer].argmax())
    mine = np.flatnonzero(lane == top)
    tie = 1e-3 / max(1.0, float(load.max()))
    best, found = 0.0, None
    for other in range(len(load)):
        if other == top:
            continue
        theirs = np.flatnonzero(lane == other)
        given = costs[theirs]
        if len(theirs) < most:  # a move: nothing comes back
            theirs, given = np.append(theirs, -1), np.vstack([given, np.zeros(costs.shape[1])])
        rest = np.delete(load, [top, other], axis=0).max(axis=0, initial=0)
        gain = costs[mine][:, None] - given[None]
        longest = np.maximum(rest, np.maximum(load[top] - gain, load[other] + gain)) - load.max(axis=0)
        # Of several lanes that are longest, one alone can be shortened: the squares show the progress.
        spread = gain * (gain - load[top] + load[other])
        change = (longest + tie * spread).sum(axis=2)
        change[_meet(runs, lane, mine, theirs, top, other)] = 0
        at = np.unravel_index(change.argmin(), change.shape)
        if change[at] < best - 1e-9:
            best, found = float(change[at]), (int(mine[at[0]]), int(theirs[at[1]]), other, gain[at])
    if found is None:
        return False
    unit, back, other, gain = found
    lane[unit] = other
    if back >= 0:
        lane[back] = top
    load[top] -= gain
    load[other] += gain
    return True


def _meet(runs: Indices, lane: Indices, mine: Indices, theirs: Indices, top: int, other: int) -> npt.NDArray[np.bool_]:
    """(mine, theirs) exchanges after which two units of one run would be in one lane; -1 among ``theirs`` stands for no unit."""
    same = runs[mine][:, None] == np.where(theirs < 0, -1, runs[theirs])
    there, here = np.isin(runs[mine], runs[lane == other]), np.isin(runs[theirs], runs[lane == top]) & (theirs >= 0)
    return np.asarray(~same & (there[:, None] | here), dtype=np.bool_)
