"""Random tiny integer networks that use everything a layer can do, and their slow evaluation in Python's own integers."""

from __future__ import annotations

import math
from itertools import product

import numpy as np

from zeroskip.contracts.graph import INPUT, Shape, Window
from zeroskip.contracts.network import IntArray, QuantizedLayer, QuantizedNetwork
from zeroskip.contracts.tensor import QuantizedTensor

Sample = dict[tuple[int, int, int], int]
"""One sample of a tensor: value by (channel, row, column)."""


def tiny_network(rng: np.random.Generator) -> QuantizedNetwork:
    """One to five layers on a small image; every field is drawn, extremes included."""
    shapes: dict[str, Shape] = {INPUT: _small_shape(rng)}
    formats = {INPUT: _format(rng)}
    layers: list[QuantizedLayer] = []
    for number in range(int(rng.integers(1, 6))):
        name = f"t{number}"
        source = str(rng.choice(list(shapes)))
        window = _window(rng, shapes[source])
        parts = [
            _layer(rng, f"{name}.{part}", source, name, window, shapes, formats) for part in range(rng.integers(1, 3))
        ]
        formats[name] = _format(rng)
        outputs = sum(layer.outputs for layer in parts)
        shapes[name] = (outputs, *window.output(*shapes[source][1:]))
        channel = 0
        for layer in parts:
            layers.append(_placed(rng, layer, channel, shapes, formats))
            channel += layer.outputs
    output = layers[-1].output
    return QuantizedNetwork(
        input_shape=_user_shape(rng, shapes[INPUT]), output_shape=_user_shape(rng, shapes[output]), weight_bits=16,
        shapes=shapes, formats=formats, layers=tuple(layers), output_name=output,
    )  # fmt: skip


def tiny_inputs(rng: np.random.Generator, network: QuantizedNetwork, samples: int) -> IntArray:
    return rng.integers(network.input.low, network.input.high + 1, size=(samples, *network.input_shape))


def python_tensors(network: QuantizedNetwork, sample: IntArray) -> dict[str, list[int]]:
    """Every tensor's integers for one sample, in C order, by the docstring of :mod:`zeroskip.contracts.network`."""
    values = {INPUT: dict(zip(_positions(network.shapes[INPUT]), sample.reshape(-1).tolist(), strict=True))}
    for layer in network.layers:
        target = values.setdefault(layer.output, {})
        _, height, width = network.shapes[layer.output]
        for row, y, x in _positions((layer.outputs, height, width)):
            residual = None if layer.residual is None else values[layer.residual][row, y, x]
            target[layer.channel + row, y, x] = _python_output(
                network, layer, values[layer.source], residual, row, y, x
            )
    return {name: [tensor[at] for at in _positions(network.shapes[name])] for name, tensor in values.items()}


def _python_output(
    network: QuantizedNetwork, layer: QuantizedLayer, source: Sample, residual: int | None, row: int, y: int, x: int
) -> int:
    format, window = network.formats[layer.source], layer.window
    inputs = layer.weight.shape[1]
    first = row // (layer.outputs // layer.groups) * inputs
    top, left, _, _ = window.padding
    taps = []
    for channel, ky, kx in _positions((inputs, *window.kernel)):
        at = (
            first + channel,
            y * window.stride[0] + ky * window.dilation[0] - top,
            x * window.stride[1] + kx * window.dilation[1] - left,
        )
        padding = format.low if layer.maximum else format.zero_point
        taps.append((int(layer.weight[row, channel, ky, kx]), source.get(at, padding)))
    acc = max(value for _, value in taps) if layer.maximum else int(layer.bias[row]) + sum(w * v for w, v in taps)
    factor = int((layer.multiplier if layer.slope is None or acc >= 0 else layer.slope)[row])
    shift = int(layer.shift[row])
    if residual is None or layer.residual is None:
        rounded = (acc * factor + (1 << (shift - 1))) >> shift
    else:
        added = (residual - network.formats[layer.residual].zero_point) * layer.residual_multiplier
        rounded = (((acc * factor) >> (shift - 12)) + added + 2048) >> 12
    stored = min(max(layer.zero_point + rounded, layer.low), layer.high)
    return stored if layer.table is None else int(layer.table[stored % 256])


def _positions(shape: Shape) -> list[tuple[int, int, int]]:
    return list(product(*map(range, shape)))  # type: ignore[arg-type]


def _small_shape(rng: np.random.Generator) -> Shape:
    return int(rng.integers(1, 5)), int(rng.integers(1, 7)), int(rng.integers(1, 7))


