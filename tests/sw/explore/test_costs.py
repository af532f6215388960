"""Costs without a design are those of the design."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import zeroskip as zs
from zeroskip import prune
from zeroskip.contracts.errors import InputError
from zeroskip.explore.costs import KINDS, costs, kept_weights
from zeroskip.schedule.dense import dense_bits, dense_cycles


def fully_connected() -> tuple[nn.Module, np.ndarray]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(20, 30), nn.ReLU(), nn.Linear(30, 5))
    return model.eval(), np.random.default_rng(0).normal(size=(16, 20)).astype(np.float32)


def convolutional() -> tuple[nn.Module, np.ndarray]:
    torch.manual_seed(1)
    body = nn.Sequential(nn.Conv2d(2, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2))
    model = nn.Sequential(body, nn.Conv2d(6, 8, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))
    return model.eval(), np.random.default_rng(1).normal(size=(16, 2, 8, 8)).astype(np.float32)


CONFIG = {"fully connected": zs.ArrayConfig(lanes=3, word=16), "convolutional": zs.ArrayConfig(lanes=2, columns=2)}
MODELS = {"fully connected": fully_connected, "convolutional": convolutional}


@pytest.mark.parametrize("sparsity", [0, 0.6, 1])
@pytest.mark.parametrize("name", MODELS)
def test_every_figure_is_that_of_the_design(name, sparsity):
    (model, x), config = MODELS[name](), CONFIG[name]
    masks = prune.magnitude(model, sparsity, exclude=["4" if name == "convolutional" else "2"])
    found = costs(model, masks, calibration=x, config=config)
    design = zs.compile(model, torch.from_numpy(x[:1]), calibration=x, masks=masks, config=config)
    assert found.cycles == design.cycles
    assert found.stored_bits == design.summary.total.stored_bits
    assert found.weights == sum(int(mask.sum()) for mask in masks.values())
    assert dense_cycles(found.network, config) == design.dense_cycles
    assert dense_bits(found.network) == design.summary.dense_bits
    assert found.of("cycles").total == design.cycles.interval
    assert found.of("bits").total == design.summary.total.stored_bits
    assert found.of("weights") == kept_weights(model, masks)
    for kind in KINDS:
        assert list(found.layers[kind]) == list(masks)
        assert sum(found.layers[kind].values()) <= found.of(kind).total


def test_each_layer_has_the_cycles_of_its_own_weights():
    model, x = convolutional()
    found = costs(model, prune.magnitude(model, 0.5), calibration=x, config=CONFIG["convolutional"])
    assert found.layers["cycles"]["0.0.weight"] == found.cycles.layers["0.0"]
    assert sum(found.layers["cycles"].values()) == found.cycles.compute - found.cycles.layers["0.3"]


def test_a_shared_weight_counts_once_and_costs_cycles_in_every_layer_that_uses_it():
    torch.manual_seed(2)
    shared = nn.Linear(6, 6)
    model = nn.Sequential(shared, nn.ReLU(), shared, nn.ReLU(), nn.Linear(6, 2)).eval()
    x = np.random.default_rng(2).normal(size=(8, 6)).astype(np.float32)
    found = costs(model, prune.magnitude(model, 0.5), calibration=x, config=zs.ArrayConfig(lanes=1))
    assert found.weights == 18 + 6
    assert found.layers["cycles"]["0.weight"] == found.cycles.layers["0"] + found.cycles.layers["2"]


def test_a_model_that_is_one_layer():
    model, x = nn.Linear(6, 4).eval(), np.random.default_rng(3).normal(size=(8, 6)).astype(np.float32)
    found = costs(model, prune.magnitude(model, 0.5), calibration=x, config=zs.ArrayConfig(lanes=1))
    assert found.layers["cycles"] == {"weight": found.cycles.compute}


def test_refusals():
    model, x = fully_connected()
    with pytest.raises(InputError, match=r"^calibration: must have shape \(N, …\), not \(20,\)$"):
        costs(model, prune.magnitude(model, 0.5), calibration=x[0], config=zs.ArrayConfig())
