"""The array of a network that is not pruned runs every mask of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from tests.sim.any_mask import NETWORKS, masked, residuals

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.pack import pack
from zeroskip.schedule import schedule
from zeroskip.schedule.lanes.network import filled

MASKS = 100
ARRAYS = [(1, 1, 1), (4, 1, 1), (8, 4, 2), (5, 3, 4)]
"""(lanes, columns, epilogues)."""


@pytest.mark.parametrize("array", ARRAYS, ids=str)
@pytest.mark.parametrize("network", NETWORKS)
def test_every_mask_fits(network: Callable[[], QuantizedNetwork], array: tuple[int, int, int]) -> None:
    dense = filled(network())
    lanes, columns, epilogues = array
    sized = schedule(dense, ArrayConfig(lanes=lanes, columns=columns, epilogues=epilogues)).config
    for seed in range(MASKS // len(ARRAYS)):
        rng = np.random.default_rng([seed, *array])
        plan = schedule(masked(dense, rng), sized)
        assert plan.config == sized, f"seed {seed}"
        pack(plan)


def test_depths_that_are_given_need_no_room_for_other_masks() -> None:
    """A few channels are shared by more lanes than the plan for any mask would let them."""
    dense = filled(residuals())
    sized = schedule(dense, ArrayConfig(lanes=4)).config
    plan = schedule(dense, sized)
    longest = max(len(pack(plan).images[f"lane{lane:02}.weights"]) for lane in range(4))
    assert longest < sized.weight_depth
    given = replace(sized, weight_depth=longest)
    assert schedule(dense, given).config == given
    assert schedule(dense, replace(ArrayConfig(lanes=4), weight_depth=longest)).config.weight_depth == longest
