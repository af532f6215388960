"""The nodes of an ONNX model as modules. Constants are folded. Values that only the batch size decides are computed on the host."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper
from torch import nn

from zeroskip.frontend.hints import hint
from zeroskip.frontend.refusal import RefusalError

from . import qonnx
from .constants import Constants, node_name
from .layers import BatchNorm, Linear, Rounding, conv
from .moving import split
from .network import Array, Call, Operator, free_path
from .operators import FUNCTIONS, host_array

FLOAT = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16)
INTEGER: dict[int, tuple[int, int]] = {TensorProto.UINT8: (0, 255), TensorProto.INT8: (-128, 127)}
"""Range of the integers that may enter the network, by type."""

MOVING = (
    "MaxPool", "GlobalMaxPool", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Slice", "Transpose", "Expand", "Tile", "Gather",
    "DepthToSpace", "SpaceToDepth", "Resize", "Upsample",
)  # fmt: skip
"""Operators that do the same to integers as to the numbers that these stand for."""

LIMITING = ("Clip", "Relu")
"""Operators that do the same only where an integer is the number itself: scale 1 and zero-point 0."""

ARITHMETIC = (
    "Add", "Sub", "Mul", "Div", "Sum", "PRelu", "Concat", "Pow", "Min", "Max", "Where", "Greater", "GreaterOrEqual", "Less", "LessOrEqual",
    "Equal", "And", "Or", "Xor", "Mean",
)  # fmt: skip
"""Operators whose constant inputs are tensors to compute with, and not shapes, axes or limits."""

QUANTIZERS = ("Quant", "BipolarQuant")
"""QONNX's operators that round."""

UNKNOWN = "not supported"

Format = tuple[float, int, int, int]
"""scale, zero-point, lowest and highest integer."""


