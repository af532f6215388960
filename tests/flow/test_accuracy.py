"""Real networks in 8 bits, without any fine-tuning, keep their accuracy: captured, quantized, and computed by the integer reference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.networks.catalog import CONVOLUTIONAL
from tests.networks.network import RealNetwork

from zeroskip import reference
from zeroskip.frontend import capture
from zeroskip.quantize import dequantize, quantize, quantize_input

RequireData = Callable[[str], Path]


def load(name: str, require_data: RequireData, data: Path) -> RealNetwork:
    for needed in CONVOLUTIONAL[name].needs:
        require_data(needed)
    return CONVOLUTIONAL[name].load(data)


def in_integers(network: RealNetwork) -> np.ndarray:
    """The outputs of all inputs, in real units."""
    quantized = quantize(capture(network.model, network.example), network.calibration)
    return dequantize(quantized, reference.run(quantized, quantize_input(quantized, network.inputs)))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, least",
    [("ResNet-8", 87.0), ("ResNet-20", 91.0), ("DS-CNN", 90.5), ("LeNet-5", 98.9), ("streaming wake word", 91.1)],
)
def test_accuracy_in_integers(require_data: RequireData, data_dir: Path, name: str, least: float) -> None:
    network = load(name, require_data, data_dir)
    assert network.accuracy(in_integers(network)) >= least


@pytest.mark.slow
def test_the_wake_word_networks_answers_survive(require_data: RequireData, data_dir: Path) -> None:
    """MobileNetV1-0.25 has inputs but no labels here: its own answers in float stand for them."""
    network = load("MobileNetV1-0.25", require_data, data_dir)
    wanted = network.float_outputs()
    agree = (in_integers(network).argmax(axis=1) == wanted.argmax(axis=1)).mean()
    assert agree >= 0.95
