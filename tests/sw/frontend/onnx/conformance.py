"""The ONNX operator tests: a model of one node each, with inputs and the outputs that ONNX's own backend expects."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from zeroskip import reference
from zeroskip.contracts.errors import InputError
from zeroskip.contracts.graph import INPUT, Graph
from zeroskip.contracts.host import on_host
from zeroskip.contracts.network import IntArray, QuantizedNetwork
from zeroskip.frontend import capture
from zeroskip.frontend.onnx.file import read_model
from zeroskip.quantize import dequantize, quantize, quantize_input

NAMES = tuple(
    f"test_{name}"
    for name in [
        "add",
        "add_bcast",
        "add_uint8",
        "averagepool_1d_default",
        "averagepool_2d_ceil",
        "averagepool_2d_default",
        "averagepool_2d_dilations",
        "averagepool_2d_pads",
        "averagepool_2d_pads_count_include_pad",
        "averagepool_2d_precomputed_pads",
        "averagepool_2d_precomputed_pads_count_include_pad",
        "averagepool_2d_precomputed_same_upper",
        "averagepool_2d_precomputed_strides",
        "averagepool_2d_same_lower",
        "averagepool_2d_same_upper",
        "averagepool_2d_strides",
        "basic_conv_with_padding",
        "basic_conv_without_padding",
        "batchnorm_epsilon",
        "batchnorm_example",
        "clip",
        "clip_default_inbounds",
        "clip_default_int8_inbounds",
        "clip_default_int8_max",
        "clip_default_int8_min",
        "clip_default_max",
        "clip_default_min",
        "clip_example",
        "clip_inbounds",
        "clip_outbounds",
        "clip_splitbounds",
        "constant_pad",
        "constant_pad_axes",
        "constant_pad_negative_axes",
        "conv_with_autopad_same",
        "conv_with_strides_and_asymmetric_padding",
        "conv_with_strides_no_padding",
        "conv_with_strides_padding",
        "convinteger_with_padding",
        "convinteger_without_padding",
        "dequantizelinear",
        "dequantizelinear_axis",
        "dynamicquantizelinear",
        "dynamicquantizelinear_max_adjusted",
        "dynamicquantizelinear_min_adjusted",
        "edge_pad",
        "flatten_axis0",
        "flatten_axis1",
        "flatten_axis2",
        "flatten_axis3",
        "flatten_default_axis",
        "flatten_negative_axis1",
        "flatten_negative_axis2",
        "flatten_negative_axis3",
        "flatten_negative_axis4",
        "gemm_all_attributes",
        "gemm_alpha",
        "gemm_beta",
        "gemm_default_matrix_bias",
        "gemm_default_no_bias",
        "gemm_default_scalar_bias",
        "gemm_default_single_elem_vector_bias",
        "gemm_default_vector_bias",
        "gemm_default_zero_bias",
        "gemm_transposeA",
        "gemm_transposeB",
        "globalaveragepool",
        "globalaveragepool_precomputed",
        "globalmaxpool",
        "globalmaxpool_precomputed",
        "leakyrelu",
        "leakyrelu_default",
        "leakyrelu_example",
        "matmul_2d",
        "matmul_3d",
        "matmul_4d",
        "matmulinteger",
        "maxpool_1d_default",
        "maxpool_2d_ceil",
        "maxpool_2d_ceil_output_size_reduce_by_one",
        "maxpool_2d_default",
        "maxpool_2d_dilations",
        "maxpool_2d_pads",
        "maxpool_2d_precomputed_pads",
        "maxpool_2d_precomputed_same_upper",
        "maxpool_2d_precomputed_strides",
        "maxpool_2d_same_lower",
        "maxpool_2d_same_upper",
        "maxpool_2d_strides",
        "maxpool_2d_uint8",
        "prelu_broadcast",
        "prelu_example",
        "qlinearconv",
        "qlinearmatmul_2D_uint8_float32",
        "quantizelinear",
        "quantizelinear_axis",
        "relu",
        "sigmoid",
        "sigmoid_example",
        "softmax_axis_1",
    ]
)
"""The tests, in the order of the folder's NAMES.txt."""