class Reader:
    """Reads the nodes that the output needs, in order."""

    def __init__(self, model: onnx.ModelProto, entry: onnx.ValueInfoProto) -> None:
        self._model = model
        self._entry = entry
        self._known = Constants(model)
        self._opset = max((known.version for known in model.opset_import if known.domain in ("", "ai.onnx")), default=1)
        self.constants = self._known.values
        self.calls: list[Call] = []
        self.modules: dict[str, nn.Module] = {}
        self._formats: dict[str, Format] = {}
        self._entered = False
        self._host: set[str] = set()
        self._refused: set[str] = set()

    def read(self) -> list[str]:
        """Returns a clause for each node that cannot be built."""
        problems = self._input_problems()
        for node in self._needed():
            location = f"{node.op_type} {node_name(node)!r}"
            try:
                self._node(node, location)
            except RefusalError as refusal:
                problems.append(f"{location}: {refusal}{hint(node.op_type) if str(refusal) == UNKNOWN else ''}")
                self._refused.update(node.output)
        output = self._model.graph.output[0].name
        if output in self._formats:  # a maximum or a slice of integers gives integers of that format
            self._add_module(_node_of("output", [output], [output]), Rounding(*self._formats[output]))
        return problems

    def _needed(self) -> list[onnx.NodeProto]:
        wanted = {self._model.graph.output[0].name}
        kept = []
        for node in reversed(self._model.graph.node):
            if not wanted.isdisjoint(node.output):
                wanted.update(node.input)
                kept.append(node)
        return kept[::-1]

    def _input_problems(self) -> list[str]:
        kind = self._entry.type.tensor_type.elem_type
        if kind in FLOAT or kind in INTEGER:
            return []
        return [
            f"input {self._entry.name!r}: must be float, int8 or uint8, not {TensorProto.DataType.Name(kind).lower()}"
        ]

    def _node(self, node: onnx.NodeProto, location: str) -> None:
        if node.domain not in ("", "ai.onnx", *qonnx.DOMAINS):
            raise RefusalError(f"domain {node.domain!r} is not supported")
        if not self._refused.isdisjoint(node.input):
            if node.op_type not in (*FUNCTIONS, *_BUILDERS, "Shape"):
                raise RefusalError(UNKNOWN)
            self._refused.update(node.output)  # nothing more can be said
            return
        attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        inputs = [name for name in node.input if name]
        if node.domain in qonnx.ROUNDING:
            self._rounding(node, attributes)
        elif all(name in self.constants for name in inputs):
            self._known.fold(node, attributes)
        elif node.op_type == "Shape":
            span = slice(attributes.get("start", 0), attributes.get("end"))
            self._append(
                Call(path=None, inputs=tuple(node.input), outputs=tuple(node.output), host=partial(_part, span))
            )
        elif all(name in self.constants or name in self._host for name in inputs):
            self._append(
                Call(
                    path=None,
                    inputs=tuple(inputs),
                    outputs=tuple(node.output),
                    host=partial(self._known.evaluate, node),
                )
            )
        elif node.op_type in _BUILDERS:
            self._require_constants(node)
            _BUILDERS[node.op_type](self, node, attributes)
        elif node.op_type in FUNCTIONS:
            self._require_real(node)
            self._function(node, attributes, location)
        else:
            raise RefusalError(UNKNOWN)

    def _append(self, call: Call) -> None:
        if call.host is not None:
            self._host.update(call.outputs)
        self.calls.append(call)

    def _constant(self, node: onnx.NodeProto, position: int) -> Array | None:
        name = node.input[position] if position < len(node.input) else ""
        return host_array(self.constants[name]) if name else None

    def _require_constants(self, node: onnx.NodeProto) -> None:
        for name in node.input[1:]:
            if name and name not in self.constants:
                raise RefusalError(f"input {name!r} must be a constant, not a result of the network")
        if node.input[0] in self.constants:
            raise RefusalError("must work on the network's input, not on constants alone")

    # --- modules ---

    def _add_module(self, node: onnx.NodeProto, module: nn.Module, weight: str = "") -> None:
        origin = self._known.origins.get(weight, weight).removesuffix(".weight")
        wanted = origin if origin and free_path(origin, {}) not in self.modules else node_name(node)
        path = free_path(wanted, self.modules)
        self.modules[path] = qonnx.on_channels_last(module) if node.domain == qonnx.CHANNELS_LAST else module
        self._append(Call(path=path, inputs=tuple(node.input), outputs=tuple(node.output)))

    def _function(self, node: onnx.NodeProto, attributes: dict[str, Any], location: str) -> None:
        function = partial(FUNCTIONS[node.op_type], {**attributes, "opset": self._opset})
        known = {
            position: host_array(self.constants[name])
            for position, name in enumerate(node.input)
            if node.op_type in ARITHMETIC and name in self.constants
        }
        self._add_module(node, Operator(location, function, known))

    def _split(self, node: onnx.NodeProto, attributes: dict[str, Any]) -> None:
        self._require_real(node)
        location = f"Split {node_name(node)!r}"
        self._add_module(node, Operator(location, partial(split, attributes, len(node.output)), {}))

    def _require_real(self, node: onnx.NodeProto) -> None:
        """Refuse to compute with integers. They may only be moved."""
        kind = self._entry.type.tensor_type.elem_type
        if self._entry.name in node.input and not self._entered and kind in INTEGER:
            self._enter((1.0, 0, *INTEGER[kind]))
        integers = [name for name in node.input if name in self._formats]
        if not integers:
            return
        format = self._formats[integers[0]]
        if node.op_type not in MOVING and (node.op_type not in LIMITING or format[:2] != (1.0, 0)):
            raise RefusalError(f"must not compute with the integers {integers[0]!r}; put a DequantizeLinear before it")
        self._formats[node.output[0]] = format

    def _enter(self, format: Format) -> None:
        """Note the format of the integers that enter the network."""
        name = self._entry.name
        self._entered = True
        self._formats[name] = format
        self._add_module(_node_of("input", [name], [name]), Rounding(*format))

    def _conv(self, node: onnx.NodeProto, attributes: dict[str, Any]) -> None:
        self._require_real(node)
        weight = self._constant(node, 1)
        assert weight is not None
        rounded = self._known.rounded.get(node.input[1])
        if rounded is not None and len(np.atleast_1d(rounded.scale)) > 1 and rounded.axis != 0:
            raise RefusalError(f"weight scales must be one per output, along axis 0, not along axis {rounded.axis}")
        weight = qonnx.channels_first(weight) if node.domain == qonnx.CHANNELS_LAST else weight
        self._add_module(node, conv(weight, self._constant(node, 2), attributes, rounded), node.input[1])

    def _gemm(self, node: onnx.NodeProto, attributes: dict[str, Any]) -> None:
        self._require_real(node)
        if attributes.get("transA", 0):
            raise RefusalError("transA must be 0, so that the batch axis stays in front")
        transposed = bool(attributes.get("transB", 0))
        weight, bias = self._constant(node, 1), self._constant(node, 2)
        assert weight is not None
        alpha, beta = float(attributes.get("alpha", 1.0)), float(attributes.get("beta", 1.0))
        self._linear(node, weight if transposed else weight.T, bias, transposed, alpha, beta)

    def _matmul(self, node: onnx.NodeProto, attributes: dict[str, Any]) -> None:
        self._require_real(node)
        weight = self._constant(node, 1)
        assert weight is not None
        if weight.ndim != 2:
            raise RefusalError(f"the constant must be a matrix (inputs, outputs), not {weight.shape}")
        self._linear(node, weight.T, None, False, 1.0, 1.0)

    def _linear(
        self, node: onnx.NodeProto, weight: Array, bias: Array | None, transposed: bool, alpha: float, beta: float
    ) -> None:
        outputs = len(weight)
        if bias is not None:
            if bias.size not in (1, outputs) or (bias.ndim > 1 and bias.shape[:-1] != (1,) * (bias.ndim - 1)):
                raise RefusalError(f"C must be one value, or one per output, not shape {bias.shape}")
            bias = np.broadcast_to(bias.reshape(-1) * beta, (outputs,))
        rounded = self._known.rounded.get(node.input[1])
        axis = 0
        if rounded is not None and len(np.atleast_1d(rounded.scale)) > 1:
            axis = rounded.axis if transposed else 1 - rounded.axis
            if axis != 0:
                raise RefusalError(f"weight scales must be one per output, not along axis {rounded.axis}")
        self._add_module(node, Linear(weight * alpha, bias, rounded, axis, abs(alpha)), node.input[1])

    def _rounding(self, node: onnx.NodeProto, attributes: dict[str, Any]) -> None:
        """QONNX's rounding, of a constant or of an activation."""
        if node.op_type not in QUANTIZERS:
            raise RefusalError(UNKNOWN)
        self._require_real(node)
        if not all(name in self.constants for name in node.input[1:]):
            raise RefusalError("scale, zero-point and bit width must be given, as constants")
        numbers: list[Any] = [self._constant(node, position) for position in range(1, len(node.input))]
        bipolar = node.op_type == "BipolarQuant"
        values = self._constant(node, 0) if node.input[0] in self.constants else None
        if values is None:
            module = qonnx.Bipolar(*numbers) if bipolar else qonnx.activation(attributes, *numbers)
            self._add_module(node, module)
            return
        real, rounded = (
            qonnx.bipolar_weight(values, *numbers) if bipolar else qonnx.rounded_weight(attributes, values, *numbers)
        )
        output = node.output[0]
        self.constants[output], self._known.rounded[output] = real, rounded
        self._known.origins[output] = self._known.origins.get(node.input[0], node_name(node))

    def _batch_norm(self, node: onnx.NodeProto, attributes: dict[str, Any]) -> None:
        self._require_real(node)
        if attributes.get("training_mode", 0) or len([name for name in node.output if name]) > 1:
            raise RefusalError("must be in inference mode, not training_mode")
        scale, shift, mean, variance = (self._constant(node, position) for position in range(1, 5))
        assert scale is not None and shift is not None and mean is not None and variance is not None  # noqa: PT018
        module = BatchNorm(scale, shift, mean, variance, float(attributes.get("epsilon", 1e-5)))
        self._add_module(node, module, node.input[1])

    # --- quantized models ---

    def _format(self, node: onnx.NodeProto, position: int, attributes: dict[str, Any]) -> Format:
        """The number format of an activation, from the scale at that input and the zero-point after it."""
        scale, zero = self._constant(node, position), self._constant(node, position + 1)
        assert scale is not None
        if scale.size != 1 or (zero is not None and zero.size != 1):
            raise RefusalError(f"an activation must have one scale and zero-point, not {scale.size}")
        kind = zero.dtype if zero is not None else np.dtype(np.uint8)
        if kind.kind not in "iu" or attributes.get("output_dtype", 0) not in (0, helper.np_dtype_to_tensor_dtype(kind)):
            raise RefusalError(f"integers must be of a plain integer type that the zero-point gives, not {kind}")
        limits = np.iinfo(kind)
        return (
            float(scale.reshape(())),
            int(zero.reshape(())) if zero is not None else 0,
            int(limits.min),
            int(limits.max),
        )

    def _quantize(self, node: onnx.NodeProto, attributes: dict[str, Any]) -> None:
        self._require_real(node)
        self._formats[node.output[0]] = format = self._format(node, 1, attributes)
        self._add_module(node, Rounding(*format))

    def _dequantize(self, node: onnx.NodeProto, attributes: dict[str, Any]) -> None:
        self._add_module(node, Rounding(*self._real(node, 0, attributes)))

    def _real(self, node: onnx.NodeProto, position: int, attributes: dict[str, Any]) -> Format:
        """The format after that input. It must be the format of its integers; integers that enter the network get it."""
        name = node.input[position]
        format = self._format(node, position + 1, attributes)
        if name == self._entry.name and not self._entered and self._entry.type.tensor_type.elem_type in INTEGER:
            self._enter(format)
        if self._formats.get(name) != format:
            raise RefusalError(f"must have the scale and zero-point of the QuantizeLinear that gives {name!r}")
        return format

    def _qlinear(self, node: onnx.NodeProto, attributes: dict[str, Any]) -> None:
        """QLinearConv and QLinearMatMul: a convolution or product between two roundings."""
        self._real(node, 0, attributes)
        values, scale, zero = (self._constant(node, position) for position in (3, 4, 5))
        assert values is not None and scale is not None and zero is not None  # noqa: PT018
        convolves = node.op_type == "QLinearConv"
        rounded, real = f"{node.output[0]}.weight", f"{node.output[0]}.real"
        self._known.store_rounded(rounded, node.input[3], values, scale, [zero], 0 if convolves else values.ndim - 1)
        bias = self._constant(node, 8)
        inputs = [node.input[0], rounded]
        if bias is not None:
            self.constants[f"{node.output[0]}.bias"] = bias * (
                self._formats[node.input[0]][0] * scale.astype(np.float64)
            )
            inputs.append(f"{node.output[0]}.bias")
        inner = onnx.NodeProto(
            op_type="Conv" if convolves else "MatMul", name=node_name(node), input=inputs, output=[real]
        )
        self._formats_hidden(node.input[0], inner, attributes)
        self._formats[node.output[0]] = format = self._format(node, 6, attributes)
        outer = _node_of(f"{node_name(node)}.output", [real], [node.output[0]])
        self._add_module(outer, Rounding(*format))

    def _formats_hidden(self, name: str, inner: onnx.NodeProto, attributes: dict[str, Any]) -> None:
        """Build a node that reads values as numbers which are integers elsewhere."""
        format = self._formats.pop(name)
        (self._conv if inner.op_type == "Conv" else self._matmul)(inner, attributes)
        self._formats[name] = format


