"""Quantized ONNX models: their integers and number formats are kept, whether written as QDQ or as QLinear operators."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from onnx import TensorProto
from onnx.reference import ReferenceEvaluator

from zeroskip import prune
from zeroskip.contracts.tensor import QuantizedTensor
from zeroskip.frontend import capture
from zeroskip.frontend.onnx.file import read_model

from .models import NUMBERS, SEED, Node, make, model, random

FORMAT = QuantizedTensor(scale=float(np.float32(0.04)), zero_point=3, signed=False)
FORMAT2 = QuantizedTensor(scale=float(np.float32(0.1)), zero_point=-5, signed=True)


def qdq(name: str, output: str, scale: str = "s", zero: str = "z") -> list[Node]:
    return [
        make("QuantizeLinear", [name, scale, zero], [f"{output}.q"]),
        make("DequantizeLinear", [f"{output}.q", scale, zero], [output]),
    ]


def test_a_quantized_convolution():
    nodes = [
        *qdq("x", "xr"), make("DequantizeLinear", ["w", "ws", "wz"], ["wr"], axis=0), make("DequantizeLinear", ["bias", "bs", "bz"], ["br"], axis=0),
        make("Conv", ["xr", "wr", "br"], ["c"]), make("Relu", ["c"], ["r"]), *qdq("r", "y", "s2", "z2"),
    ]  # fmt: skip
    network = read_model(model(nodes, ["batch", 2, 6, 6], NUMBERS), "net.onnx")
    graph = capture(network, torch.zeros(1, 2, 6, 6))
    (layer,) = graph.layers
    assert graph.formats == {"input": FORMAT, "w": FORMAT2}
    np.testing.assert_allclose(layer.weight_scale, NUMBERS["ws"], rtol=1e-12)
    np.testing.assert_allclose(layer.weight / layer.weight_scale[:, None, None, None], NUMBERS["w"], atol=1e-9)
    np.testing.assert_allclose(layer.bias, NUMBERS["bias"] * np.float64(np.float32(0.0004)), rtol=1e-6)
    assert layer.activation.low == 0
    x = np.abs(random(2, 2, 6, 6))
    expected = ReferenceEvaluator(model(nodes, ["batch", 2, 6, 6], NUMBERS)).run(None, {"x": x})[0]
    np.testing.assert_allclose(network(torch.from_numpy(x)).detach().numpy(), expected, atol=0.11)
    assert set(prune.magnitude(network, 0.5)) == {"w.weight"}


@pytest.mark.parametrize("integers", [False, True], ids=["float", "uint8"])
def test_qlinear_conv_between_integers(integers):
    nodes = [
        make("QLinearConv", ["q", "s", "z", "w", "ws", "wz", "s2", "z2", "bias"], ["y1"], pads=[1, 1, 1, 1]),
        make("MaxPool", ["y1"], ["y2"], kernel_shape=[2, 2]),
        make("DequantizeLinear", ["y2", "s2", "z2"], ["y"]),
    ]
    if integers:
        nodes[0].input[0] = "x"
    else:
        nodes.insert(0, make("QuantizeLinear", ["x", "s", "z"], ["q"]))
    net = model(nodes, ["batch", 2, 6, 6], NUMBERS, kind=TensorProto.UINT8 if integers else TensorProto.FLOAT)
    network = read_model(net, "net.onnx")
    graph = capture(network, torch.zeros(1, 2, 6, 6))
    assert [layer.maximum for layer in graph.layers] == [False, True]
    first, second = (layer.output for layer in graph.layers)
    assert graph.formats == {"input": FORMAT, first: FORMAT2, second: FORMAT2}
    stored = SEED.integers(0, 256, (2, 2, 6, 6)).astype(np.uint8)
    real = (stored.astype(np.float32) - 3) * np.float32(0.04)
    # the reference has no MaxPool of integers: the same behind DequantizeLinear
    nodes[-2:] = [
        make("DequantizeLinear", ["y1", "s2", "z2"], ["y2"]),
        make("MaxPool", ["y2"], ["y"], kernel_shape=[2, 2]),
    ]
    net = model(nodes, ["batch", 2, 6, 6], NUMBERS, kind=TensorProto.UINT8 if integers else TensorProto.FLOAT)
    expected = ReferenceEvaluator(net).run(None, {"x": stored if integers else real})[0]
    np.testing.assert_allclose(network(torch.from_numpy(real)).detach().numpy(), expected, atol=0.11)


def test_integers_that_leave_are_of_the_format_that_gives_them():
    nodes = [make("QuantizeLinear", ["x", "s", "z"], ["q"]), make("Flatten", ["q"], ["y"])]
    graph = capture(
        read_model(model(nodes, [1, 2, 3, 3], NUMBERS, output_kind=TensorProto.UINT8), "net"), torch.zeros(1, 2, 3, 3)
    )
    assert graph.formats[graph.output] == FORMAT


def test_a_quantized_gemm_with_scales_along_its_columns():
    w = SEED.integers(-128, 128, (5, 3)).astype(np.int8)
    constants = {**NUMBERS, "w": w}
    nodes = [
        *qdq("x", "xr"),
        make("DequantizeLinear", ["w", "ws", "wz"], ["wr"], axis=1),
        make("Gemm", ["xr", "wr"], ["y"], alpha=2.0),
    ]
    (layer,) = capture(read_model(model(nodes, [1, 5], constants), "net"), torch.zeros(1, 5)).layers
    np.testing.assert_allclose(layer.weight_scale, 2.0 * NUMBERS["ws"], rtol=1e-6)
    np.testing.assert_allclose(layer.weight.reshape(3, 5) / layer.weight_scale[:, None], w.T, atol=1e-5)


def test_a_float_weight_that_is_quantized_in_the_file_is_folded():
    w = random(3, 2, 3, 3)
    constants = {**NUMBERS, "w": w, "ws": np.array(0.02, np.float32), "wz": np.array(0, np.int8)}
    nodes = [*qdq("x", "xr"), *qdq("w", "wr", "ws", "wz"), make("Conv", ["xr", "wr"], ["y"])]
    (layer,) = capture(read_model(model(nodes, [1, 2, 6, 6], constants), "net"), torch.zeros(1, 2, 6, 6)).layers
    wanted = np.clip(np.rint(w / np.float32(0.02)), -128, 127)
    np.testing.assert_allclose(layer.weight / layer.weight_scale[:, None, None, None], wanted, atol=1e-6)
    assert layer.name == "w"


def test_weights_with_a_zero_point():
    w = SEED.integers(0, 256, (5, 3)).astype(np.uint8)
    w[0, 0] = 3
    nodes = [make("QLinearMatMul", ["x", "s", "z", "w", "s", "z", "s2", "z2"], ["y"])]
    net = model(nodes, [2, 5], {**NUMBERS, "w": w}, kind=TensorProto.UINT8, output_kind=TensorProto.INT8)
    network = read_model(net, "net")
    (layer,) = capture(network, torch.zeros(1, 5)).layers
    np.testing.assert_allclose(layer.weight.reshape(3, 5) / layer.weight_scale[:, None], w.T.astype(int) - 3, atol=1e-4)
    assert not layer.mask[0, 0]
    stored = SEED.integers(0, 256, (2, 5)).astype(np.uint8)
    expected = (ReferenceEvaluator(net).run(None, {"x": stored})[0].astype(np.float64) + 5) * np.float32(0.1)
    real = (stored.astype(np.float32) - 3) * np.float32(0.04)
    np.testing.assert_allclose(network(torch.from_numpy(real)).detach().numpy(), expected, atol=0.11)
