"""Units dealt to lanes: within their number, and hardly longer than they must be."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from zeroskip.schedule.lanes.level import level


def longest(costs: np.ndarray, lane: np.ndarray, lanes: int) -> float:
    load = np.zeros((lanes, costs.shape[1]))
    np.add.at(load, lane, costs)
    return float(load.max(axis=0).sum())


@given(st.integers(1, 30), st.integers(1, 3), st.integers(1, 9), st.integers(0, 2**31))
def test_every_unit_has_a_lane_and_no_lane_too_many(units: int, layers: int, lanes: int, seed: int) -> None:
    costs = np.random.default_rng(seed).integers(0, 50, (units, layers)).astype(float)
    most = -(-units // lanes)
    lane = level(costs, lanes, most)
    assert lane.shape == (units,)
    assert ((lane >= 0) & (lane < lanes)).all()
    assert np.bincount(lane, minlength=lanes).max() <= most
    assert (lane == level(costs, lanes, most)).all()


@settings(max_examples=40)
@given(st.integers(1, 7), st.integers(1, 2), st.integers(0, 2**31))
def test_it_is_near_the_best_that_there_is(units: int, layers: int, seed: int) -> None:
    lanes, most = 3, -(-units // 3)
    costs = np.random.default_rng(seed).integers(0, 50, (units, layers)).astype(float)
    every = (np.array(one) for one in product(range(lanes), repeat=units))
    best = min(longest(costs, one, lanes) for one in every if np.bincount(one, minlength=lanes).max() <= most)
    assert longest(costs, level(costs, lanes, most), lanes) <= 4 / 3 * best


def test_a_few_heavy_units_among_light_ones_are_spread() -> None:
    costs = np.r_[np.full(28, 19.0), np.full(100, 0.0)][:, None]
    lane = level(costs, 8, 16)
    assert longest(costs, lane, 8) == 4 * 19


def test_layers_are_level_one_by_one_and_not_only_together() -> None:
    costs = np.array([[9.0, 0.0], [9.0, 0.0], [0.0, 9.0], [0.0, 9.0]])
    assert longest(costs, level(costs, 2, 2), 2) == 18


@given(st.integers(1, 40), st.integers(1, 3), st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**31))
def test_units_of_a_run_come_to_different_lanes(units: int, layers: int, lanes: int, together: int, seed: int) -> None:
    costs = np.random.default_rng(seed).integers(0, 50, (units, layers)).astype(float)
    runs = np.arange(units) // min(together, lanes)
    lane = level(costs, lanes, -(-units // lanes), runs)
    assert len(set(zip(runs.tolist(), lane.tolist(), strict=True))) == units


def test_runs_are_level_too() -> None:
    costs = np.random.default_rng(0).binomial(256, 0.05, (1152, 1)).astype(float)
    lane = level(costs, 16, 72, np.arange(1152) // 4)
    assert longest(costs, lane, 16) <= np.ceil(costs.sum() / 16) + 1
