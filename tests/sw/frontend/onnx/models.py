"""Small ONNX models, written node by node, for the tests of what is read from them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

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


NUMBERS = {
    "s": np.array(0.04, np.float32), "z": np.array(3, np.uint8), "s2": np.array(0.1, np.float32), "z2": np.array(-5, np.int8),
    "w": SEED.integers(-127, 128, (3, 2, 3, 3)).astype(np.int8), "ws": np.abs(random(3)) * 0.01 + 0.001, "wz": np.zeros(3, np.int8),
    "bias": SEED.integers(-900, 900, 3).astype(np.int32), "bs": np.full(3, 0.0004, np.float32), "bz": np.zeros(3, np.int32),
}  # fmt: skip
"""Scales, zero-points and integers that quantized models have as constants."""
