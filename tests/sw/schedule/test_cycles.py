"""The figures of the prediction; that they are the RTL's is shown where networks are simulated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.sim.chain import as_kernels
from tests.sim.networks import random_network

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.cycles import Cycles
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.contracts.timing import END_TO_FIRST_OUTPUT, SAMPLE_GAP, TURNAROUND, timing
from zeroskip.schedule import predict, schedule

SPEED_UP = {0.5: 1.9, 0.75: 3.8, 0.9: 9.3, 0.95: 18.0}
"""Least speed-up over the same array run dense, by sparsity, for a whole layer with its start and end."""


def one_layer(weight: np.ndarray) -> QuantizedNetwork:
    outputs, inputs = weight.shape
    network = random_network(np.random.default_rng(1), (inputs, outputs), 1.0, 8)
    layer = replace(network.layers[0], weight=as_kernels(weight))
    return replace(network, layers=(layer,))


def cycles(weight: np.ndarray, **config: int) -> Cycles:
    return predict(schedule(one_layer(weight), ArrayConfig(**config)))


@pytest.mark.parametrize("sparsity", SPEED_UP)
def test_utilisation_and_speed_up_of_a_large_layer(sparsity):
    seed, lanes = 256, 16
    keep = np.random.default_rng(seed).random((256, 1152)) >= sparsity
    sparse, dense = cycles(keep, lanes=lanes), cycles(np.ones_like(keep), lanes=lanes)
    utilisation = keep.sum() / lanes / sparse.compute
    assert utilisation >= 0.95, f"seed {seed}: {utilisation:.4f}"
    speed_up = dense.compute / sparse.compute
    assert speed_up >= SPEED_UP[sparsity], f"seed {seed}: {speed_up:.2f}"


@pytest.mark.parametrize("weights", [1, 2, 17, 64, 65, 200])
@pytest.mark.parametrize("columns, stream_bits", [(1, 8), (3, 32)])
def test_one_row_on_one_lane(weights, columns, stream_bits):
    got = cycles(np.ones((1, weights)), lanes=1, columns=columns, stream_bits=stream_bits)
    distance = timing(ArrayConfig(strips=False))
    beats = -(-weights * 8 // stream_bits)
    compute = weights + distance.tail_to_result + distance.collect_to_end
    assert got.layers == {"fc0": compute}
    load = columns * (beats + SAMPLE_GAP)
    loaded = load - SAMPLE_GAP - 1
    assert got.latency == loaded + distance.last_beat_to_start + compute + END_TO_FIRST_OUTPUT + columns - 1
    if weights >= 17:  # else the decoder may take longer than the computation to stand ready again
        assert got.interval == max(load, compute + TURNAROUND)


def test_cycles_depend_on_the_mask_alone():
    rng = np.random.default_rng(5)
    mask = rng.random((50, 70)) < 0.3
    values = rng.integers(1, 100, size=mask.shape)
    assert cycles(mask, lanes=5) == cycles(mask * values, lanes=5)


def test_empty_rows_of_a_hidden_layer_cost_nothing():
    def layers(hidden: int, dead: slice) -> Cycles:
        network = random_network(np.random.default_rng(6), (64, hidden, 16), 1.0, 8)
        first, last = (replace(layer, weight=np.ones_like(layer.weight)) for layer in network.layers)
        first.weight[dead] = 0
        return predict(schedule(replace(network, layers=(first, last)), ArrayConfig(lanes=4)))

    assert layers(64, slice(None, None, 2)) == layers(32, slice(0))


def test_results_of_short_rows_leave_one_per_cycle():
    lanes, rows = 16, 320
    got = cycles(np.eye(rows), lanes=lanes)
    assert rows <= got.compute <= rows + 40


def test_the_json_form_comes_back():
    got = cycles(np.ones((3, 4)))
    assert Cycles.from_json(got.to_json()) == got
    assert got.compute == sum(got.layers.values())
