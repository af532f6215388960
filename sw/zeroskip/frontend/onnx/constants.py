"""The constants of an ONNX model: initializers, and values that nodes compute from them alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from zeroskip.contracts.errors import first_line
from zeroskip.frontend.refusal import RefusalError

from .layers import Rounded
from .network import Array


class Constants:
    """The constants known so far.

    values : by name
    rounded : storage form of the constants that a quantized model stores as integers, by name
    origins : the initializer behind each constant, by name
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self.values: dict[str, Array] = {
            tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer
        }
        self.rounded: dict[str, Rounded] = {}
        self.origins: dict[str, str] = {name: name for name in self.values}
        self._opsets = list(model.opset_import)

    def fold(self, node: onnx.NodeProto, attributes: dict[str, Any]) -> None:
        """Compute a node that reads constants alone."""
        if node.op_type == "DequantizeLinear":
            values, scale, *zero = [self.values[name] for name in node.input if name]
            self.store_rounded(node.output[0], node.input[0], values, scale, zero, int(attributes.get("axis", 1)))
            return
        if node.op_type == "QuantizeLinear":
            self.values[node.output[0]] = self._quantized_constant(node, attributes)
        else:
            inputs = [self.values[name] for name in node.input if name]
            self.values.update(zip(node.output, self.evaluate(node, *inputs), strict=False))
        self.origins[node.output[0]] = (
            self.origins.get(node.input[0], node_name(node)) if node.input else node_name(node)
        )

    def _quantized_constant(self, node: onnx.NodeProto, attributes: dict[str, Any]) -> Array:
        values, scale, *zero = [self.values[name] for name in node.input if name]
        kind = zero[0].dtype if zero else np.dtype(np.uint8)
        spread, zeros = (
            _along(a, values.ndim, int(attributes.get("axis", 1))) for a in (scale, zero[0] if zero else np.zeros(1))
        )
        limits = np.iinfo(kind)
        integers: Array = np.clip(np.rint(values / spread) + zeros.astype(np.int64), limits.min, limits.max)
        return integers.astype(kind)

    def store_rounded(
        self, output: str, source: str, values: Array, scale: Array, zero: Sequence[Array], axis: int
    ) -> None:
        if values.dtype.kind not in "iu":
            raise RefusalError(f"integers must be of a plain integer type, not {values.dtype}")
        axis %= max(values.ndim, 1)
        if scale.size != 1 and scale.shape != values.shape[axis : axis + 1]:
            raise RefusalError(
                f"scales must be one, or one per entry of axis {axis} of {values.shape}, not shape {scale.shape}"
            )
        zeros = _along(zero[0], values.ndim, axis).astype(np.int64) if zero else np.int64(0)
        integers = values.astype(np.int64) - zeros
        self.values[output] = (integers * _along(scale, values.ndim, axis)).astype(np.float32)
        bits = 8 * values.dtype.itemsize
        self.rounded[output] = Rounded(integers=integers, scale=scale.astype(np.float64), axis=axis, bits=bits)
        self.origins[output] = self.origins.get(source, source).removesuffix("_quantized")

    def evaluate(self, node: onnx.NodeProto, *inputs: Array) -> Sequence[Array]:
        names = [name for name in node.input if name]
        graph = helper.make_graph(
            [node], "constant", [helper.make_value_info(name, onnx.TypeProto()) for name in names],
            [helper.make_value_info(name, onnx.TypeProto()) for name in node.output],
        )  # fmt: skip
        model = helper.make_model(graph, opset_imports=self._opsets)
        try:
            results = ReferenceEvaluator(model).run(None, dict(zip(names, inputs, strict=True)))
        except Exception as error:
            raise RefusalError(f"cannot be computed from constants: {first_line(error)}") from error
        return [np.asarray(result) for result in results]


def node_name(node: onnx.NodeProto) -> str:
    """The node's name, or its operator's name where it has none."""
    return str(node.name or node.op_type.lower())


def _along(values: Array, rank: int, axis: int) -> Array:
    """One value, or one for each entry of an axis, in a shape that broadcasts."""
    if values.size == 1:
        return values.reshape(())
    return values.reshape([-1 if position == axis % rank else 1 for position in range(rank)])
