"""Networks and inputs that nobody made for these tests, through the public calls alone: outputs and cycles are equal."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.networks.catalog import CONVOLUTIONAL
from tests.networks.dense import autoencoder, jet_tagger, lenet_300_100
from tests.networks.network import RealNetwork

import zeroskip as zs

RequireData = Callable[[str], Path]

LONG = pytest.mark.long


def on(simulator: str, samples: int, *marks: pytest.MarkDecorator) -> Any:
    """The parameters ``simulator, samples``."""
    return pytest.param(simulator, samples, marks=[getattr(pytest.mark, simulator), *marks])


def require_equal(design: zs.Design, x: np.ndarray, simulator: str, seed: int) -> None:
    run = design.simulate(x, simulator=simulator, seed=seed)
    message = f"{simulator}, seed {seed}"
    assert run.difference is None, f"{message}: {run.difference}"
    expected = design.reference(x)
    np.testing.assert_array_equal(run.outputs, expected, err_msg=message)
    assert run.outputs.dtype == expected.dtype
    assert run.cycles == design.cycles, message
    assert run.errors == 0, message


# --- fully connected --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lenet(require_data: RequireData, data_dir: Path) -> tuple[zs.Design, RealNetwork]:
    """Pruned by its authors, with the MNIST test set; skips where either is absent."""
    require_data("dns_pruned_lenet/lenet300100_sparse.npz"), require_data("mnist")
    network = lenet_300_100(data_dir, "sparse")
    config = zs.ArrayConfig(lanes=8, stream_bits=64)
    return zs.compile(network.model, network.example, calibration=network.calibration, config=config), network


@pytest.mark.slow
def test_lenet_300_100_keeps_its_accuracy_in_integers(lenet: tuple[zs.Design, RealNetwork]) -> None:
    design, network = lenet
    assert len(network.inputs) == 10_000
    assert network.accuracy(design.reference(network.inputs)) == pytest.approx(98.01, abs=0.2)


@pytest.mark.slow
@pytest.mark.parametrize("simulator, samples", [on("verilator", 1000), on("icarus", 20, LONG)])
def test_lenet_300_100_on_mnist(lenet: tuple[zs.Design, RealNetwork], simulator: str, samples: int) -> None:
    design, network = lenet
    require_equal(design, network.inputs[:samples], simulator, seed=samples)


@pytest.mark.slow
@pytest.mark.parametrize("simulator, samples", [on("verilator", 196, LONG), on("icarus", 2, LONG)])
def test_a_pruned_autoencoder_on_a_real_clip(
    require_data: RequireData, data_dir: Path, simulator: str, samples: int
) -> None:
    require_data("mlperf_tiny/ad_autoencoder.npz"), require_data("toyadmos_sample")
    network = autoencoder(data_dir)
    masks = zs.prune.magnitude(network.model, 0.75)
    config = zs.ArrayConfig(lanes=8, columns=2)
    design = zs.compile(network.model, network.example, calibration=network.calibration, masks=masks, config=config)
    assert design.dense_cycles.compute / design.cycles.compute > 3.5
    require_equal(design, network.inputs[:samples], simulator, seed=samples)


@pytest.mark.slow
@pytest.mark.parametrize("simulator, samples", [on("verilator", 1000), on("icarus", 50, LONG)])
@pytest.mark.parametrize("kind", ["dense", "70pruned"])
def test_jet_taggers_on_random_inputs(
    require_data: RequireData, data_dir: Path, kind: str, simulator: str, samples: int
) -> None:
    require_data(f"jet_tagging/jet3layer_{kind}.npz")
    network = jet_tagger(data_dir, kind)
    config = zs.ArrayConfig(lanes=4, columns=2)
    design = zs.compile(network.model, network.example, calibration=network.calibration, config=config)
    require_equal(design, network.inputs[:samples], simulator, seed=samples)


# --- convolutional ----------------------------------------------------------------------------------------------------

SPARSITIES = [0.0, 0.5, 0.8]

EVERY_TIME = ("streaming wake word", 0.8)
"""The one that ``make test`` runs."""


class Designs:
    """Of one network, on an array that is large enough for each of them, so that one compiled model serves every sparsity."""

    def __init__(self, name: str, data: Path) -> None:
        self.source = source = CONVOLUTIONAL[name]
        self.network = source.load(data)
        sizes = [self._compile(sparsity, source.config).config.to_json() for sparsity in SPARSITIES]
        self.config = zs.ArrayConfig(**{name: max(size[name] for size in sizes) for name in sizes[0]})
        self.at = cache(lambda sparsity: self._compile(sparsity, self.config))

    def _compile(self, sparsity: float, config: zs.ArrayConfig) -> zs.Design:
        network = self.network
        masks = zs.prune.magnitude(network.model, sparsity) if sparsity else None
        return zs.compile(network.model, network.example, calibration=network.calibration, masks=masks, config=config)


@pytest.fixture(scope="module")
def designs(request: pytest.FixtureRequest, require_data: RequireData, data_dir: Path) -> Designs:
    """Those of the network that the parameter names; skips where its data are absent."""
    for needed in CONVOLUTIONAL[request.param].needs:
        require_data(needed)
    return Designs(request.param, data_dir)


@pytest.mark.slow
@pytest.mark.verilator
@pytest.mark.parametrize(
    "designs, sparsity",
    [
        pytest.param(name, sparsity, marks=[] if (name, sparsity) == EVERY_TIME else LONG)
        for sparsity in SPARSITIES for name in CONVOLUTIONAL
    ],
    indirect=["designs"],
)  # fmt: skip
def test_convolutional_networks(designs: Designs, sparsity: float) -> None:
    design, samples = designs.at(sparsity), designs.source.samples
    assert design.config == designs.config
    require_equal(design, designs.network.inputs[:samples], "verilator", seed=samples)


@pytest.mark.long
@pytest.mark.icarus
@pytest.mark.parametrize("designs", ["ResNet-8"], indirect=True)
def test_a_convolutional_network_under_icarus(designs: Designs) -> None:
    require_equal(designs.at(0.8), designs.network.inputs[:1], "icarus", seed=1)


@pytest.mark.long
@pytest.mark.parametrize("designs", ["ResNet-8"], indirect=True)
@pytest.mark.parametrize("sparsity, least", [(0.5, 1.8), (0.8, 3.8)])
def test_pruned_weights_cost_no_cycles(designs: Designs, sparsity: float, least: float) -> None:
    design = designs.at(sparsity)
    assert design.dense_cycles.compute / design.cycles.compute > least
    assert designs.at(0.0).cycles.compute / design.cycles.compute > least


@pytest.mark.long
@pytest.mark.parametrize(
    "designs, samples",
    [("ResNet-8", 2000), ("DS-CNN", 1000), ("LeNet-5", 2000), ("ResNet-20", 500)],
    indirect=["designs"],
)
def test_accuracy_in_integers(designs: Designs, samples: int) -> None:
    """Eight bits cost these networks at most two points."""
    network = designs.network
    exact = network.accuracy(network.float_outputs(samples))
    found = network.accuracy(designs.at(0.0).reference(network.inputs[:samples]))
    assert found > exact - 2, f"{found} % in integers, {exact} % in float, of {samples}"
