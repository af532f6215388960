"""ONNX files that cannot be built are refused, node by node."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from zeroskip.contracts.errors import InputError, UnsupportedError
from zeroskip.frontend import capture, load_model
from zeroskip.frontend.onnx.file import read_model

from .models import NUMBERS, make, model, random


def refuse(net: onnx.ModelProto, match: str, *shape: int) -> None:
    with pytest.raises(UnsupportedError, match=f"^{match}$"):
        capture(read_model(net, "net.onnx"), torch.zeros(shape))


@pytest.mark.parametrize(
    "nodes, shape, match",
    [
        ([make("Softmax", ["x"], ["a"], "first"), make("Conv", ["a", "W"], ["b"]), make("Det", ["b"], ["y"])], (2, 5, 5),
         r"Det 'det': not supported"),
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
         r"MaxPool 'maxpool': input must be \(batch, channels, length\) or \(batch, channels, height, width\), not \(5, 2, 5, 5, 5\)"),
        ([make("PRelu", ["x", "v"], ["y"])], (4, 4, 4), r"PRelu 'prelu': slopes must be one, or one per channel \(4, 1, 1\), not shape \(4,\)"),
        ([make("Pad", ["x", "pads"], ["y"], mode="mirror")], (2, 5), r"Pad 'pad': mode must be constant, edge, reflect or wrap, not 'mirror'"),
        ([make("ReduceSum", ["x"], ["y"])], (2, 5), r"sum 'reducesum': must leave the batch axis alone"),
        ([make("Slice", ["x", "first", "three", "first"], ["y"])], (2, 5), r"output: must leave the batch axis alone, not give shape \(3, 2, 5\)"),
        ([make("Resize", ["x"], ["y"], mode="cubic")], (2, 5), r"Resize 'resize': mode must be nearest, not 'cubic'"),
        ([make("ArgMax", ["x"], ["y"], axis=1, select_last_index=1)], (2, 5), r"ArgMax 'argmax': select_last_index must be 0"),
        ([make("Softmax", ["x"], ["a"], "first", axis=1), make("Relu", ["a"], ["y"])], (5,),
         r"relu 'relu': input must not be the result of softmax, which only the host computes"),
        ([make("Clip", ["x", "x"], ["y"])], (4,), r"Clip 'clip': shapes, axes and limits must be constants, not results of the network"),
        ([make("Cast", ["x"], ["y"], to=TensorProto.INT32)], (4,), r"Cast 'cast': may only cast between floating point types, not to ONNX type 6"),
        ([make("Flatten", ["x"], ["y"], axis=2)], (4, 4), r"output: must leave the batch axis alone, not give shape \(20, 4\)"),
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
        "W": random(3, 2, 3, 3), "M": random(4, 4), "M3": random(1, 4, 4), "W5": random(1, 2, 1, 1, 1), "v": np.ones(4, np.float32), "v8": np.zeros(4, np.uint8),
        "half": np.array(0.5, np.float32), "yes": np.array(True), "pads": np.array([0, 0, 1, 0, 0, 1]), "back": np.array([-1]),
        "first": np.array([0]), "three": np.array([3]), "starts": np.array([-1]), "ends": np.array([0]), "axes": np.array([2]), "u8": np.full((1, 1, 1, 1), 200, np.uint8),
        "i8": np.full((1, 1, 1, 1), 20, np.int8), "zi": np.array(0, np.int8), **{name: NUMBERS[name] for name in ("s", "z", "s2")},
    }  # fmt: skip
    used = {name for node in nodes for name in node.input}
    net = model(nodes, ["batch", *shape], {name: value for name, value in constants.items() if name in used})
    refuse(net, match, 1, *shape)


def test_several_inputs_or_outputs_are_refused_with_what_else_is_not_supported():
    net = model([make("Det", ["x"], ["y"])], [1, 4])
    net.graph.input.append(helper.make_tensor_value_info("extra", TensorProto.FLOAT, [1]))
    net.graph.output.append(helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4]))
    refuse(
        net, r"model 'net.onnx': must have one input, not 2 \(x, extra\); model 'net.onnx': must have one output, not 2 \(y, x\); "
        r"Det 'det': not supported", 1, 4,
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
