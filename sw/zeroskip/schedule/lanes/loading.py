"""How fast the input is taken."""

from __future__ import annotations

import numpy as np

from zeroskip.contracts.graph import INPUT

from .plan import OwnedPlan


def most_elements(plan: OwnedPlan, lanes: int, most: int) -> int:
    """Elements that can be stored in one step, up to ``most``: channels that follow each other in a cell, and lie in different lanes."""
    stored = plan.tensors[INPUT]
    channels, *position = stored.shape
    count = most
    while count > 1:
        whole = np.zeros((-(-channels // count) * count, lanes), dtype=np.intp)
        whole[:channels] = stored.hosting.lanes
        alone = whole.reshape(-1, count, lanes).sum(axis=1).max() <= 1
        if alone and (position == [1, 1] or channels % count == 0):
            break
        count //= 2
    return count
