"""How fast the input is taken."""

from __future__ import annotations

import numpy as np

from zeroskip.contracts.channels import ChannelLayout
from zeroskip.contracts.graph import INPUT

from .plan import OwnedPlan


def load_elements(layout: ChannelLayout, plan: OwnedPlan) -> int:
    """Elements that are stored in one step: channels that follow each other in one cell, and that lie in different lanes."""
    stored = plan.tensors[INPUT]
    channels, *position = stored.shape
    count = layout.load_elements
    while count > 1:
        whole = np.zeros((-(-channels // count) * count, layout.config.lanes), dtype=np.intp)
        whole[:channels] = stored.hosting.lanes
        alone = whole.reshape(-1, count, layout.config.lanes).sum(axis=1).max() <= 1
        if alone and (position == [1, 1] or channels % count == 0):
            break
        count //= 2
    return count
