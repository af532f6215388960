"""Float graphs in a few words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from zeroskip.contracts.graph import INPUT, Activation, Graph, Layer, Shape, Window
from zeroskip.contracts.tensor import QuantizedTensor

RELU = Activation(low=0.0)


def layer(weight: npt.ArrayLike, bias: npt.ArrayLike | None = None, *, name: str = "fc", **fields) -> Layer:
    """A layer from ``INPUT`` to the tensor of its own name; two axes of weights are a fully connected one."""
    weight = np.array(weight, dtype=np.float64)
    weight = weight.reshape(*weight.shape, *(1,) * (4 - weight.ndim))
    bias = np.zeros(len(weight)) if bias is None else np.array(bias, dtype=np.float64)
    given = {"source": INPUT, "output": name, "mask": weight != 0, "window": Window(kernel=weight.shape[2:])}
    return Layer(**given | {"name": name, "weight": weight, "bias": bias} | fields)


def graph(
    *layers: Layer, shape: Shape | None = None, user: tuple[int, ...] | None = None,
    formats: Mapping[str, QuantizedTensor] | None = None,
) -> Graph:  # fmt: skip
    """The layers on an input of that shape, by default a vector; the last one's output leaves. Vectors are vectors to the user too."""
    shapes = {INPUT: shape or (layers[0].weight.shape[1] * layers[0].groups, 1, 1)}
    for given in layers:
        channels = max(given.channel + given.outputs, shapes.get(given.output, (0,))[0])
        shapes[given.output] = (channels, *given.window.output(*shapes[given.source][1:]))
    output = layers[-1].output
    ends = [values[:1] if values[1:] == (1, 1) else values for values in (shapes[INPUT], shapes[output])]
    return Graph(
        input_shape=user or ends[0],
        output_shape=ends[1],
        tensors=shapes,
        layers=layers,
        output=output,
        formats=formats or {},
    )


def chain(layers: Sequence[Layer]) -> Graph:
    """The layers one after the other, ReLU between them."""
    sources = [INPUT, *(given.name for given in layers)]
    linked = [replace(given, source=source, activation=RELU) for given, source in zip(layers, sources, strict=False)]
    return graph(*linked[:-1], replace(linked[-1], activation=Activation()))
