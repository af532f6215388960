"""QONNX's operators, against what QONNX itself computes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import onnx
import pytest
import torch
from onnx import helper

from zeroskip import reference
from zeroskip.contracts.errors import UnsupportedError
from zeroskip.contracts.graph import Graph
from zeroskip.frontend import capture
from zeroskip.frontend.onnx.file import load_onnx, read_model
from zeroskip.quantize import dequantize, quantize, quantize_input

from .models import make, model, random

GENERAL = "qonnx.custom_op.general"
LAST = "qonnx.custom_op.channels_last"


def custom(domain: str, name: str, inputs: list[str], output: str, **attributes: object) -> onnx.NodeProto:
    return helper.make_node(name, inputs, [output], output.lower(), domain=domain, **attributes)


def quant(source: str, output: str, scale: str = "scale", bits: str = "four", **attributes: object) -> onnx.NodeProto:
    wanted = {"signed": 1, "narrow": 0, "rounding_mode": "ROUND", **attributes}
    return custom(GENERAL, "Quant", [source, scale, "zero", bits], output, **wanted)


# With scales that are powers of two many sums lie halfway; QONNX then rounds to even and the array up.
NUMBERS = {
    "scale": np.float32(0.25), "fine": np.float32(0.0625), "zero": np.float32(0.0), "four": np.float32(4.0), "eight": np.float32(8.0),
    "one": np.array([1.0], dtype=np.float32), "odd": np.float32(0.2873),
}  # fmt: skip


def produced(net: onnx.ModelProto, x: np.ndarray, told: Mapping[str, list[int]]) -> np.ndarray:
    """What QONNX computes. It wants to be told the shapes around its layers with channels behind."""
    execution = pytest.importorskip("qonnx.core.onnx_exec")
    wrapper = pytest.importorskip("qonnx.core.modelwrapper").ModelWrapper(net)
    shapes = pytest.importorskip("qonnx.transformation.infer_shapes")
    weights = [node for node in wrapper.graph.node if wrapper.get_initializer(node.input[0]) is not None]
    shapes_known = {node.output[0]: list(wrapper.get_initializer(node.input[0]).shape) for node in weights}
    for value, known in {**shapes_known, **told}.items():
        wrapper.set_tensor_shape(value, known)
    wrapper = wrapper.transform(shapes.InferShapes())
    name = wrapper.graph.output[0].name
    samples = [execution.execute_onnx(wrapper, {"x": sample[None]})[name] for sample in x]
    return np.concatenate(samples)


def check(
    nodes: list[onnx.NodeProto],
    constants: dict[str, np.ndarray],
    *shape: int,
    told: Mapping[str, list[int]] = MappingProxyType({}),
) -> Graph:
    net = model(nodes, [1, *shape], {**NUMBERS, **constants})
    x = random(3, *shape)
    expected = produced(net, x, told)
    network = read_model(net, "net.onnx")
    with torch.no_grad():
        np.testing.assert_allclose(network(torch.from_numpy(x)).numpy(), expected, rtol=1e-4, atol=1e-5)
    graph = capture(network, torch.zeros(1, *shape))
    integers = quantize(graph, x)
    outputs = dequantize(integers, reference.run(integers, quantize_input(integers, x)))
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=1.01 * integers.output.scale)
    return graph


@pytest.mark.parametrize("attributes", [{}, {"narrow": 1}, {"signed": 0}, {"signed": 0, "narrow": 1}])
def test_an_activation_keeps_its_scale_and_its_range(attributes: dict[str, int]) -> None:
    nodes = [
        quant("x", "a", **attributes),
        quant("W", "w"),
        make("MatMul", ["a", "w"], ["b"]),
        quant("b", "y", "fine", "eight"),
    ]
    graph = check(nodes, {"W": random(5, 3)}, 5)
    format = graph.formats[graph.layers[-1].source]
    assert (format.scale, format.zero_point, format.signed) == (0.25, 0, attributes.get("signed", 1) == 1)


def test_weights_keep_their_integers() -> None:
    scales = np.array([[0.5], [0.25], [0.125]], dtype=np.float32)
    graph = check(
        [
            quant("W", "w", "scales", narrow=1), quant("x", "a", bits="eight"), make("Gemm", ["a", "w"], ["b"], transB=1),
            quant("b", "y", "fine", "eight"),
        ],
        {"W": random(3, 5), "scales": scales}, 5,
    )  # fmt: skip
    layer = graph.layers[-1]
    assert layer.weight_scale is not None
    np.testing.assert_array_equal(layer.weight_scale, scales[:, 0])
    integers = layer.weight[:, :, 0, 0] / scales
    np.testing.assert_array_equal(integers, np.rint(integers))
    assert np.abs(integers).max() <= 7
    assert layer.name == "W"


def test_one_bit() -> None:
    nodes = [
        custom(GENERAL, "BipolarQuant", ["x", "one"], "a"), custom(GENERAL, "BipolarQuant", ["W", "one"], "w"),
        make("Gemm", ["a", "w"], ["b"], transB=1), custom(GENERAL, "BipolarQuant", ["b", "one"], "y"),
    ]  # fmt: skip
    graph = check(nodes, {"W": random(4, 7)}, 7)
    assert set(np.unique(graph.layers[1].weight)) == {-1.0, 1.0}
    assert len(graph.layers) == 2


def test_channels_behind_cost_nothing() -> None:
    nodes = [
        quant("x", "a"), quant("W", "w"), quant("V", "v"),
        custom(LAST, "Conv", ["a", "w"], "c", kernel_shape=[3, 3], pads=[1, 1, 1, 1], group=1, strides=[1, 1], dilations=[1, 1]),
        make("Relu", ["c"], ["d"]), quant("d", "r", "odd", "eight", signed=0),
        custom(LAST, "MaxPool", ["r"], "p", kernel_shape=[2, 2], strides=[2, 2], pads=[0, 0, 0, 0]),
        custom(LAST, "Conv", ["p", "v", "b"], "e", kernel_shape=[1, 1], pads=[0, 0, 0, 0], group=1, strides=[1, 1], dilations=[1, 1]),
        quant("e", "y", "fine", "eight"),
    ]  # fmt: skip
    shapes = {
        "a": [1, 6, 5, 2],
        "c": [1, 6, 5, 4],
        "d": [1, 6, 5, 4],
        "r": [1, 6, 5, 4],
        "p": [1, 3, 2, 4],
        "e": [1, 3, 2, 3],
    }
    graph = check(nodes, {"W": random(4, 3, 3, 2), "V": random(3, 1, 1, 4), "b": random(3)}, 6, 5, 2, told=shapes)
    assert [layer.name for layer in graph.layers if not layer.structural] == ["W", "V"]
    assert graph.tensors["input"] == (2, 6, 5)
    assert graph.output_shape == (3, 2, 3)


@pytest.mark.parametrize(
    "node, constants, match",
    [
        (quant("x", "y", bits="many"), {"many": np.float32(16)}, r"fake_quant\w+ 'y': integers must lie within -128 … 127 or 0 … 255, not -32768 … 32767"),
        (quant("x", "y", bits="many"), {"many": np.float32(2.5)}, r"Quant 'y': bit width must be one whole number, 2 to 32, not 2.5"),
        (quant("x", "y", rounding_mode="FLOOR"), {}, r"Quant 'y': rounding_mode must be ROUND, not 'FLOOR'"),
        (quant("x", "y", "many"), {"many": random(5)}, r"Quant 'y': an activation must have one scale and zero-point, not 5"),
        (custom(GENERAL, "BipolarQuant", ["x", "many"], "y"), {"many": random(5)}, r"BipolarQuant 'y': an activation must have one scale, not 5"),
        (quant("x", "y", "x"), {}, r"Quant 'y': scale, zero-point and bit width must be given, as constants"),
        (custom(GENERAL, "Trunc", ["x", "scale", "zero", "four", "four"], "y"), {}, r"Trunc 'y': not supported"),
        (custom("qonnx.custom_op.unknown", "Quant", ["x"], "y"), {}, r"Quant 'y': domain 'qonnx.custom_op.unknown' is not supported"),
    ],
)  # fmt: skip
def test_refused(node: onnx.NodeProto, constants: dict[str, np.ndarray], match: str) -> None:
    net = model([node], [1, 5], {**NUMBERS, **constants})
    with pytest.raises(UnsupportedError, match=f"^{match}$"):
        capture(read_model(net, "net.onnx"), torch.zeros(1, 5))


def test_a_file_without_the_domains_import_is_read(tmp_path) -> None:
    net = model([quant("x", "a"), make("MatMul", ["a", "W"], ["y"])], [1, 5], {**NUMBERS, "W": random(5, 3)})
    net.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 3]))
    del net.opset_import[1:]
    onnx.save(net, tmp_path / "net.onnx")
    assert load_onnx(tmp_path / "net.onnx")(torch.zeros(1, 5)).shape == (1, 3)
