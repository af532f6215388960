"""The array of a network that is not pruned runs every mask of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from tests.sim.image_builder import Builder
from tests.sim.image_cases import case
from tests.sim.networks import random_network

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.graph import INPUT, Window
from zeroskip.contracts.network import QuantizedLayer, QuantizedNetwork
from zeroskip.pack import pack
from zeroskip.schedule import schedule
from zeroskip.schedule.lanes.network import filled

MASKS = 100
SAME_3 = Window(kernel=(3, 3), padding=(1, 1, 1, 1))


def vectors() -> QuantizedNetwork:
    return random_network(np.random.default_rng(0), (60, 40, 30, 10), 1.0, 8)


def images() -> QuantizedNetwork:
    builder = Builder(np.random.default_rng(0))
    builder.input((3, 9, 8))
    tensor = builder.conv(builder.conv(INPUT, 8, SAME_3), 8, SAME_3, groups=8)
    tensor = builder.conv(builder.conv(tensor, 12), 12, SAME_3, residual=None)
    return builder.network(builder.conv(tensor, 5, Window(kernel=(9, 8))))


def residuals() -> QuantizedNetwork:
    return case("residual_with_other_scale")


NETWORKS = (vectors, images, residuals)
ARRAYS = [(1, 1, 1), (4, 1, 1), (8, 4, 2), (5, 3, 4)]
"""(lanes, columns, epilogues)."""


def pruned(layer: QuantizedLayer, rng: np.random.Generator) -> QuantizedLayer:
    """Any weights, rows, inputs or ends of rows left out, few or nearly all."""
    kept = rng.random(layer.weight.shape) >= rng.choice([0.0, 0.1, 0.5, 0.8, 0.95, 0.99])
    kind = rng.choice(["weights", "rows", "inputs", "ends"])
    if kind == "rows":
        kept &= rng.random((len(kept), 1, 1, 1)) >= rng.random()
    elif kind == "inputs":
        kept &= rng.random((1, kept.shape[1], 1, 1)) >= rng.random()
    elif kind == "ends":
        kept = np.sort(kept.reshape(len(kept), -1), axis=1).reshape(kept.shape)
    return replace(layer, weight=np.where(kept, layer.weight, 0))


@pytest.mark.parametrize("array", ARRAYS, ids=str)
@pytest.mark.parametrize("network", NETWORKS)
def test_every_mask_fits(network: Callable[[], QuantizedNetwork], array: tuple[int, int, int]) -> None:
    dense = filled(network())
    lanes, columns, epilogues = array
    sized = schedule(dense, ArrayConfig(lanes=lanes, columns=columns, epilogues=epilogues)).config
    for seed in range(MASKS // len(ARRAYS)):
        rng = np.random.default_rng([seed, *array])
        masked = replace(dense, layers=tuple(pruned(layer, rng) for layer in dense.layers))
        plan = schedule(masked, sized)
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
