"""ONNX files: captured like any module, under the names that the file has."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator
from tests.sw.frontend.evaluate import assert_same, check_contract

from zeroskip import prune
from zeroskip.contracts.host import on_host
from zeroskip.frontend import capture, load_model
from zeroskip.frontend.onnx.file import read_model
from zeroskip.reference import run_float

from .models import Node, make, model, random


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
    (make("Transpose", ["x"], ["y"], perm=[0, 2, 3, 1]), (4, 3, 5), {}),
    (make("Expand", ["x", "shape"], ["y"]), (4, 1, 3), {"shape": np.array([1, 1, 5, 1])}),
    (make("Tile", ["x", "times"], ["y"]), (4, 2, 3), {"times": np.array([1, 1, 2, 1])}),
    (make("Gather", ["x", "i"], ["y"], axis=2), (4, 5), {"i": np.array([3, -1, 0])}),
    (make("Gather", ["x", "i"], ["y"], axis=1), (4, 5), {"i": np.array([[3, 0], [1, 1]])}),
    (make("Gather", ["x", "i"], ["y"], axis=1), (4, 5), {"i": np.array(2)}),
    (make("DepthToSpace", ["x"], ["y"], blocksize=2), (8, 3, 2), {}),
    (make("DepthToSpace", ["x"], ["y"], blocksize=2, mode="CRD"), (8, 3, 2), {}),
    (make("SpaceToDepth", ["x"], ["y"], blocksize=2), (2, 6, 4), {}),
    *(
        (make("Resize", ["x", "", "", "sizes"], ["y"], axes=[2, 3], coordinate_transformation_mode=how, nearest_mode=rounding), (2, 4, 3),
         {"sizes": np.array([7, 6])})
        for how in ("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel")
        for rounding in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
    ),
    (make("Resize", ["x", "", "scales"], ["y"], coordinate_transformation_mode="asymmetric", nearest_mode="floor"), (2, 4, 3),
     {"scales": np.array([1.0, 1.0, 2.0, 0.6], np.float32)}),
    (make("Resize", ["x", "", "scales"], ["y"], axes=[3]), (2, 4, 3), {"scales": np.array([2.0], np.float32)}),
    (make("Slice", ["x", "a", "b", "axes", "steps"], ["y"]), (4, 6, 6),
     {"a": np.array([-1, 4]), "b": np.array([-9, 0]), "axes": np.array([2, 1]), "steps": np.array([-2, -1])}),
    (make("ReduceSum", ["x", "axes"], ["y"]), (2, 6, 7), {"axes": np.array([1])}),
    (make("ReduceMin", ["x", "axes"], ["y"], keepdims=0), (2, 6, 7), {"axes": np.array([2])}),
    (make("ReduceSum", ["x", "none"], ["y"], noop_with_empty_axes=1), (2, 3), {"none": np.array([], np.int64)}),
    (make("Mean", ["x", "x", "x"], ["y"]), (4,), {}),
    (make("MatMul", ["x", "W"], ["y"]), (3, 5), {"W": random(5, 3)}),
    (make("Concat", ["x", "x"], ["y"], axis=3), (4, 3, 3), {}),
    *((make("Pad", ["x", "pads"], ["y"], mode=mode), (4, 5, 3), {"pads": np.array([0, 1, 1, 0, 0, 0, 2, 1])})
      for mode in ("reflect", "edge", "wrap")),
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
        (make("Transpose", ["x"], ["y"], perm=[0, 2, 1]), (4, 5), 1),
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
    assert [layer.activation.table is not None for layer in graph.layers] == [True]


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


def test_a_batch_of_one_in_the_files_shapes_is_no_limit():
    nodes = [
        make("Reshape", ["x", "image"], ["a"]), make("Conv", ["a", "W"], ["b"], kernel_shape=[3, 3]), make("Reshape", ["b", "flat"], ["c"]),
        make("MatMul", ["c", "V"], ["y"]),
    ]  # fmt: skip
    constants = {
        "image": np.array([1, 2, 5, 4]), "flat": np.array([1, 18]), "W": random(3, 2, 3, 3), "V": random(18, 4),
    }  # fmt: skip
    net = model(nodes, [1, 40], constants)
    network = read_model(net, "net.onnx")
    x = random(5, 40)
    alone = np.concatenate([ReferenceEvaluator(net).run(None, {"x": sample[None]})[0] for sample in x])
    with torch.no_grad():
        np.testing.assert_allclose(network(torch.from_numpy(x)).numpy(), alone, rtol=1e-4, atol=1e-5)
    for batch in (1, 5):
        graph = capture(network, torch.zeros(batch, 40))
        assert graph.tensors["input"] == (2, 5, 4)
        np.testing.assert_allclose(run_float(graph, x), alone, rtol=1e-4, atol=1e-5)
    masks = prune.gradient(
        network, 0.5, [(torch.from_numpy(x), torch.zeros(5, dtype=torch.int64))], torch.nn.functional.cross_entropy
    )
    assert masks["W.weight"].sum() + masks["V.weight"].sum() < 100


@pytest.mark.parametrize(
    "node, shape, opset",
    [
        (make("Softmax", ["x"], ["y"]), (3, 5), 13),
        (make("Softmax", ["x"], ["y"], axis=1), (3, 5), 13),
        (make("Softmax", ["x"], ["y"]), (5,), 7),
        (make("Softmax", ["x"], ["y"]), (5, 1, 1), 11),
        (make("Upsample", ["x"], ["y"], scales=[1.0, 1.0, 2.0, 3.0]), (2, 3, 2), 7),
        (make("LogSoftmax", ["x"], ["y"], axis=-1), (5,), 13),
        (make("ArgMax", ["x"], ["y"], axis=1), (5,), 13),
        (make("ArgMin", ["x"], ["y"], axis=2, keepdims=0), (3, 5), 13),
    ],
)
def test_what_onnxruntime_knows_better(node, shape, opset):
    kind = TensorProto.INT64 if node.op_type.startswith("Arg") else TensorProto.FLOAT
    net = model([node], [2, *shape], {}, opset, output_kind=kind)
    graph = capture(read_model(net, "net.onnx"), torch.zeros(2, *shape))
    x = random(2, *shape)
    found = on_host(graph.host, run_float(graph, torch.from_numpy(x)))
    net.graph.output[0].CopyFrom(onnx.helper.make_tensor_value_info("y", kind, found.shape))
    (expected,) = onnxruntime.InferenceSession(net.SerializeToString()).run(None, {"x": x})
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
