"""Real networks, trained by others: the captured graph computes what PyTorch does, in the number of layers that it should have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.networks.catalog import CONVOLUTIONAL
from tests.networks.mlperf_tiny import Autoencoder, tiny
from tests.sw.frontend.evaluate import assert_same

from zeroskip.contracts.graph import Graph, Layer
from zeroskip.frontend import capture


def copies(graph: Graph) -> list[Layer]:
    return [
        layer
        for layer in graph.layers
        if layer.structural and not layer.maximum and (layer.weight[layer.mask] == 1).all()
    ]


def load(name: str, require_data: Callable[[str], Path], data: Path) -> tuple[torch.nn.Module, torch.Tensor]:
    source = CONVOLUTIONAL[name]
    for needed in source.needs:
        require_data(needed)
    network = source.load(data)
    return network.model, torch.from_numpy(np.asarray(network.inputs[:2]))


@pytest.mark.parametrize(
    "name, layers, residuals, copied",
    [
        ("ResNet-8", 11, 3, 0),
        ("DS-CNN", 11, 0, 0),
        ("MobileNetV1-0.25", 29, 0, 0),
        ("streaming wake word", 9, 0, 0),
        ("LeNet-5", 7, 0, 0),
        ("ResNet-20", 23, 9, 2),
    ],
)
def test_convolutional_networks(require_data, data_dir, name, layers, residuals, copied):
    model, x = load(name, require_data, data_dir)
    graph = capture(model, x[:1])
    assert_same(model, graph, x)
    assert len(graph.layers) == layers
    assert sum(layer.residual is not None for layer in graph.layers) == residuals
    assert len(copies(graph)) == copied
    assert graph.input_shape == graph.tensors["input"] == tuple(x.shape[1:])


def test_the_anomaly_detector(require_data, data_dir):
    require_data("mlperf_tiny/ad_autoencoder.npz")
    model = tiny(data_dir, Autoencoder(), "ad_autoencoder")
    graph = capture(model, torch.zeros(1, 640))
    torch.manual_seed(1)
    assert_same(model, graph, torch.randn(5, 640) * 20 - 40)
    assert len(graph.layers) == 10


def test_the_shortcut_that_slices_and_pads_channels_is_one_copy(require_data, data_dir):
    model, x = load("ResNet-20", require_data, data_dir)
    first, second = copies(capture(model, x[:1]))
    for layer, channels in ((first, 16), (second, 32)):
        assert layer.weight.shape == (2 * channels, channels, 1, 1)
        assert layer.window.stride == (2, 2)
        assert layer.mask.sum() == channels
        assert layer.residual is None


def test_lenet_5_keeps_its_names(require_data, data_dir):
    model, x = load("LeNet-5", require_data, data_dir)
    names = ["convnet.c1", "convnet.s2", "convnet.c3", "convnet.s4", "convnet.c5", "fc.f6", "fc.f7"]
    assert [layer.name for layer in capture(model, x[:1]).layers] == names
