"""Cycles of a layer whose rows are merged in order, by which choices are compared. Decoding and pipelines are left out."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .order import Bundle

Counts = npt.NDArray[np.intp]

QUEUE = 16
"""Partial sums that a lane may be ahead of the merge."""

STEADY = 3
"""Tiles after which the next one takes as long as the last."""


def tile_cycles(counts: Counts, order: Sequence[Bundle], writes: int = 1, tiles: int = STEADY) -> float:
    """Cycles of one of many output positions; of the only one where ``tiles`` is 1.

    counts : (rows, lanes) weights
    writes : of every result

    A lane issues one weight in a cycle. A bundle is merged when its last lane is ready, and takes as many cycles as its sums or its writes.
    """
    lanes = counts.shape[1]
    free, now, ends = [0] * lanes, 0, [0]
    taken: list[deque[int]] = [deque([0] * QUEUE, maxlen=QUEUE) for _ in range(lanes)]
    plan = [
        (
            max(writes, bundle.turns),
            [(lane, int(counts[row, lane])) for row in bundle.rows for lane in np.flatnonzero(counts[row]).tolist()],
        )
        for bundle in order
    ]
    for _ in range(min(tiles, STEADY)):
        for step, parts in plan:
            ready = 0
            for lane, weights in parts:
                free[lane] = max(free[lane], taken[lane][0]) + weights
                ready = max(ready, free[lane])
            now = max(now + step, ready)
            for lane, _ in parts:
                taken[lane].append(now)
        ends.append(now)
    return ends[-1] / (len(ends) - 1) if tiles < STEADY else ends[-1] - ends[-2]
