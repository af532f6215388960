"""``zeroskip check``: what would be built of a model, and what not."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zeroskip.contracts.errors import InputError, UnsupportedError
from zeroskip.contracts.graph import INPUT, Graph, Layer

from . import arguments as a
from .values import example_of

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, kw_only=True)
class CheckOptions:
    """The options, as they were given."""

    model: Annotated[str | None, typer.Argument(metavar="MODEL", help=a.MODEL_HELP, show_default=False)] = None
    input_shape: Annotated[
        str | None, typer.Option(help="Shape of one sample, as 1,28,28. By default the model's file gives it.")
    ] = None
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False
    operators: Annotated[bool, typer.Option("--operators", help="Print what can be built, and nothing else.")] = False


def check(options: CheckOptions) -> None:
    """Tell what would be built of MODEL, layer by layer, and what not, with the reason. It takes no calibration and builds nothing.

    The exit status is 1 where something cannot be built.

    Examples: zeroskip check net.onnx; zeroskip check model.py:make --input-shape 3,32,32; zeroskip check --operators
    """
    from .tables import out

    if options.operators:
        out.print(_operators())
        return
    if options.model is None:
        raise InputError("check: MODEL is missing; --operators needs none")
    clauses: tuple[str, ...] = ()
    graph = None
    try:
        graph = _captured(options.model, options.input_shape)
    except UnsupportedError as error:
        clauses = error.clauses
    if options.as_json:
        sys.stdout.write(json.dumps(_told(graph, clauses), indent=1) + "\n")
    elif graph is not None:
        _print(graph)
    else:
        _print_refusals(clauses)
    if clauses:
        raise typer.Exit(1)


def _captured(spec: str, shape: str | None) -> Graph:
    from zeroskip.frontend import capture, load_model

    model = load_model(spec)
    return capture(model, example_of(shape, _own_shape(model)))


def _own_shape(model: nn.Module) -> tuple[int, ...] | None:
    shape = getattr(model, "input_shape", None)
    return tuple(shape) if isinstance(shape, tuple | list) else None


def _operators() -> str:
    from zeroskip.contracts.extras import needs_extra
    from zeroskip.frontend.pytorch.operators import SUPPORTED

    with needs_extra("onnx"):
        from zeroskip.frontend.onnx.reader import SUPPORTED as ONNX
    return "\n".join(
        ["Modules and .pt2 files:", *(f"  {group}" for group in SUPPORTED), "", "ONNX files:", f"  {', '.join(ONNX)}"]
    )


def _told(graph: Graph | None, clauses: tuple[str, ...]) -> dict[str, Any]:
    if graph is None:
        return {"built": False, "refused": list(clauses)}
    return {
        "built": True, "input_shape": list(graph.input_shape), "output_shape": list(graph.output_shape),
        "host": [str(operator) for operator in graph.host],
        "layers": [
            {
                "name": layer.name, "kind": kind(layer, graph), "reads": layer.source, "input": list(graph.tensors[layer.source]),
                "output": [layer.outputs, *graph.tensors[layer.output][1:]], "weights": layer.weight.size if not layer.structural else 0,
                "kept": int(layer.mask.sum()), "multiplications": _multiplications(layer, graph),
            }
            for layer in graph.layers
        ],
    }  # fmt: skip


def kind(layer: Layer, graph: Graph) -> str:
    """What a layer is, in words, as ``convolution 3×3, stride 2``."""
    window = layer.window
    channels, height, width = graph.tensors[layer.source]
    size = "×".join(map(str, window.kernel if width > 1 or window.kernel[1] > 1 else window.kernel[:1]))
    if layer.maximum:
        name = f"maximum {size}"
    elif layer.structural:
        name = "copy" if layer.mask.reshape(layer.outputs, -1).sum(axis=1).max() <= 1 else f"sum {size}"
    elif (height, width) == window.kernel and not any(window.padding):
        name = "fully connected"
    elif layer.groups == channels > 1:
        name = f"depthwise {size}"
    else:
        name = f"convolution {size}" + (f", {layer.groups} groups" if layer.groups > 1 else "")
    strides = window.stride if width > 1 else window.stride[:1]
    name += f", stride {max(strides)}" if max(strides) > 1 and name != "fully connected" else ""
    activation = layer.activation
    ends = [f"+ {layer.residual}"] if layer.residual else []
    if activation.table is not None:
        ends.append(activation.table.name if len(activation.table.name) < 20 else "table")
    elif activation.slope is not None:
        ends.append("leaky ReLU")
    elif (activation.low, activation.high) == (0.0, float("inf")):
        ends.append("ReLU")
    elif activation.low > -float("inf") or activation.high < float("inf"):
        ends.append(f"clip {activation.low:g} … {activation.high:g}")
    return ", ".join([name, *ends])


def _multiplications(layer: Layer, graph: Graph) -> int:
    return 0 if layer.maximum else int(layer.mask.sum()) * prod(graph.tensors[layer.output][1:])


def _print(graph: Graph) -> None:
    from .tables import NumberTable, out, pairs

    def shape(*sizes: int) -> str:
        return " × ".join(str(size) for size in sizes)

    rows = [
        (
            layer.name, kind(layer, graph), shape(*graph.tensors[layer.source]),
            shape(layer.outputs, *graph.tensors[layer.output][1:]),
            "–" if layer.structural else f"{layer.weight.size:,}",
            "–" if layer.structural else f"{1 - layer.mask.mean():.1%}", f"{_multiplications(layer, graph):,}",
        )
        for layer in graph.layers
    ]  # fmt: skip
    learned = [layer for layer in graph.layers if not layer.structural]
    weights, kept = sum(layer.weight.size for layer in learned), sum(int(layer.mask.sum()) for layer in learned)
    multiplications = sum(_multiplications(layer, graph) for layer in graph.layers)
    rows.append(("total", "", "", "", f"{weights:,}", f"{1 - kept / max(weights, 1):.1%}", f"{multiplications:,}"))
    columns = ("layer", "is", "reads", "gives", "weights", "zeros", "multiplications")
    out.print(
        NumberTable(
            "Everything can be built: layers, channels × height × width", columns, rows, keys=2, last_is_total=True
        )
    )
    ends = [
        ("input", shape(*graph.input_shape)),
        ("stored as", shape(*graph.tensors[INPUT])),
        ("output", shape(*graph.output_shape) or "1"),
    ]
    out.print(pairs([*ends, ("on the host", ", then ".join(map(str, graph.host)) or "nothing")]))


def _print_refusals(clauses: tuple[str, ...]) -> None:
    from rich.markup import escape
    from rich.table import Table

    from .tables import out

    table = Table(
        title="Cannot be built",
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
    )
    table.add_column("where", overflow="fold", max_width=44)
    table.add_column("why", overflow="fold")
    for clause in clauses:
        where, _, why = clause.partition(": ")
        table.add_row(escape(where), escape(why))
    out.print(table)
    out.print("Everything else can be built. --operators prints all that can.")
