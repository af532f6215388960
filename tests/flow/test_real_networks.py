"""Networks and inputs that nobody made for these tests, through the public calls alone: outputs and cycles are equal."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import zeroskip as zs

RequireData = Callable[[str], Path]

VERILATOR = pytest.param("verilator", marks=pytest.mark.verilator)
ICARUS = pytest.param("icarus", marks=pytest.mark.icarus)


def perceptron(stored: Path, *sizes: int, first: int = 0) -> nn.Sequential:
    """Linear layers with ReLU between them, and the weights that ``stored`` has under their numbers from ``first`` on."""
    layers: list[nn.Module] = [nn.Flatten()] if first else []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    with np.load(stored) as values:
        model.load_state_dict({name: torch.from_numpy(values[name]) for name in values.files})
    return model.eval()


def mnist(folder: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Images in 256ths, (N, 28, 28), and labels."""

    def read(suffix: str, offset: int) -> np.ndarray:
        packed = (folder / f"{name}-{suffix}-ubyte.gz").read_bytes()
        return np.frombuffer(gzip.decompress(packed), np.uint8, offset=offset)

    return read("images-idx3", 16).reshape(-1, 28, 28) / 256, read("labels-idx1", 8)


def require_equal(design: zs.Design, x: np.ndarray, simulator: str, seed: int) -> None:
    run = design.simulate(x, simulator=simulator, seed=seed)
    message = f"{simulator}, seed {seed}"
    assert run.difference is None, f"{message}: {run.difference}"
    expected = design.reference(x)
    np.testing.assert_array_equal(run.outputs, expected, err_msg=message)
    assert run.outputs.dtype == expected.dtype
    assert run.cycles == design.cycles, message
    assert run.errors == 0, message


@pytest.fixture(scope="module")
def lenet(request: pytest.FixtureRequest) -> Callable[[], tuple[zs.Design, np.ndarray, np.ndarray]]:
    """Pruned by its authors, with the MNIST test set; skips where either is absent."""
    require_data: RequireData = request.getfixturevalue("require_data")
    stored, folder = require_data("dns_pruned_lenet/lenet300100_sparse.npz"), require_data("mnist")
    model = perceptron(stored, 784, 300, 100, 10, first=1)
    calibration, _ = mnist(folder, "train")
    design = zs.compile(
        model, torch.zeros(1, 28, 28), calibration=calibration[:1000], config=zs.ArrayConfig(lanes=8, stream_bits=64)
    )
    images, labels = mnist(folder, "t10k")
    return design, images, labels


@pytest.mark.slow
def test_lenet_300_100_keeps_its_accuracy_in_integers(lenet) -> None:
    design, images, labels = lenet
    accuracy = 100 * (design.reference(images).argmax(axis=1) == labels).mean()
    assert len(labels) == 10_000
    assert accuracy == pytest.approx(98.01, abs=0.2)


@pytest.mark.slow
@pytest.mark.parametrize("simulator, samples", [(*VERILATOR.values, 1000), (*ICARUS.values, 20)])
def test_lenet_300_100_on_mnist(lenet, simulator: str, samples: int) -> None:
    design, images, _ = lenet
    require_equal(design, images[:samples], simulator, seed=samples)


@pytest.mark.slow
@pytest.mark.parametrize("simulator, samples", [(*VERILATOR.values, 196), (*ICARUS.values, 2)])
def test_a_pruned_autoencoder_on_a_real_clip(require_data: RequireData, simulator: str, samples: int) -> None:
    folder = require_data("mlperf_tiny")
    clip = np.load(require_data("toyadmos_sample") / "normal_id_01_00000000_200x128_f32.npy")
    windows = np.stack([clip[start : start + 5].reshape(640) for start in range(196)])
    model = tiny_models(folder).AD().eval()
    with np.load(folder / "ad_autoencoder.npz") as values:
        stored = {name: torch.from_numpy(values[name]) for name in values.files}
    model.load_state_dict(model.state_dict() | stored)
    masks = zs.prune.magnitude(model, 0.75)
    design = zs.compile(
        model, torch.zeros(1, 640), calibration=windows, masks=masks, config=zs.ArrayConfig(lanes=8, columns=2)
    )
    assert design.dense_cycles.compute / design.cycles.compute > 3.5
    require_equal(design, windows[:samples], simulator, seed=samples)


def tiny_models(folder: Path):
    spec = spec_from_file_location("tiny_models", folder / "tiny_models.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize("simulator, samples", [(*VERILATOR.values, 1000), (*ICARUS.values, 50)])
@pytest.mark.parametrize("kind", ["dense", "70pruned"])
def test_jet_taggers_on_random_inputs(require_data: RequireData, kind: str, simulator: str, samples: int) -> None:
    model = perceptron(require_data(f"jet_tagging/jet3layer_{kind}.npz"), 16, 64, 32, 32, 5)
    x = np.random.default_rng(16).standard_normal((1000, 16))
    design = zs.compile(model, torch.zeros(1, 16), calibration=x, config=zs.ArrayConfig(lanes=4, columns=2))
    require_equal(design, x[:samples], simulator, seed=samples)
