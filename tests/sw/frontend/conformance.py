"""The ONNX operator tests: a model of one node each, with inputs and the outputs that ONNX's own backend expects."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from zeroskip.frontend import capture
from zeroskip.frontend.onnx_file import read_model
from zeroskip.spec.errors import InputError
from zeroskip.spec.graph import INPUT, Graph


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

    def real(self, graph: Graph) -> tuple[np.ndarray, np.ndarray, float]:
        """What enters and should leave as real numbers, and the step between two of the latter, 0 where they are real already."""
        return *_dequantize(self.x, graph, INPUT)[:1], *_dequantize(self.y, graph, graph.output)


def load(folder: Path, name: str) -> Case:
    model = onnx.load(str(folder / name / "model.onnx"))
    data = folder / name / "test_data_set_0"
    (node,) = model.graph.node
    x = _tensor(data / "input_0.pb")
    # two inputs of a sum may both be activations: those stay inputs, unless one is of a shape that only a constant has
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


def _dequantize(values: np.ndarray, graph: Graph, tensor: str) -> tuple[np.ndarray, float]:
    if values.dtype.kind == "f":
        return values, 0.0
    format = graph.formats[tensor]
    return (values.astype(np.float64) - format.zero_point) * format.scale, format.scale
