"""The masked integer reference, run by PyTorch. The RTL must equal it bit for bit. The masked float network is here too."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import pad

from zeroskip.contracts.errors import CapacityError, InputError
from zeroskip.contracts.graph import INPUT, FloatArray, Graph, Layer, Shape, Window
from zeroskip.contracts.network import (
    ACC_BITS_LIMIT,
    RESIDUAL_FRACTION,
    IntArray,
    QuantizedLayer,
    QuantizedNetwork,
    accumulator_bits,
)
from zeroskip.float_layer import activated, before_activation

_Operator = Callable[[torch.Tensor, torch.Tensor | None], torch.Tensor]
"""A layer as a function from its source and residual (or None), each (N, channels, height, width), to its outputs."""

_ELEMENTS = 1 << 22
"""Window elements laid out at once: about 32 MiB, which stay close to the processor."""


def run(network: QuantizedNetwork, x_int: npt.ArrayLike, *, batch: int | None = None) -> IntArray:
    """The network's integer outputs, (N, *output_shape) int64, with the semantics of :mod:`zeroskip.contracts.network`.

    x_int : (N, *input_shape) integers within the input's format, as ``quantize_input`` returns them
    batch : samples computed at once; by default as many as fit some tens of megabytes. It changes the memory used, never the result

    Raises InputError for another shape, dtype or range, and CapacityError for a layer whose accumulator may exceed 40 bits.
    """
    if batch is not None and batch < 1:
        raise InputError(f"batch must be at least 1, not {batch!r}")
    outputs = _integers(network, x_int, (network.output_name,), batch)[network.output_name]
    return np.asarray(network.output_axes.from_image(outputs, network.output_shape))


def run_layers(network: QuantizedNetwork, x_int: npt.ArrayLike) -> dict[str, IntArray]:
    """The stored integers of every tensor by name, the input included. They show which layer departs first. Raises as :func:`run`.

    Each tensor is (N, channels, height, width) int64, as the layers number it.
    """
    return _integers(network, x_int, network.shapes, None)


def run_float(graph: Graph, x: npt.ArrayLike) -> FloatArray:
    """The masked float network in float64, (N, *output_shape). Raises InputError unless x has shape (N, *input_shape)."""
    samples = np.asarray(x, dtype=np.float64)
    _require_shape(samples.shape, graph.input_shape)
    samples = graph.input_axes.to_image(samples, graph.tensors[INPUT])
    operators = [_float_operator(layer) for layer in graph.layers]
    outputs = np.empty((len(samples), math.prod(graph.output_shape)))
    for start, chunk in _chunks(samples, graph.tensors, graph.layers, None):
        values = _evaluate(graph.layers, operators, graph.tensors, chunk, (graph.output,))
        outputs[start : start + len(chunk)] = values[graph.output].flatten(1).numpy()
    return np.asarray(graph.output_axes.from_image(outputs, graph.output_shape))


def _integers(
    network: QuantizedNetwork, x_int: npt.ArrayLike, names: Collection[str], batch: int | None
) -> dict[str, IntArray]:
    integers = _checked_input(network, x_int)
    operators = [_integer_operator(network, layer) for layer in network.layers]
    results = {name: np.empty((len(integers), *network.shapes[name]), dtype=np.int64) for name in names}
    for start, chunk in _chunks(integers, network.shapes, network.layers, batch):
        values = _evaluate(network.layers, operators, network.shapes, chunk, names)
        for name, result in results.items():
            result[start : start + len(chunk)] = values[name].numpy()
    return results


# --- the walk over the layers -----------------------------------------------------------------------------------------


def _evaluate(
    layers: Sequence[Layer | QuantizedLayer], operators: Sequence[_Operator], shapes: Mapping[str, Shape],
    x: torch.Tensor, kept: Collection[str],
) -> dict[str, torch.Tensor]:  # fmt: skip
    """The tensors named in ``kept``. Every other tensor is freed after its last reader."""
    last = {name: index for index, layer in enumerate(layers) for name in (layer.source, layer.residual) if name}
    values = {INPUT: x}
    for index, (layer, operator) in enumerate(zip(layers, operators, strict=True)):
        result = operator(values[layer.source], values[layer.residual] if layer.residual else None)
        if result.shape[1:] == shapes[layer.output]:
            values[layer.output] = result
        else:  # one of several layers that write this tensor
            if layer.output not in values:
                values[layer.output] = result.new_empty((len(x), *shapes[layer.output]))
            values[layer.output][:, layer.channel : layer.channel + layer.outputs] = result
        for name in {layer.source, layer.residual} - set(kept):
            if name and last[name] == index:
                del values[name]
    return values


def _chunks(
    samples: npt.NDArray[np.float64 | np.int64], shapes: Mapping[str, Shape],
    layers: Sequence[Layer | QuantizedLayer], batch: int | None,
) -> Iterator[tuple[int, torch.Tensor]]:  # fmt: skip
    """Index of the first sample and so many of ``samples``, (N, channels, height, width), as memory allows."""
    if batch is None:
        windows = [
            shapes[layer.source][0] * math.prod(layer.window.kernel) * math.prod(shapes[layer.output][1:])
            for layer in layers
        ]
        batch = max(1, _ELEMENTS // max(windows, default=1))
    for start in range(0, len(samples), batch):
        yield start, torch.tensor(samples[start : start + batch])


# --- windows ----------------------------------------------------------------------------------------------------------


def _windows(x: torch.Tensor, window: Window, padding: float) -> torch.Tensor:
    """A view (N, channels, output height, output width, kernel height, kernel width) of ``x``, padded with that value."""
    top, left, bottom, right = window.padding
    spans = [dilation * (kernel - 1) + 1 for kernel, dilation in zip(window.kernel, window.dilation, strict=True)]
    padded = pad(x, (left, right, top, bottom), value=padding)
    views = padded.unfold(2, spans[0], window.stride[0]).unfold(3, spans[1], window.stride[1])
    return views[..., :: window.dilation[0], :: window.dilation[1]]


def _sums(windows: torch.Tensor, weight: torch.Tensor, groups: int) -> torch.Tensor:
    """Sum of weight · input over each window, (N, outputs, height, width): one matrix product per group."""
    samples, _, height, width, *_ = windows.shape
    columns = _grouped(windows, groups).permute(1, 2, 5, 6, 0, 3, 4).reshape(groups, -1, samples * height * width)
    sums = torch.bmm(weight.reshape(groups, -1, columns.shape[1]), columns)
    return sums.reshape(-1, samples, height, width).transpose(0, 1)


def _maxima(windows: torch.Tensor, outputs: int, groups: int) -> torch.Tensor:
    """Maximum of each window over the channels of its group, (N, outputs, height, width)."""
    return _grouped(windows, groups).amax(dim=(2, 5, 6)).repeat_interleave(outputs // groups, dim=1)


def _grouped(windows: torch.Tensor, groups: int) -> torch.Tensor:
    samples, channels, *rest = windows.shape
    return windows.reshape(samples, groups, channels // groups, *rest)


def _per_channel(values: npt.NDArray[np.int64 | np.float64]) -> torch.Tensor:
    return torch.tensor(values)[:, None, None]


# --- one layer --------------------------------------------------------------------------------------------------------


def _integer_operator(network: QuantizedNetwork, layer: QuantizedLayer) -> _Operator:
    source = network.formats[layer.source]
    largest = int(np.abs(layer.weight).reshape(layer.outputs, -1).sum(axis=1).max(initial=0))
    largest *= max(-source.low, source.high)
    _require_exact(network, layer)
    # Sums of integers are exact in any order while the sum of the magnitudes is within the significand.
    weight = torch.tensor(layer.weight, dtype=torch.float32 if largest < 1 << 24 else torch.float64)
    bias = _per_channel(layer.bias)
    requantize = _requantization(layer, network.formats[layer.residual].zero_point if layer.residual else 0)

    def operator(x: torch.Tensor, residual: torch.Tensor | None) -> torch.Tensor:
        if layer.maximum:
            acc = _maxima(_windows(x, layer.window, source.low), layer.outputs, layer.groups)
        else:
            windows = _windows(x.to(weight.dtype), layer.window, source.zero_point)
            acc = _sums(windows, weight, layer.groups).to(torch.int64) + bias
        return requantize(acc, residual)

    return operator


def _requantization(layer: QuantizedLayer, residual_zero_point: int) -> _Operator:
    multiplier, shift = _per_channel(layer.multiplier), _per_channel(layer.shift)
    slope = multiplier if layer.slope is None else _per_channel(layer.slope)
    table = None if layer.table is None else torch.tensor(layer.table)
    # The last step of the rounding is a constant shift where a residual is added.
    early, late = (shift - RESIDUAL_FRACTION, torch.tensor(RESIDUAL_FRACTION)) if layer.residual else (None, shift)
    half = torch.bitwise_left_shift(torch.ones_like(late), late - 1)

    def requantize(acc: torch.Tensor, residual: torch.Tensor | None) -> torch.Tensor:
        scaled = acc * (multiplier if layer.slope is None else torch.where(acc < 0, slope, multiplier))
        if early is not None and residual is not None:
            scaled = torch.bitwise_right_shift(scaled, early)
            scaled = scaled + (residual - residual_zero_point) * layer.residual_multiplier
        rounded = torch.bitwise_right_shift(scaled + half, late)
        stored = torch.clamp(rounded + layer.zero_point, layer.low, layer.high)
        return stored if table is None else table[stored & 255]

    return requantize


def _require_exact(network: QuantizedNetwork, layer: QuantizedLayer) -> None:
    needed = accumulator_bits(layer.weight, layer.bias, network.formats[layer.source])
    if needed > ACC_BITS_LIMIT and not layer.maximum:
        raise CapacityError(
            f"layer {layer.name!r}: the accumulator would need {needed} bits, more than the limit of {ACC_BITS_LIMIT}"
        )


def _float_operator(layer: Layer) -> _Operator:
    def operator(x: torch.Tensor, residual: torch.Tensor | None) -> torch.Tensor:
        before = before_activation(layer, x.numpy(), None if residual is None else residual.numpy())
        return torch.from_numpy(activated(layer, before))

    return operator


# --- what comes in ----------------------------------------------------------------------------------------------------


def _checked_input(network: QuantizedNetwork, x_int: npt.ArrayLike) -> IntArray:
    values = np.asarray(x_int)
    if not np.issubdtype(values.dtype, np.integer):
        raise InputError(f"input: dtype must be integer, not {values.dtype}")
    _require_shape(values.shape, network.input_shape)
    low, high = network.input.low, network.input.high
    if values.size and (values.min() < low or values.max() > high):
        raise InputError(f"input: must lie within {low} … {high}, not {values.min()} … {values.max()}")
    return network.input_axes.to_image(values.astype(np.int64), network.shapes[INPUT])


def _require_shape(shape: tuple[int, ...], sample: tuple[int, ...]) -> None:
    if len(shape) == 0 or shape[1:] != sample:
        wanted = ", ".join(("N", *map(str, sample)))
        raise InputError(f"input: shape must be ({wanted}), not {shape}")