REFUSED = {
    "test_add": "must have one input, not 2",
    "test_add_bcast": "must have one input, not 2",
    "test_add_uint8": "must have one input, not 2",
    "test_averagepool_2d_ceil": "every window must divide by the same number",
    "test_averagepool_2d_pads": "every window must divide by the same number",
    "test_averagepool_2d_precomputed_pads": "every window must divide by the same number",
    "test_averagepool_2d_precomputed_same_upper": "every window must divide by the same number",
    "test_averagepool_2d_same_lower": "every window must divide by the same number",
    "test_averagepool_2d_same_upper": "every window must divide by the same number",
    "test_convinteger_with_padding": "ConvInteger 'convinteger': not supported",
    "test_convinteger_without_padding": "ConvInteger 'convinteger': not supported",
    "test_dequantizelinear_axis": "an activation must have one scale and zero-point, not 3",
    "test_dynamicquantizelinear": "DynamicQuantizeLinear 'dynamicquantizelinear': not supported",
    "test_dynamicquantizelinear_max_adjusted": "DynamicQuantizeLinear 'dynamicquantizelinear': not supported",
    "test_dynamicquantizelinear_min_adjusted": "DynamicQuantizeLinear 'dynamicquantizelinear': not supported",
    "test_edge_pad": "input 'x': must be float, int8 or uint8, not int32",
    "test_flatten_axis0": "output: must leave the batch axis alone",
    "test_flatten_axis2": "output: must leave the batch axis alone",
    "test_flatten_axis3": "output: must leave the batch axis alone",
    "test_flatten_negative_axis1": "output: must leave the batch axis alone",
    "test_flatten_negative_axis2": "output: must leave the batch axis alone",
    "test_flatten_negative_axis4": "output: must leave the batch axis alone",
    "test_gemm_all_attributes": "Gemm 'gemm': transA must be 0, so that the batch axis stays in front",
    "test_gemm_default_matrix_bias": "Gemm 'gemm': C must be one value, or one per output",
    "test_gemm_transposeA": "Gemm 'gemm': transA must be 0, so that the batch axis stays in front",
    "test_matmul_3d": "MatMul 'matmul': the constant must be a matrix (inputs, outputs)",
    "test_matmul_4d": "MatMul 'matmul': the constant must be a matrix (inputs, outputs)",
    "test_matmulinteger": "MatMulInteger 'matmulinteger': not supported",
    "test_prelu_broadcast": "PRelu 'prelu': slopes must be one, or one per channel",
    "test_prelu_example": "PRelu 'prelu': slopes must be one, or one per channel",
    "test_quantizelinear_axis": "an activation must have one scale and zero-point, not 3",
}
"""Those that are refused, and words of the refusal."""

ACCEPTED = tuple(name for name in NAMES if name not in REFUSED)

WEIGHT_BITS = {"test_qlinearconv": 16, "test_qlinearmatmul_2D_uint8_float32": 16}
"""Where eight do not hold the weights: unsigned bytes less a zero-point have nine bits and a sign."""


@dataclass(frozen=True, eq=False)
class Case:
    """One test, its inputs behind the first bound as constants, which is how a model has them.

    x, y : what enters and what should leave, as the file has them
    """

    name: str
    operator: str
    model: onnx.ModelProto
    x: np.ndarray
    y: np.ndarray

    def captured(self) -> Graph | str:
        """The graph, or why there is none."""
        try:
            network = read_model(self.model, self.name)
            return capture(network, torch.zeros(self.x.shape))
        except InputError as error:
            return str(error)

    def real(self, graph: Graph) -> tuple[np.ndarray, np.ndarray]:
        """What enters and should leave, as real numbers."""
        return _dequantize(self.x, graph, INPUT), _dequantize(self.y, graph, graph.output)

    def step(self, graph: Graph) -> float:
        """Between two neighbouring outputs: 0 where they are real."""
        return 0.0 if self.y.dtype.kind == "f" else graph.formats[graph.output].scale

    def within(self, graph: Graph, outputs: np.ndarray) -> np.ndarray:
        """The float graph's outputs behind the host's operators, limited to what the integers that should leave can hold."""
        outputs = on_host(graph.host, outputs)
        if self.y.dtype.kind == "f":
            return outputs
        format = graph.formats[graph.output]
        return outputs.clip(*((limit - format.zero_point) * format.scale for limit in (format.low, format.high)))


def load(folder: Path, name: str) -> Case:
    model = onnx.load(str(folder / name / "model.onnx"))
    data = folder / name / "test_data_set_0"
    (node,) = model.graph.node
    x = _tensor(data / "input_0.pb")
    # both inputs of a sum may be activations
    others = [] if node.op_type == "Add" else list(model.graph.input[1:])
    for place, value in enumerate(others, 1):
        tensor = onnx.TensorProto.FromString((data / f"input_{place}.pb").read_bytes())
        tensor.name = value.name
        model.graph.initializer.append(tensor)
        model.graph.input.remove(value)
    y = _tensor(data / "output_0.pb")
    if x.ndim == 1:  # elementwise tests on one axis: one sample of so many features
        x, y = x[None], y[None]
        for value in (*model.graph.input, *model.graph.output):
            kind = value.type.tensor_type.elem_type
            value.CopyFrom(helper.make_tensor_value_info(value.name, kind, x.shape))
    return Case(name, node.op_type, model, x, y)


def _tensor(path: Path) -> np.ndarray:
    return numpy_helper.to_array(TensorProto.FromString(path.read_bytes()))


def _dequantize(values: np.ndarray, graph: Graph, tensor: str) -> np.ndarray:
    if values.dtype.kind == "f":
        return values
    format = graph.formats[tensor]
    return (values.astype(np.float64) - format.zero_point) * format.scale


# --- in integers ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Integers:
    """A test through the integer reference, calibrated with its own input.

    x, y : the integers that enter and leave
    error : how far ``y`` is from ONNX's output at most, in output steps
    error_behind_input : how far it is from the float graph's on the input as it was rounded
    """

    network: QuantizedNetwork
    x: IntArray
    y: IntArray
    error: float
    error_behind_input: float


def in_integers(case: Case, graph: Graph) -> Integers:
    real, wanted = case.real(graph)
    network = quantize(graph, real, weight_bits=WEIGHT_BITS.get(case.name, 8))
    x = quantize_input(network, real)
    y = reference.run(network, x)
    found = on_host(network.host, dequantize(network, y))
    rounded = (x - network.input.zero_point) * network.input.scale
    between = case.within(graph, reference.run_float(graph, rounded))

    def steps(values: np.ndarray, others: np.ndarray) -> float:
        return float(np.abs(values - others).max() / network.output.scale)

    return Integers(network, x, y, steps(found, wanted), steps(found, between))
