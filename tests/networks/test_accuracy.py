"""The networks are loaded as their authors meant them: their accuracies in float are the published or measured ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.networks.catalog import CONVOLUTIONAL
from tests.networks.network import RealNetwork


@pytest.fixture
def load(require_data: Callable[[str], Path], data_dir: Path) -> Callable[[str], RealNetwork]:
    def loaded(name: str) -> RealNetwork:
        for needed in CONVOLUTIONAL[name].needs:
            require_data(needed)
        return CONVOLUTIONAL[name].load(data_dir)

    return loaded


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, samples, percent",
    [
        ("ResNet-8", 2000, 87.9), ("DS-CNN", 1000, 91.3), ("streaming wake word", 45, 91.11), ("LeNet-5", 10_000, 99.08),
        ("ResNet-20", 2000, 91.65),
    ],
)  # fmt: skip
def test_accuracy_in_float(load: Callable[[str], RealNetwork], name: str, samples: int, percent: float) -> None:
    network = load(name)
    assert network.labels is not None
    assert len(network.inputs) == len(network.labels) == samples
    assert network.accuracy(network.float_outputs()) == pytest.approx(percent, abs=0.02)


@pytest.mark.slow
def test_the_wake_words_network_sees_different_things(load: Callable[[str], RealNetwork]) -> None:
    network = load("MobileNetV1-0.25")
    assert network.inputs.shape == (64, 3, 96, 96)
    assert set(network.float_outputs().argmax(axis=1)) == {0, 1}


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_inputs_are_single_precision_and_calibration_is_alike(load: Callable[[str], RealNetwork], name: str) -> None:
    network = load(name)
    assert network.inputs.dtype == network.calibration.dtype == np.float32
    assert network.inputs.shape[1:] == network.calibration.shape[1:] == tuple(network.example.shape[1:])
    assert not network.model.training