def _user_shape(rng: np.random.Generator, shape: Shape) -> tuple[int, ...]:
    return shape if rng.random() < 0.5 else (math.prod(shape),)


def _format(rng: np.random.Generator) -> QuantizedTensor:
    signed = bool(rng.integers(2))
    low = -128 if signed else 0
    zero_point = int(rng.choice([low, low + 255, 0, int(rng.integers(low, low + 256))]))
    return QuantizedTensor(scale=1.0, zero_point=zero_point, signed=signed)


def _window(rng: np.random.Generator, shape: Shape) -> Window:
    """Any window that fits, or one that keeps the size, so that residuals find a partner."""
    if rng.random() < 0.5:
        kernel = int(rng.choice([1, 3]))
        return Window(kernel=(kernel, kernel), padding=(kernel // 2,) * 4)
    while True:
        window = Window(
            kernel=(int(rng.integers(1, 4)), int(rng.integers(1, 4))), stride=(int(rng.integers(1, 4)), int(rng.integers(1, 4))),
            dilation=(int(rng.integers(1, 3)), int(rng.integers(1, 3))), padding=tuple(rng.integers(-2, 3, size=4).tolist()),
        )  # fmt: skip
        if min(window.output(*shape[1:])) >= 1 and all(
            size + min(window.padding[axis], 0) + min(window.padding[axis + 2], 0) >= 1
            for axis, size in enumerate(shape[1:])
        ):
            return window


def _layer(
    rng: np.random.Generator, name: str, source: str, output: str, window: Window,
    shapes: dict[str, Shape], formats: dict[str, QuantizedTensor],
) -> QuantizedLayer:  # fmt: skip
    inputs = shapes[source][0]
    groups = int(rng.choice([number for number in range(1, inputs + 1) if inputs % number == 0]))
    outputs = groups * int(rng.integers(1, 3)) if rng.random() < 0.5 else inputs
    shape = (outputs, inputs // groups, *window.kernel)
    maximum = rng.random() < 0.25
    weight = rng.integers(-(1 << 15), 1 << 15, size=shape) * (rng.random(shape) < 0.6)
    if rng.random() < 0.5:
        weight = weight // 300
    spread = 1 + np.sqrt(np.square(weight * 74.0).reshape(outputs, -1).sum(axis=1))
    gain = (np.ones(outputs) if maximum else 60 / spread) * rng.uniform(0.2, 3, size=outputs)
    shift = np.clip(15 - np.floor(np.log2(gain)).astype(np.int64), 1, 63)
    strange = rng.random(outputs) < 0.1
    large = int(rng.choice([spread.max(), 1 << 38]))
    return QuantizedLayer(
        name=name, source=source, output=output, maximum=maximum, window=window, groups=groups,
        weight=np.ones(shape, dtype=np.int64) if maximum else weight, weight_scale=np.ones(outputs),
        bias=rng.integers(-large, large + 1, size=outputs) * (not maximum),
        multiplier=np.where(strange, rng.integers(0, 1 << 16, size=outputs), np.clip(gain * 2.0**shift, 0, 65535).astype(np.int64)),
        shift=np.where(strange, rng.integers(1, 64, size=outputs), shift), zero_point=0, low=0, high=0,
    )  # fmt: skip


def _placed(
    rng: np.random.Generator,
    layer: QuantizedLayer,
    channel: int,
    shapes: dict[str, Shape],
    formats: dict[str, QuantizedTensor],
) -> QuantizedLayer:
    """The layer with what depends on its place: channel, clamp, residual, slope and table."""
    given = formats[layer.output]
    table, slope, residual = None, None, None
    if rng.random() < 0.2:
        table, given = rng.integers(given.low, given.high + 1, size=256), _format(rng)
    elif rng.random() < 0.3:
        slope = rng.integers(0, 1 << 16, size=layer.outputs)
    wanted = (layer.outputs, *shapes[layer.output][1:])
    partners = [name for name, shape in shapes.items() if shape == wanted and name != layer.output]
    if partners and rng.random() < 0.7:
        residual = str(rng.choice(partners))
    low, high = sorted(rng.integers(given.low, given.high + 1, size=2).tolist())
    if rng.random() < 0.7:
        low, high = given.low, given.high
    return QuantizedLayer(
        **vars(layer) | {
            "channel": channel, "low": low, "high": high, "table": table, "slope": slope, "residual": residual,
            "zero_point": 0 if layer.maximum else given.zero_point,
            "shift": layer.shift if residual is None else np.maximum(layer.shift, 13),
            "residual_multiplier": 0 if residual is None else int(rng.choice([4096, 65535, rng.integers(1 << 16)])),
        }
    )  # fmt: skip
