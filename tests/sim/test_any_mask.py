"""The Verilog of a network that is not pruned runs every mask of it: a hundred masks, every output and every cycle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.sim.any_image_network import image_inputs
from tests.sim.any_mask import NETWORKS, masked
from tests.sim.packed import packed, require_exact

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.schedule import schedule
from zeroskip.schedule.lanes.network import filled

ARRAYS = ((8, 1, 1), (5, 3, 4), (4, 4, 2))
"""(lanes, columns, epilogues) by network."""

MASKS = 34
"""Of each network: more than a hundred in all."""


@pytest.mark.slow
@pytest.mark.verilator
@pytest.mark.parametrize("network, array", list(zip(NETWORKS, ARRAYS, strict=True)))
def test_every_mask_runs(network: Callable[[], QuantizedNetwork], array: tuple[int, int, int], tmp_path: Path) -> None:
    dense = filled(network())
    lanes, columns, epilogues = array
    sized = schedule(dense, ArrayConfig(lanes=lanes, columns=columns, epilogues=epilogues)).config
    cases = []
    for seed in range(MASKS):
        rng = np.random.default_rng([seed, *array])
        one = masked(dense, rng)
        it = packed(one, sized, image_inputs(rng, one, 3), tmp_path / str(seed))
        assert it.program.config == sized
        cases.append((it, rng, f"mask {seed}"))
    require_exact(cases, "verilator")
