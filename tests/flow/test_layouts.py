"""Networks whose elements move, and files that others start from: built, and the RTL equal to the integers and the prediction.

One array is large enough for all of them, so that one model of the simulator serves them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.elaboration import verilog_of
from tests.flow import zoo
from tests.flow.onnx_arrays import largest
from tests.sim.packed import fault, packed
from tests.sw.frontend.evaluate import lively
from torch import nn

import zeroskip as zs
from zeroskip.contracts.axes import PLAIN
from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.graph import Graph
from zeroskip.contracts.host import HostOperator, on_host
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.frontend import capture, load_model
from zeroskip.quantize import dequantize, quantize, quantize_input
from zeroskip.reference import run, run_float
from zeroskip_sim.run import run_all

SAMPLES = 3
ARRAY = ArrayConfig(lanes=2, columns=4, word=16, stream_bits=32, strips=True)


class Moved(nn.Module):
    """A convolution, what moves its result, and another convolution."""

    def __init__(self, move: Callable[[torch.Tensor], torch.Tensor], channels: int = 4) -> None:
        super().__init__()
        self.first, self.move, self.second = nn.Conv2d(3, 4, 3, padding=1), move, nn.Conv2d(channels, 3, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(self.move(self.first(x)))


class ChannelsLast(nn.Module):
    """As Keras has it: channels behind, pooled over the image, a softmax at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.last = nn.Conv2d(3, 4, 3), nn.Linear(4, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.relu(self.conv(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1))
        return F.softmax(self.last(y).mean((1, 2)), -1)


MODELS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "channels behind": (ChannelsLast, (7, 6, 3)),
    "turned": (lambda: Moved(lambda x: x.transpose(2, 3)), (3, 9, 5)),
    "turned, at the output": (lambda: nn.Sequential(Moved(F.relu), nn.Flatten(2), Turned()), (3, 6, 7)),
    "flipped": (lambda: Moved(lambda x: x.flip(2)), (3, 6, 5)),
    "rolled": (lambda: Moved(lambda x: x.roll((2, -1), (2, 3))), (3, 7, 6)),
    "reflected": (lambda: Moved(lambda x: F.pad(x, (2, 1, 1, 2), mode="reflect")), (3, 5, 6)),
    "circular": (lambda: Moved(lambda x: F.pad(x, (1, 1, 2, 0), mode="circular")), (3, 5, 6)),
    "shuffled": (lambda: Moved(lambda x: x.unflatten(1, (2, 2)).transpose(1, 2).flatten(1, 2)), (3, 5, 6)),
    "blocks": (lambda: Moved(lambda x: F.pixel_unshuffle(x, 2), 16), (3, 8, 8)),
    "rows joined": (lambda: Moved(lambda x: torch.cat([x, x[:, :, :2]], 2)), (3, 5, 6)),
    "broadcast": (lambda: Moved(lambda x: x + x.mean((2, 3), keepdim=True)), (3, 5, 7)),
    "twice as large": (lambda: Moved(lambda x: F.interpolate(x, scale_factor=2)), (3, 3, 4)),
    "lowest and over channels": (lambda: Moved(lambda x: x.amin(1, keepdim=True) + x.sum(1, keepdim=True), 1), (3, 5, 6)),
}  # fmt: skip

FAMILIES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "MobileNetV2": (zoo.mobilenet, (3, 10, 12)),
    "ShuffleNetV2": (zoo.shufflenet, (3, 7, 8)),
    "SqueezeNet": (zoo.squeezenet, (3, 10, 9)),
    "U-Net": (zoo.UNet, (1, 6, 8)),
}

FILES = (
    "bnn_model_fc_1layer", "conv1d_small_keras", "conv2d_small_keras", "conv2d_small_mp_keras", "dense_big_keras", "three_layer_bn_keras",
    "three_layer_bn_pytorch", "three_layer_keras", "three_layer_pytorch", "two_layer_keras", "two_layer_pytorch",
)  # fmt: skip
"""Of shared/data/onnx_files."""


