"""``file.onnx`` → torch module."""

from __future__ import annotations

from pathlib import Path

import onnx

from zeroskip.contracts.errors import InputError, UnsupportedError, typed_line

from .network import OnnxNetwork
from .qonnx import import_domains
from .reader import Reader, unknown_nodes


def load_onnx(path: Path) -> OnnxNetwork:
    """The network in an ONNX file, in eval mode.

    Raises InputError for a file that is not ONNX, and UnsupportedError with a clause for every node that cannot be built.
    """
    try:
        model = onnx.load(str(path))
        import_domains(model)
        onnx.checker.check_model(model)
    except Exception as error:
        raise InputError(f"model {str(path)!r}: must be an ONNX model: {typed_line(error)}") from error
    return read_model(model, str(path))


def read_model(model: onnx.ModelProto, location: str) -> OnnxNetwork:
    """The network of an ONNX model. ``location`` names it in refusals, which are as for :func:`load_onnx`."""
    graph = model.graph
    known = {tensor.name for tensor in graph.initializer}
    entries = [value for value in graph.input if value.name not in known]
    problems = [
        f"model {location!r}: must have one {what}, not {len(values)} ({', '.join(value.name for value in values)})"
        for what, values in (("input", entries), ("output", list(graph.output)))
        if len(values) != 1
    ]
    problems += unknown_nodes(graph.node) if problems else []
    reader = None if problems else Reader(model, entries[0])
    problems += reader.read() if reader is not None else []
    if reader is None or problems:
        raise UnsupportedError(*problems)
    network = OnnxNetwork(
        reader.calls, reader.modules, reader.constants, entries[0].name, graph.output[0].name, _shape(entries[0]),
        stated_batch=next((axis.dim_value for axis in entries[0].type.tensor_type.shape.dim[:1]), 0) or None,
    )  # fmt: skip
    return network.eval()


def _shape(entry: onnx.ValueInfoProto) -> tuple[int, ...] | None:
    axes = entry.type.tensor_type.shape.dim[1:]
    return tuple(axis.dim_value for axis in axes) if all(axis.dim_value > 0 for axis in axes) else None