_BUILDERS = {
    "Conv": Reader._conv,
    "Gemm": Reader._gemm,
    "MatMul": Reader._matmul,
    "BatchNormalization": Reader._batch_norm,
    "Split": Reader._split,
    "QuantizeLinear": Reader._quantize,
    "DequantizeLinear": Reader._dequantize,
    "QLinearConv": Reader._qlinear,
    "QLinearMatMul": Reader._qlinear,
}
"""Operators with weights or number formats → the method that builds their module."""

SUPPORTED = tuple(sorted({*FUNCTIONS, *_BUILDERS, "Shape", *QUANTIZERS}))
"""Names of the operators that are built. Any other may compute constants."""


def _node_of(name: str, inputs: Sequence[str], outputs: Sequence[str]) -> onnx.NodeProto:
    return onnx.NodeProto(name=name, input=inputs, output=outputs)


def unknown_nodes(nodes: Sequence[onnx.NodeProto]) -> list[str]:
    """A clause for each node whose operator is not supported."""
    return [
        f"{node.op_type} {node_name(node)!r}: {UNKNOWN}{hint(node.op_type)}"
        for node in nodes
        if node.op_type not in (*SUPPORTED, "Constant")
    ]


def _part(span: slice, shape: Array) -> Sequence[Array]:
    return [shape[span]]
