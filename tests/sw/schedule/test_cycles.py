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
from zeroskip.contracts.timing import END_TO_FIRST_OUTPUT, INPUT_ROW_PAUSE, LOADED_TO_START, TURNAROUND
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
def test_utilisation_and_speed_up_of_a_large_layer(sparsity: float) -> None:
    seed, lanes = 256, 16
    keep = np.random.default_rng(seed).random((256, 1152)) >= sparsity
    sparse, dense = cycles(keep, lanes=lanes), cycles(np.ones_like(keep), lanes=lanes)
    utilisation = keep.sum() / lanes / sparse.compute
    assert utilisation >= 0.95, f"seed {seed}: {utilisation:.4f}"
    speed_up = dense.compute / sparse.compute
    assert speed_up >= SPEED_UP[sparsity], f"seed {seed}: {speed_up:.2f}"


@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize("outputs, stream_bits", [(1, 8), (9, 8), (9, 32)])
def test_latency_is_loading_the_layers_and_unloading(outputs: int, columns: int, stream_bits: int) -> None:
    got = cycles(np.ones((outputs, 40)), lanes=1, columns=columns, stream_bits=stream_bits)
    load = columns * (40 + INPUT_ROW_PAUSE)  # one lane stores one element at a time
    unload = columns * -(-outputs * 8 // stream_bits)
    loaded = load - INPUT_ROW_PAUSE
    assert got.latency == loaded + LOADED_TO_START + got.compute + END_TO_FIRST_OUTPUT + unload - 1
    assert got.interval >= max(load, got.compute + TURNAROUND, unload)


def test_a_stream_that_is_slower_than_the_layers_sets_the_interval() -> None:
    got = cycles(np.eye(1, 600), lanes=1)
    assert got.compute + TURNAROUND < got.interval == 600 + INPUT_ROW_PAUSE


def test_cycles_depend_on_the_mask_alone() -> None:
    rng = np.random.default_rng(5)
    mask = rng.random((50, 70)) < 0.3
    values = rng.integers(1, 100, size=mask.shape)
    assert cycles(mask, lanes=5) == cycles(mask * values, lanes=5)


def test_an_empty_row_costs_one_weight() -> None:
    """Every row has a sum, so that an empty one keeps an explicit zero."""
    weight = np.zeros((200, 64))
    weight[::2, :8] = 1
    full = weight.copy()
    full[1::2, 0] = 1
    assert cycles(weight, lanes=1) == cycles(full, lanes=1)


@pytest.mark.parametrize("epilogues", [1, 2, 4])
def test_results_of_short_rows_leave_as_many_per_cycle_as_there_are_epilogues(epilogues: int) -> None:
    """The last layer's leave one by one: the output has one port."""
    lanes, rows = 16, 320
    network = random_network(np.random.default_rng(1), (rows, rows, 1), 1.0, 8)
    first, last = network.layers
    short = replace(network, layers=(replace(first, weight=as_kernels(np.eye(rows))), last))
    hidden = predict(schedule(short, ArrayConfig(lanes=lanes, epilogues=epilogues))).layers["fc0"]
    assert rows / epilogues <= hidden <= 1.25 * rows / epilogues + 60
    output = cycles(np.eye(rows), lanes=lanes, epilogues=epilogues).compute
    assert rows <= output <= rows + 60


def test_sums_that_wait_in_block_ram_come_a_cycle_later() -> None:
    weight = np.ones((3, 40))
    assert cycles(weight, block_queue=True).latency == cycles(weight).latency + 1


def test_the_json_form_comes_back() -> None:
    got = cycles(np.ones((3, 4)))
    assert Cycles.from_json(got.to_json()) == got
    assert got.compute == sum(got.layers.values())
