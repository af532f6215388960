"""Quantized models arrive with their scales: formats of activations, scales of weights, and layers that must not be merged."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.sw.frontend.evaluate import captured, check_contract, lively, refuse
from torch import nn

from zeroskip.contracts.graph import Graph
from zeroskip.contracts.tensor import QuantizedTensor
from zeroskip.frontend import capture


def rounded(
    x: torch.Tensor, scale: float = 0.05, zero_point: int = 0, low: int = -128, high: int = 127
) -> torch.Tensor:
    return torch.fake_quantize_per_tensor_affine(x, scale, zero_point, low, high)


class Net(nn.Module):
    """Convolutions of 4 channels that keep the size, with scales per channel, and a forward given as a function."""

    def __init__(self, forward: Callable[..., torch.Tensor]) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 1, bias=False)
        self.fc = nn.Linear(4, 4)
        self.bn = nn.BatchNorm2d(4)
        self.scale, self.zeros = torch.rand(4) * 0.01 + 0.001, torch.zeros(4, dtype=torch.int32)
        self.one, self.zero = nn.Buffer(torch.tensor([0.02])), nn.Buffer(torch.tensor([0], dtype=torch.int32))
        self.run = forward

    def conv(self, x: torch.Tensor, conv: nn.Conv2d) -> torch.Tensor:
        weight = torch.fake_quantize_per_channel_affine(conv.weight, self.scale, self.zeros, 0, -127, 127)
        return F.conv2d(x, weight, conv.bias, padding=conv.padding)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.run(self, x)


def graph_of(forward: Callable[..., torch.Tensor], masks: dict[str, torch.Tensor] | None = None) -> Graph:
    torch.manual_seed(0)
    graph = capture(lively(Net(forward)), torch.zeros(1, 4, 5, 5), masks)
    check_contract(graph)
    return graph


S8 = QuantizedTensor(scale=0.05, zero_point=0, signed=True)
U8 = QuantizedTensor(scale=0.1, zero_point=3, signed=False)


def unsigned(x: torch.Tensor) -> torch.Tensor:
    return rounded(x, 0.1, 3, 0, 255)


@pytest.mark.parametrize(
    "forward, formats",
    [
        (lambda m, x: m.b(rounded(x)), {"input": S8}),
        (lambda m, x: rounded(m.b(unsigned(x))), {"input": U8, "b": S8}),
        (lambda m, x: unsigned(m.b(x).relu()), {"b": U8}),
        (lambda m, x: m.a(unsigned(m.b(x).relu())).relu(), {"b": U8}),
        (lambda m, x: rounded(m.b(x)).relu(), {"b": S8}),
        (lambda m, x: rounded(rounded(m.b(x)).relu()), {"b": S8}),
        (lambda m, x: unsigned(rounded(m.b(x))), {"b": S8, "fake_quantize_per_tensor_affine_1": U8}),
        (lambda m, x: rounded(rounded(m.b(x))), {"b": S8}),
        (lambda m, x: rounded(rounded(m.b(x)) + unsigned(m.a(x))), {"b": S8, "a": U8, "add": S8}),
        (lambda m, x: rounded(m.b(x) + unsigned(x)), {"input": U8, "b": S8}),
        (lambda m, x: rounded(F.max_pool2d(rounded(m.b(x)), 2)), {"b": S8, "max_pool2d": S8}),
        (lambda m, x: F.max_pool2d(rounded(m.b(x)), 2).relu(), {"b": S8}),
        (lambda m, x: rounded(torch.cat([rounded(m.a(x)), rounded(m.b(x))], 1)), {"cat": S8}),
        (lambda m, x: rounded(torch.cat([rounded(m.a(x)), unsigned(m.b(x))], 1)), {"cat": S8, "b": U8}),
        (lambda m, x: torch.cat([rounded(m.a(x)), m.b(x)], 1), {"a": S8}),
        (lambda m, x: m.a(F.pad(unsigned(x), (1, 1, 1, 1))), {"input": U8}),
        (lambda m, x: m.a(unsigned(F.pad(unsigned(x), (1, 1, 1, 1)))), {"input": U8}),
        (lambda m, x: m.a(unsigned(F.pad(x, (1, 1, 1, 1)))), {"pad": U8}),
        (lambda m, x: m.bn(rounded(m.b(x))), {"b": S8}),
        (lambda m, x: rounded(x), {"input": S8, "copy": S8}),
        (lambda m, x: torch.fake_quantize_per_tensor_affine(x, m.one, m.zero, -8, 7) + 1,
         {"fake_quantize_per_tensor_affine.within": QuantizedTensor(scale=float(np.float32(0.02)), zero_point=0, signed=True)}),
    ],
)  # fmt: skip
def test_formats_stay_with_their_tensors(forward, formats):
    graph = graph_of(forward)
    assert graph.formats == formats
    assert set(graph.formats) <= set(graph.tensors)


@pytest.mark.parametrize(
    "forward, layers",
    [
        (lambda m, x: rounded(m.b(x)).relu(), ["b", "relu"]),
        (lambda m, x: rounded(rounded(m.b(x)).relu()), ["b"]),
        (lambda m, x: m.bn(rounded(m.b(x))), ["b", "bn"]),
        (lambda m, x: F.max_pool2d(rounded(m.b(x)), 2).relu(), ["b", "max_pool2d", "relu"]),
        (lambda m, x: rounded(m.b(x)) + rounded(m.a(x)), ["b", "a", "add"]),
        (lambda m, x: m.b(x) + rounded(m.a(x)), ["a", "b"]),
    ],
)
def test_what_is_rounded_between_two_operators_keeps_them_apart(forward, layers):
    assert [layer.name for layer in graph_of(forward).layers] == layers


def test_weights_are_multiples_of_their_scales_and_keep_their_names_and_masks():
    mask = torch.rand(4, 4, 3, 3) > 0.5
    graph = graph_of(lambda m, x: m.conv(m.conv(x, m.a), m.b), {"a.weight": mask})
    assert [layer.name for layer in graph.layers] == ["a", "b"]
    np.testing.assert_array_equal(graph.layers[0].mask, mask.numpy())
    for layer in graph.layers:
        assert layer.weight_scale is not None
        integers = layer.weight / layer.weight_scale[:, None, None, None]
        np.testing.assert_allclose(integers, np.rint(integers), atol=1e-9)
        assert np.abs(integers).max() <= 127.0001
        assert np.abs(integers).max() > 20


def test_a_batch_norm_behind_scales_the_weight_scale_and_one_in_front_stays_a_layer():
    graph = graph_of(lambda m, x: m.bn(m.conv(x, m.b)))
    (layer,) = graph.layers
    integers = layer.weight / layer.weight_scale[:, None, None, None]
    np.testing.assert_allclose(integers, np.rint(integers), atol=1e-6)
    graph = graph_of(lambda m, x: m.conv(m.bn(x), m.b))
    assert [layer.name for layer in graph.layers] == ["bn", "b"]


def test_rounding_is_that_of_the_operator():
    model = Net(lambda m, x: F.conv2d(x, torch.fake_quantize_per_tensor_affine(m.b.weight, 0.03, 0, -8, 7)))
    with torch.no_grad():
        model.b.weight.copy_(torch.linspace(-0.5, 0.5, 16).reshape(4, 4, 1, 1))
        model.b.weight[0, 0] = 0.045  # between two
    layer = capture(model, torch.zeros(1, 4, 3, 3)).layers[0]
    wanted = torch.fake_quantize_per_tensor_affine(model.b.weight, 0.03, 0, -8, 7).detach().numpy()
    np.testing.assert_allclose(layer.weight, wanted, rtol=1e-6)
    assert (layer.weight_scale == 0.03).all()


def test_weights_with_a_zero_point_are_integers_of_one_bit_more():
    model = Net(lambda m, x: F.conv2d(x, torch.fake_quantize_per_tensor_affine(m.b.weight, 0.03, 200, 0, 255)))
    layer = capture(model, torch.zeros(1, 4, 3, 3)).layers[0]
    wanted = torch.fake_quantize_per_tensor_affine(model.b.weight, 0.03, 200, 0, 255).detach().numpy()
    np.testing.assert_allclose(layer.weight, wanted, rtol=1e-6)
    assert not layer.mask[wanted == 0].any()


@pytest.mark.parametrize(
    "forward, match",
    [
        (lambda m, x: torch.fake_quantize_per_channel_affine(x, m.scale, m.zeros, 1, 0, 255),
         r"fake_quantize_per_channel_affine '.*': an activation must have one scale, not one per channel"),
        (lambda m, x: rounded(x, low=-200), r"fake_quantize_per_tensor_affine '.*': integers must lie within -128 … 127 or 0 … 255, "
         r"not -200 … 127"),
        (lambda m, x: rounded(x, scale=-1.0), r"fake_quantize_per_tensor_affine '.*': scale must be finite and above zero, not -1"),
        (lambda m, x: F.conv2d(x, torch.fake_quantize_per_channel_affine(m.b.weight, m.scale, m.zeros, 1, -127, 127)),
         r"conv2d 'conv2d': weight scales must be one per output, along axis 0, not along axis 1"),
        (lambda m, x: torch.fake_quantize_per_tensor_affine(x, x.mean((1, 2, 3)), m.zero, 0, 255),
         r".*fake_quantize_per_tensor_affine '.*': scale and zero-point must be constants, not results of the network"),
    ],
)  # fmt: skip
def test_refused(forward, match):
    refuse(Net(forward), 1, 4, 5, 5, match=match)


def test_a_float_network_has_no_formats():
    graph = captured(nn.Sequential(nn.Conv2d(2, 3, 1), nn.ReLU()), 2, 4, 4)
    assert graph.formats == {}
    assert graph.layers[0].weight_scale is None