class Turned(nn.Module):
    """The axes of a sample exchanged."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.transpose(1, 2)


@dataclass(frozen=True, eq=False)
class Built:
    """A network, float inputs, and what the float model makes of each of them alone."""

    graph: Graph
    network: QuantizedNetwork
    x: np.ndarray
    expected: np.ndarray


def built(model: nn.Module, shape: tuple[int, ...]) -> Built:
    model.eval()
    x = torch.randn(SAMPLES, *shape, generator=torch.Generator().manual_seed(1))
    graph = capture(model, x[:1])
    network = quantize(graph, x)
    with torch.no_grad():
        expected = torch.cat([model(sample[None]) for sample in x])
    return Built(graph, network, x.numpy(), expected.numpy())


def results(networks: Mapping[str, Built], folder: Path) -> dict[str, str | None]:
    """By name what is wrong with the run, None where nothing is."""
    found = [it.network for it in networks.values()]
    sized = largest(found, replace(largest(found, ARRAY), mask_depth=0))
    runs = {
        name: packed(
            it.network, sized, quantize_input(it.network, it.x), folder / name.replace(" ", "_").replace(",", "")
        )
        for name, it in networks.items()
    }
    requests = [it.request(seed) for seed, it in enumerate(runs.values(), 1)]
    simulated = run_all(requests, verilog_of(sized).files, simulator="verilator")
    return {
        name: fault(it, request, result)
        for (name, it), request, result in zip(runs.items(), requests, simulated, strict=True)
    }


def same(it: Built) -> None:
    """The float graph computes what the model does."""
    np.testing.assert_allclose(on_host(it.graph.host, run_float(it.graph, it.x)), it.expected, rtol=1e-3, atol=1e-4)


def near(it: Built) -> None:
    """The integers stay near the float model: within a few of its output's steps, in units of its range."""
    outputs = on_host(it.network.host, dequantize(it.network, run(it.network, quantize_input(it.network, it.x))))
    assert outputs.shape == it.expected.shape
    spread = max(float(np.ptp(it.expected)), 1e-3)
    assert np.abs(outputs - it.expected).max() <= 0.06 * spread


@pytest.mark.slow
@pytest.mark.verilator
def test_networks_whose_elements_move(tmp_path: Path) -> None:
    torch.manual_seed(1)
    networks = {name: built(lively(make()), shape) for name, (make, shape) in MODELS.items()}
    families = {name: built(lively(make()), shape) for name, (make, shape) in FAMILIES.items()}
    for it in networks.values():
        near(it)
    for it in [*networks.values(), *families.values()]:
        same(it)
    assert {name: wrong for name, wrong in results(networks | families, tmp_path).items() if wrong} == {}


@pytest.mark.slow
@pytest.mark.verilator
def test_files_that_others_start_from(require_data: Callable[[str], Path], tmp_path: Path) -> None:
    folder = require_data("onnx_files")
    models = {name: load_model(folder / f"{name}.onnx") for name in FILES}
    networks = {name: built(model, model.input_shape) for name, model in models.items()}  # type: ignore[arg-type]
    for it in networks.values():
        near(it)
        same(it)
    assert {name: wrong for name, wrong in results(networks, tmp_path).items() if wrong} == {}


def test_the_ends_are_kept_in_a_saved_design(tmp_path: Path) -> None:
    torch.manual_seed(1)
    model = lively(ChannelsLast())
    x = torch.randn(8, 7, 6, 3)
    design = zs.compile(model, x[:1], calibration=x.numpy(), config=zs.ArrayConfig(lanes=2, columns=2))
    loaded = zs.Design.load(design.save(tmp_path / "design"))
    assert loaded.network.input_axes == design.network.input_axes != PLAIN
    assert loaded.network.host == (HostOperator(name="softmax", axis=0),)
    predicted = loaded.predict(x.numpy())
    np.testing.assert_array_equal(predicted, design.finish(design.reference(x.numpy())))
    np.testing.assert_allclose(predicted.sum(axis=1), 1.0)
    with torch.no_grad():
        np.testing.assert_allclose(predicted, model(x).numpy(), atol=0.06)
