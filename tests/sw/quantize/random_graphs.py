"""Random float graphs of every kind of layer, and how far their integers may be from them."""

from __future__ import annotations

import numpy as np
from tests.sw.functions import FUNCTIONS, steepest

from zeroskip.contracts.graph import INPUT, NOTHING, Activation, FloatArray, Graph, Layer, Shape, Window
from zeroskip.contracts.network import QuantizedLayer, QuantizedNetwork
from zeroskip.contracts.tensor import QuantizedTensor
from zeroskip.quantize.forward import forward


def random_graph(rng: np.random.Generator) -> Graph:
    """Up to six layers; sums, maxima, averages, copies, residuals, concatenations and every activation."""
    shapes: dict[str, Shape] = {INPUT: (int(rng.integers(1, 4)), int(rng.integers(2, 6)), int(rng.integers(2, 6)))}
    layers: list[Layer] = []
    for number in range(int(rng.integers(1, 5))):
        name, source = f"t{number}", str(rng.choice(list(shapes)))
        size = int(rng.choice([1, 1, min(3, *shapes[source][1:])]))
        window = Window(kernel=(size, size), padding=(size // 2,) * 4, stride=(int(rng.choice([1, 1, 2])),) * 2)
        channel = 0
        for part in range(int(rng.choice([1, 1, 2]))):
            layer = _layer(rng, f"{name}.{part}", source, name, channel, window, shapes)
            layers.append(layer)
            channel += layer.outputs
        shapes[name] = (channel, *window.output(*shapes[source][1:]))
    return Graph(
        input_shape=shapes[INPUT], output_shape=shapes[layers[-1].output], tensors=shapes, layers=tuple(layers),
        output=layers[-1].output,
    )  # fmt: skip


def _layer(
    rng: np.random.Generator,
    name: str,
    source: str,
    output: str,
    channel: int,
    window: Window,
    shapes: dict[str, Shape],
) -> Layer:
    inputs, *size = shapes[source]
    kind = str(rng.choice(["sum", "sum", "sum", "maximum", "average", "copy"]))
    groups = inputs if kind != "sum" else int(rng.choice([1, inputs]))
    outputs = inputs if kind != "sum" else groups * int(rng.integers(1, 3))
    shape = (outputs, inputs // groups, *window.kernel)
    weight = np.ones(shape)
    if kind == "sum":
        weight = rng.normal(size=shape) * 10.0 ** rng.integers(-3, 2) * (rng.random(shape) < 0.7)
    elif kind == "average":
        weight /= window.kernel[0] * window.kernel[1]
    elif kind == "copy":
        weight = np.zeros(shape)
        weight[:, :, window.kernel[0] // 2, window.kernel[1] // 2] = 1.0
    partners = [other for other, shape in shapes.items() if shape == (outputs, *window.output(*size))]
    residual = str(rng.choice(partners)) if partners and kind != "maximum" and rng.random() < 0.6 else None
    return Layer(
        name=name, source=source, output=output, channel=channel, maximum=kind == "maximum", weight=weight, mask=weight != 0,
        bias=rng.normal(size=outputs) * (kind == "sum"), window=window, groups=groups, residual=residual,
        activation=_activation(rng, outputs, residual is None and kind != "maximum", kind != "maximum"),
        structural=kind != "sum",
    )  # fmt: skip


def _activation(rng: np.random.Generator, outputs: int, slopes: bool, tables: bool) -> Activation:
    kind = str(rng.choice(["nothing", "relu", "clip", "slope", "table"]))
    if kind == "slope" and slopes:
        return Activation(slope=rng.choice([0.0, 0.01, 0.3, 1.0, 2.5], size=outputs))
    if kind == "table" and tables:
        return Activation(table=FUNCTIONS[int(rng.integers(len(FUNCTIONS)))])
    return {"relu": Activation(low=0.0), "clip": Activation(low=-0.5, high=1.5)}.get(kind, NOTHING)


def float_tensors(graph: Graph, x: FloatArray) -> dict[str, FloatArray]:
    values = {name: np.empty((len(x), *shape)) for name, shape in graph.tensors.items()}
    values[INPUT] = x
    for step in forward(graph, x):
        values[step.layer.output][:, step.layer.channel :][:, : step.layer.outputs] = step.after
    return values


def bounds(graph: Graph, network: QuantizedNetwork, integers: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """By tensor, per channel: how far a dequantized value can be from the float one, on the samples that calibrated.

    Errors of the source times the weights, of the weights times the source, and half a step for every rounding.
    """
    errors = {name: np.zeros(shape[0]) for name, shape in graph.tensors.items()}
    errors[INPUT][:] = network.input.scale
    for layer, quantized in zip(graph.layers, network.layers, strict=True):
        error = _maximum if layer.maximum else _sum
        errors[layer.output][layer.channel :][: layer.outputs] = error(layer, quantized, network, integers, errors)
    return errors


def _maximum(layer, quantized, network, integers, errors) -> FloatArray:
    largest = errors[layer.source].reshape(layer.groups, -1).max(axis=1)
    return largest.repeat(layer.outputs // layer.groups) + network.formats[layer.output].scale


def _sum(layer: Layer, quantized: QuantizedLayer, network: QuantizedNetwork, integers, errors) -> FloatArray:
    format = network.formats[layer.source]
    inputs = layer.weight.shape[1]
    per_row = np.repeat(np.arange(layer.groups), layer.outputs // layer.groups)
    channels = per_row[:, None] * inputs + np.arange(inputs)
    real = _real(format, integers[layer.source])
    largest = np.abs(real).max(axis=(0, 2, 3))[channels][:, :, None, None]
    weight = quantized.weight * quantized.weight_scale[:, None, None, None]
    of_source = (np.abs(layer.weight) * errors[layer.source][channels][:, :, None, None]).sum(axis=(1, 2, 3))
    of_weight = (np.abs(weight - layer.weight) * largest).sum(axis=(1, 2, 3))
    unit = format.scale * quantized.weight_scale
    reach = (np.abs(weight) * largest).sum(axis=(1, 2, 3)) + np.abs(layer.bias)
    total = of_source + of_weight + unit + reach * 2.0**-15
    after = network.formats[layer.output].scale
    step = after if layer.activation.table is None else _step_before(layer, quantized, network)
    if layer.residual is not None:
        residual = integers[layer.residual] - network.formats[layer.residual].zero_point
        total = total + errors[layer.residual] + step * (np.abs(residual).max() * 2.0**-12 + 2.0**-11)
    if layer.activation.slope is not None:
        total = total * np.maximum(layer.activation.slope, 1.0)
    if layer.activation.table is not None:
        return steepest(layer.activation.table) * (total + 1.01 * step) + 2.01 * after
    return np.asarray(total + 1.01 * step)


def _step_before(layer: Layer, quantized: QuantizedLayer, network: QuantizedNetwork) -> float:
    """The scale of what enters the table, from the requantization."""
    factor = quantized.multiplier / 2.0**quantized.shift
    scales = network.formats[layer.source].scale * quantized.weight_scale / factor
    return float(scales.max())


def _real(format: QuantizedTensor, integers: FloatArray) -> FloatArray:
    return format.scale * (integers - format.zero_point)
