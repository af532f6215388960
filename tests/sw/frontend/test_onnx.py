"""ONNX files: captured like any module, under the names that the file has, and refused node by node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from tests.sw.frontend.evaluate import assert_same, check_contract

from zeroskip import prune
from zeroskip.frontend import capture, load_model
from zeroskip.frontend.onnx_file import read_model
from zeroskip.reference import run_float
from zeroskip.spec.errors import InputError, UnsupportedError
from zeroskip.spec.network import QuantizedTensor

Node = onnx.NodeProto
make = helper.make_node
SEED = np.random.default_rng(7)


def random(*shape: int) -> np.ndarray:
    return SEED.standard_normal(shape).astype(np.float32)


def model(
    nodes: Sequence[Node], shape: Sequence[int | str], constants: dict[str, np.ndarray] | None = None, opset: int = 21,
    kind: int = TensorProto.FLOAT, output_kind: int = TensorProto.FLOAT,
) -> onnx.ModelProto:  # fmt: skip
    """A model from ``x`` to the last node's output."""
    graph = helper.make_graph(
        nodes, "net", [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info(nodes[-1].output[0], output_kind, None)],
        [numpy_helper.from_array(value, name) for name, value in (constants or {}).items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def check(net: onnx.ModelProto, *shape: int, batch: int = 2) -> Any:
    """The graph of a model, found equal to ONNX's reference and to the module."""
    network = read_model(net, "net.onnx")
    graph = capture(network, torch.zeros(batch, *shape))
    x = random(batch, *shape)
    expected = ReferenceEvaluator(net).run(None, {"x": x})[0]
    check_contract(graph)
    np.testing.assert_allclose(run_float(graph, torch.from_numpy(x)), expected, rtol=1e-4, atol=1e-5)
    with torch.no_grad():
        np.testing.assert_allclose(network(torch.from_numpy(x)).numpy(), expected, rtol=1e-4, atol=1e-5)
    return graph


def small_net() -> onnx.ModelProto:
    """Conv, BatchNormalization, Relu, MaxPool, Flatten, Gemm, as torch.onnx writes them, names included."""
    constants = {
        "conv1.weight": random(4, 2, 3, 3), "conv1.bias": random(4), "bn1.weight": random(4), "bn1.bias": random(4),
        "bn1.running_mean": random(4), "bn1.running_var": np.abs(random(4)) + 0.5, "fc.weight": random(3, 36), "fc.bias": random(3),
    }  # fmt: skip
    nodes = [
        make("Conv", ["x", "conv1.weight", "conv1.bias"], ["c"], "/conv1/Conv", pads=[1, 1, 1, 1], kernel_shape=[3, 3]),
        make("BatchNormalization", ["c", "bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var"], ["b"], "/bn1/BN", epsilon=1e-3),
        make("Relu", ["b"], ["r"], "/relu/Relu"),
        make("MaxPool", ["r"], ["p"], "/pool/MaxPool", kernel_shape=[2, 2], strides=[2, 2]),
        make("Flatten", ["p"], ["f"], "/Flatten"),
        make("Gemm", ["f", "fc.weight", "fc.bias"], ["y"], "/fc/Gemm", transB=1),
    ]  # fmt: skip
    return model(nodes, ["batch", 2, 6, 6], constants)


@pytest.fixture
def small_file(tmp_path):
    path = tmp_path / "small.onnx"
    onnx.save(onnx.shape_inference.infer_shapes(small_net()), path)
    return path


def test_a_file_is_captured_under_its_own_names(small_file):
    network = load_model(small_file)
    assert network.input_shape == (2, 6, 6)
    graph = capture(network, torch.zeros(1, 2, 6, 6))
    assert [layer.name for layer in graph.layers] == ["conv1", "/pool/MaxPool", "fc"]
    check(small_net(), 2, 6, 6)
    assert_same(network, graph, torch.randn(3, 2, 6, 6))


def test_pruning_masks_and_training_work_on_it(small_file):
    network = load_model(str(small_file))
    names = dict(network.named_parameters())
    assert {"conv1.weight", "conv1.bias", "bn1.weight", "bn1.bias", "fc.weight", "fc.bias"} == set(names)
    masks = prune.magnitude(network, 0.75)
    assert set(masks) == {"conv1.weight", "fc.weight"}
    batches = [(torch.randn(4, 2, 6, 6), torch.tensor([0, 1, 2, 0]))]
    before = network.get_parameter("conv1.weight").detach().clone()
    prune.fine_tune(network, masks, batches, epochs=1)
    assert not torch.equal(before, network.get_parameter("conv1.weight"))
    graph = capture(network, torch.zeros(1, 2, 6, 6), masks)
    np.testing.assert_array_equal(graph.layers[0].mask, masks["conv1.weight"].numpy())
    np.testing.assert_array_equal(graph.layers[2].mask.reshape(3, 36), masks["fc.weight"].numpy())


W, B = random(3, 2, 3, 3), random(3)
ONE_NODE: list[tuple[Node, tuple[int, ...], dict[str, np.ndarray]]] = [
    (make("Conv", ["x", "W", "B"], ["y"], strides=[2, 1], pads=[1, 0, 2, 3]), (2, 7, 6), {"W": W, "B": B}),
    (make("Conv", ["x", "W"], ["y"], auto_pad="SAME_UPPER", strides=[2, 2]), (2, 6, 7), {"W": W}),
    (make("Conv", ["x", "W"], ["y"], auto_pad="SAME_LOWER", strides=[2, 3]), (2, 6, 7), {"W": W}),
    (make("Conv", ["x", "W"], ["y"], auto_pad="VALID", dilations=[2, 1]), (2, 6, 7), {"W": W}),
    (make("Conv", ["x", "W"], ["y"], group=2, pads=[1, 1]), (4, 7), {"W": random(6, 2, 3)}),
    (make("Gemm", ["x", "W", "B"], ["y"], alpha=0.5, beta=2.0), (5,), {"W": random(5, 3), "B": random(1, 3)}),
    (make("Gemm", ["x", "W", "B"], ["y"], transB=1), (5,), {"W": random(3, 5), "B": random(1)}),
    (make("MatMul", ["x", "W"], ["y"]), (5,), {"W": random(5, 3)}),
    (make("MaxPool", ["x"], ["y"], kernel_shape=[3, 2], strides=[2, 2], auto_pad="SAME_UPPER"), (2, 6, 7), {}),
    (make("MaxPool", ["x"], ["y"], kernel_shape=[2], ceil_mode=1, strides=[2]), (2, 7), {}),
    (make("MaxPool", ["x"], ["y"], kernel_shape=[2, 2], pads=[0, 1, 1, 0]), (2, 5, 5), {}),
    (make("AveragePool", ["x"], ["y"], kernel_shape=[2, 2], strides=[2, 2]), (2, 6, 7), {}),
    (make("AveragePool", ["x"], ["y"], kernel_shape=[3, 3], pads=[1, 0, 1, 2], count_include_pad=1), (2, 6, 7), {}),
    (make("AveragePool", ["x"], ["y"], kernel_shape=[2], strides=[2], ceil_mode=1), (2, 6), {}),
    (make("GlobalAveragePool", ["x"], ["y"]), (2, 6, 7), {}),
    (make("GlobalMaxPool", ["x"], ["y"]), (2, 6, 3), {}),
    (make("ReduceMean", ["x", "axes"], ["y"], keepdims=0), (2, 6, 7), {"axes": np.array([2, 3])}),
    (make("ReduceMax", ["x", "axes"], ["y"]), (2, 6, 7), {"axes": np.array([-1, -2])}),
    (make("Clip", ["x", "", "high"], ["y"]), (4, 3), {"high": np.array(0.3, np.float32)}),
    (make("LeakyRelu", ["x"], ["y"], alpha=0.25), (4, 3), {}),
    (make("PRelu", ["x", "slope"], ["y"]), (4, 3, 3), {"slope": np.abs(random(4, 1, 1))}),
    (make("HardSigmoid", ["x"], ["y"]), (4, 3), {}),
    (make("HardSigmoid", ["x"], ["y"], alpha=1 / 6), (4, 3), {}),
    (make("HardSwish", ["x"], ["y"]), (4,), {}),
    (make("Tanh", ["x"], ["y"]), (4,), {}),
    (make("Add", ["x", "c"], ["y"]), (4, 3, 3), {"c": random(4, 1, 1)}),
    (make("Sub", ["c", "x"], ["y"]), (4, 3, 3), {"c": random(1, 4, 1, 1)}),
    (make("Mul", ["x", "c"], ["y"]), (4,), {"c": random(4)}),
    (make("Div", ["x", "c"], ["y"]), (4, 3, 3), {"c": np.array(3.0, np.float32)}),
    (make("Sum", ["x", "x", "x"], ["y"]), (4,), {}),
    (make("Concat", ["x", "x"], ["y"], axis=1), (4, 3, 3), {}),
    (make("Reshape", ["x", "shape"], ["y"]), (4, 3, 3), {"shape": np.array([0, -1])}),
    (make("Squeeze", ["x", "axes"], ["y"]), (4, 1, 1), {"axes": np.array([2, 3])}),
    (make("Unsqueeze", ["x", "axes"], ["y"]), (4, 3), {"axes": np.array([1])}),
    (make("Pad", ["x", "pads"], ["y"]), (4, 3, 3), {"pads": np.array([0, 1, 1, 0, 0, 0, 2, 1])}),
    (make("Pad", ["x", "pads", "value", "axes"], ["y"]), (4, 3, 3),
     {"pads": np.array([1, 2]), "value": np.array(0.5, np.float32), "axes": np.array([-1])}),
    (make("Slice", ["x", "a", "b", "axes", "steps"], ["y"]), (4, 6, 6),
     {"a": np.array([1, 0]), "b": np.array([-1, 99]), "axes": np.array([2, 3]), "steps": np.array([1, 2])}),
    (make("Dropout", ["x"], ["y"]), (4, 3), {}),
    (make("Cast", ["x"], ["y"], to=TensorProto.FLOAT), (4, 3), {}),
    (make("Identity", ["x"], ["y"]), (4, 3, 3), {}),
]  # fmt: skip


@pytest.mark.parametrize("node, shape, constants", ONE_NODE, ids=lambda value: getattr(value, "op_type", ""))
def test_one_operator(node, shape, constants):
    check(model([node], ["batch", *shape], constants), *shape)


@pytest.mark.parametrize(
    "node, shape, opset",
    [
        (make("Clip", ["x"], ["y"], min=-0.5, max=0.25), (4, 3), 6),
        (make("Pad", ["x"], ["y"], pads=[0, 0, 1, 1, 0, 0, 0, 2]), (4, 3, 3), 2),
        (make("Slice", ["x"], ["y"], starts=[1], ends=[3], axes=[2]), (4, 5), 1),
        (make("Squeeze", ["x"], ["y"], axes=[2]), (4, 1), 11),
        (make("Unsqueeze", ["x"], ["y"], axes=[1, 2]), (4,), 11),
        (make("ReduceMean", ["x"], ["y"], axes=[2, 3], keepdims=1), (4, 5, 5), 13),
        (make("Dropout", ["x"], ["y"], ratio=0.5), (4,), 7),
    ],
    ids=lambda value: getattr(value, "op_type", ""),
)
def test_operators_as_old_operator_sets_have_them(node, shape, opset):
    check(model([node], ["batch", *shape], opset=opset), *shape)


def test_split_into_its_parts():
    nodes = [make("Split", ["x"], ["a", "b"], axis=1, num_outputs=2), make("Concat", ["b", "a"], ["y"], axis=1)]
    assert len(check(model(nodes, [1, 4, 3]), 4, 3).layers) == 2


def test_a_shape_computed_from_the_batch_size():
    """How exporters write ``x.view(x.size(0), -1)`` where the batch size is free."""
    nodes = [
        make("Shape", ["x"], ["shape"]),
        make("Gather", ["shape", "zero"], ["n"]),
        make("Unsqueeze", ["n", "zeros"], ["n1"]),
        make("Concat", ["n1", "rest"], ["wanted"], axis=0),
        make("Reshape", ["x", "wanted"], ["flat"]),
        make("Gemm", ["flat", "W"], ["y"]),
    ]
    constants = {"zero": np.array(0), "zeros": np.array([0]), "rest": np.array([-1]), "W": random(18, 3)}
    graph = check(model(nodes, ["batch", 2, 3, 3], constants), 2, 3, 3)
    assert [layer.name for layer in graph.layers] == ["W"]


def test_weights_computed_from_constants_are_folded():
    nodes = [
        make("Transpose", ["Wt"], ["W"], perm=[1, 0]),
        make("Constant", [], ["half"], value=numpy_helper.from_array(np.array([0.5], np.float32))),
        make("Mul", ["W", "half"], ["W2"]),
        make("MatMul", ["x", "W2"], ["y"]),
    ]
    assert len(check(model(nodes, ["batch", 4], {"Wt": random(3, 4)}), 4).layers) == 1


def test_silu_as_a_product_with_its_sigmoid():
    nodes = [
        make("Conv", ["x", "W"], ["c"]), make("Sigmoid", ["c"], ["s"]), make("Mul", ["c", "s"], ["m"]),
        make("HardSigmoid", ["m"], ["h"], alpha=1 / 6), make("Mul", ["h", "m"], ["y"]),
    ]  # fmt: skip
    graph = check(model(nodes, ["batch", 2, 5, 5], {"W": W}), 2, 5, 5)
    assert [layer.activation.table for layer in graph.layers] == ["silu", "hardswish"]


def test_a_residual_block_and_a_shared_weight():
    nodes = [
        make("Conv", ["x", "W"], ["c1"], "first", pads=[1, 1, 1, 1]), make("Relu", ["c1"], ["r"]),
        make("Conv", ["r", "W"], ["c2"], "second", pads=[1, 1, 1, 1]), make("Add", ["c2", "x"], ["a"]), make("Relu", ["a"], ["y"]),
        make("Softmax", ["a"], ["nobody reads this"]),
    ]  # fmt: skip
    net = model(nodes[:-1], ["batch", 3, 5, 5], {"W": random(3, 3, 3, 3)})
    net.graph.node.append(nodes[-1])
    graph = check(net, 3, 5, 5)
    assert [(layer.name, layer.residual) for layer in graph.layers] == [("W", None), ("second", "input")]


def test_names_that_a_module_cannot_have():
    nodes = [
        make("Conv", ["x", "forward"], ["c"]), make("Conv", ["c", "a..b"], ["d"]), make("Conv", ["d", "a"], ["e"]),
        make("Conv", ["e", "e.weight.weight"], ["y"]),
    ]  # fmt: skip
    constants = {name: random(2, 2, 1, 1) for name in ("forward", "a..b", "a", "e.weight.weight")}
    graph = check(model(nodes, ["batch", 2, 5, 5], constants), 2, 5, 5)
    assert [layer.name for layer in graph.layers] == ["forward_", "a.b", "a", "e.weight"]


# --- quantized models ---


def qdq(name: str, output: str, scale: str = "s", zero: str = "z") -> list[Node]:
    return [
        make("QuantizeLinear", [name, scale, zero], [f"{output}.q"]),
        make("DequantizeLinear", [f"{output}.q", scale, zero], [output]),
    ]


NUMBERS = {
    "s": np.array(0.04, np.float32), "z": np.array(3, np.uint8), "s2": np.array(0.1, np.float32), "z2": np.array(-5, np.int8),
    "w": SEED.integers(-127, 128, (3, 2, 3, 3)).astype(np.int8), "ws": np.abs(random(3)) * 0.01 + 0.001, "wz": np.zeros(3, np.int8),
    "bias": SEED.integers(-900, 900, 3).astype(np.int32), "bs": np.full(3, 0.0004, np.float32), "bz": np.zeros(3, np.int32),
}  # fmt: skip
FORMAT = QuantizedTensor(scale=float(np.float32(0.04)), zero_point=3, signed=False)
FORMAT2 = QuantizedTensor(scale=float(np.float32(0.1)), zero_point=-5, signed=True)


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


# --- refusals ---


def refuse(net: onnx.ModelProto, match: str, *shape: int) -> None:
    with pytest.raises(UnsupportedError, match=f"^{match}$"):
        capture(read_model(net, "net.onnx"), torch.zeros(shape))


SUPPORTED = r"supported are Add, AveragePool, .*, Unsqueeze"


@pytest.mark.parametrize(
    "nodes, shape, match",
    [
        ([make("Softmax", ["x"], ["a"], "first"), make("Conv", ["a", "W"], ["b"]), make("Erf", ["b"], ["y"])], (2, 5, 5),
         rf"Softmax 'first': not supported; Erf 'erf': not supported; {SUPPORTED}"),
        ([make("Gemm", ["x", "M"], ["y"], transA=1)], (4,), r"Gemm 'gemm': transA must be 0, so that the batch axis stays in front"),
        ([make("Gemm", ["x", "M", "M"], ["y"])], (4,), r"Gemm 'gemm': C must be one value, or one per output, not shape \(4, 4\)"),
        ([make("MatMul", ["M", "x"], ["y"])], (4,), r"MatMul 'matmul': input 'x' must be a constant, not a result of the network"),
        ([make("MatMul", ["x", "M3"], ["y"])], (4,), r"MatMul 'matmul': the constant must be a matrix \(inputs, outputs\), not \(1, 4, 4\)"),
        ([make("Conv", ["x", "x"], ["y"])], (2, 5, 5), r"Conv 'conv': input 'x' must be a constant, not a result of the network"),
        ([make("Conv", ["x", "W5"], ["y"])], (2, 5, 5), r"Conv 'conv': must have one or two spatial axes, not weight of shape \(1, 2, 1, 1, 1\)"),
        ([make("Conv", ["x", "W"], ["y"], kernel_shape=[2, 2])], (2, 5, 5), r"Conv 'conv': kernel_shape \(2, 2\) must be that of the weight, \(3, 3\)"),
        ([make("BatchNormalization", ["x", "v", "v", "v", "v"], ["y"], training_mode=1)], (4,),
         r"BatchNormalization 'batchnormalization': must be in inference mode, not training_mode"),
        ([make("Dropout", ["x", "half", "yes"], ["y"])], (4,), r"Dropout 'dropout': must be in inference mode, not training_mode"),
        ([make("AveragePool", ["x"], ["y"], kernel_shape=[2, 2], auto_pad="SAME_UPPER")], (2, 5, 5),
         r"AveragePool 'averagepool': every window must divide by the same number, but padding \[0, 0, 1, 1\] is not counted .*"),
        ([make("AveragePool", ["x"], ["y"], kernel_shape=[2, 2], pads=[0, 1, 1, 0], strides=[3, 3], ceil_mode=1, count_include_pad=1)], (2, 6, 6),
         r"AveragePool 'averagepool': ceil_mode must be 0 with padding that is not symmetric"),
        ([make("AveragePool", ["x"], ["y"], kernel_shape=[2, 2], dilations=[2, 2], pads=[1, 1, 1, 1])], (2, 6, 6),
         r"AveragePool 'averagepool': with dilations every window must be whole, with padding counted or none"),
        ([make("MaxPool", ["x"], ["y"], kernel_shape=[2, 2, 2])], (2, 5, 5, 5),
         r"MaxPool 'maxpool': input must be \(batch, channels, length\) or \(batch, channels, height, width\), not \(1, 2, 5, 5, 5\)"),
        ([make("PRelu", ["x", "v"], ["y"])], (4, 4, 4), r"PRelu 'prelu': slopes must be one, or one per channel \(4, 1, 1\), not shape \(4,\)"),
        ([make("Pad", ["x", "pads"], ["y"], mode="edge")], (2, 5), r"Pad 'pad': padding must be a constant number, not mode 'edge'"),
        ([make("Slice", ["x", "starts", "ends", "axes", "back"], ["y"])], (2, 5), r"Slice 'slice': steps must be above zero, not -1"),
        ([make("Clip", ["x", "x"], ["y"])], (4,), r"Clip 'clip': shapes, axes and limits must be constants, not results of the network"),
        ([make("Cast", ["x"], ["y"], to=TensorProto.INT32)], (4,), r"Cast 'cast': may only cast between floating point types, not to ONNX type 6"),
        ([make("Transpose", ["x"], ["y"], perm=[0, 2, 1])], (4, 4), rf"Transpose 'transpose': not supported; {SUPPORTED}"),
        ([make("Flatten", ["x"], ["y"], axis=2)], (4, 4), r"reshape 'flatten': must leave the batch axis alone, \(1, 4, 4\) to \(4, 4\)"),
        ([make("Relu", ["x"], ["y"], domain="com.acme")], (4,), r"Relu 'relu': domain 'com.acme' is not supported"),
        ([make("QuantizeLinear", ["x", "v", "v8"], ["q"]), make("DequantizeLinear", ["q", "v", "v8"], ["y"])], (4, 4),
         r"QuantizeLinear 'quantizelinear': an activation must have one scale and zero-point, not 4"),
        ([make("QuantizeLinear", ["x", "s", "z"], ["q"]), make("DequantizeLinear", ["q", "s2", "z"], ["y"])], (4,),
         r"DequantizeLinear 'dequantizelinear': must have the scale and zero-point of the QuantizeLinear that gives 'q'"),
        ([make("QuantizeLinear", ["x", "s", "z"], ["q"]), make("Relu", ["q"], ["y"])], (4,),
         r"Relu 'relu': must not compute with the integers 'q'; put a DequantizeLinear before it"),
        ([make("QLinearConv", ["x", "s", "z", "u8", "s", "z", "s", "z"], ["y"])], (1, 5, 5),
         r"QLinearConv 'qlinearconv': must have the scale and zero-point of the QuantizeLinear that gives 'x'"),
        ([make("QuantizeLinear", ["x", "s", "z"], ["q"]), make("QLinearConv", ["q", "s", "z", "i8", "v", "zi", "s", "z"], ["y"])], (1, 5, 5),
         r"QLinearConv 'qlinearconv': scales must be one, or one per entry of axis 0 of \(1, 1, 1, 1\), not shape \(4,\)"),
    ],
    ids=lambda value: "+".join(node.op_type for node in value) if isinstance(value, list) else "",
)  # fmt: skip
def test_refused(nodes, shape, match):
    constants = {
        "W": W, "M": random(4, 4), "M3": random(1, 4, 4), "W5": random(1, 2, 1, 1, 1), "v": np.ones(4, np.float32), "v8": np.zeros(4, np.uint8),
        "half": np.array(0.5, np.float32), "yes": np.array(True), "pads": np.array([0, 0, 1, 0, 0, 1]), "back": np.array([-1]),
        "starts": np.array([-1]), "ends": np.array([0]), "axes": np.array([2]), "u8": np.full((1, 1, 1, 1), 200, np.uint8),
        "i8": np.full((1, 1, 1, 1), 20, np.int8), "zi": np.array(0, np.int8), **{name: NUMBERS[name] for name in ("s", "z", "s2")},
    }  # fmt: skip
    used = {name for node in nodes for name in node.input}
    net = model(nodes, [1, *shape], {name: value for name, value in constants.items() if name in used})
    refuse(net, match, 1, *shape)


def test_several_inputs_or_outputs_are_refused_with_what_else_is_not_supported():
    net = model([make("Erf", ["x"], ["y"])], [1, 4])
    net.graph.input.append(helper.make_tensor_value_info("extra", TensorProto.FLOAT, [1]))
    net.graph.output.append(helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4]))
    refuse(
        net, r"model 'net.onnx': must have one input, not 2 \(x, extra\); model 'net.onnx': must have one output, not 2 \(y, x\); "
        r"Erf 'erf': not supported", 1, 4,
    )  # fmt: skip


def test_integers_other_than_bytes_may_not_enter():
    net = model([make("Relu", ["x"], ["y"])], [1, 4], kind=TensorProto.INT32, output_kind=TensorProto.INT32)
    refuse(net, r"input 'x': must be float, int8 or uint8, not int32", 1, 4)


def test_a_file_that_is_no_model_is_refused(tmp_path):
    path = tmp_path / "bad.onnx"
    path.write_bytes(b"not a model")
    with pytest.raises(InputError, match=r"^model '.*bad.onnx': must be an ONNX model: \w+: .+$"):
        load_model(path)
    onnx.save(helper.make_model(helper.make_graph([make("Relu", ["a"], ["b"])], "g", [], [])), path)
    with pytest.raises(InputError, match=r"^model '.*bad.onnx': must be an ONNX model: ValidationError: .+$"):
        load_model(path)
