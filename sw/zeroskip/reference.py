"""The masked integer reference, run by PyTorch: what the RTL must equal bit for bit. And the masked float network beside it."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch

from zeroskip.spec.errors import CapacityError, InputError
from zeroskip.spec.graph import FloatArray, Graph
from zeroskip.spec.network import ACC_BITS_LIMIT, IntArray, QuantizedLinear, QuantizedNetwork, accumulator_bits


def run(network: QuantizedNetwork, x_int: npt.ArrayLike, *, batch: int = 1024) -> IntArray:
    """The network's integer outputs, (N, *output_shape) int64, with the semantics of :mod:`zeroskip.spec.network`.

    x_int : (N, *input_shape) integers within the input's format, as ``quantize_input`` returns them
    batch : samples computed at once; changes the memory used, never the result

    Raises InputError for another shape, dtype or range, CapacityError for a layer whose accumulator may exceed 40 bits.
    """
    if batch < 1:
        raise InputError(f"batch must be at least 1, not {batch!r}")
    return _activations(network, x_int, batch)[-1].reshape(-1, *network.output_shape)


def run_layers(network: QuantizedNetwork, x_int: npt.ArrayLike) -> list[IntArray]:
    """Every layer's integer output, (N, outputs) int64 each, first layer first: shows which layer departs. Raises as :func:`run`."""
    return _activations(network, x_int, 1024)


def run_float(graph: Graph, x: npt.ArrayLike) -> FloatArray:
    """The masked float network in float64, (N, *output_shape). Raises InputError unless x has shape (N, *input_shape)."""
    samples = np.asarray(x, dtype=np.float64)
    _require_shape(samples.shape, graph.input_shape)
    values = torch.from_numpy(samples.reshape(len(samples), math.prod(graph.input_shape)).copy())
    for layer in graph.layers:
        weight = torch.from_numpy(np.where(layer.mask, layer.weight, 0.0))
        values = torch.nn.functional.linear(values, weight, torch.tensor(layer.bias))
        if layer.relu:
            values = torch.relu(values)
    return np.asarray(values.numpy()).reshape(-1, *graph.output_shape)


def _activations(network: QuantizedNetwork, x_int: npt.ArrayLike, batch: int) -> list[IntArray]:
    integers = _checked_input(network, x_int)
    layers = [_Layer(layer) for layer in network.layers]
    results = [torch.empty((len(integers), layer.outputs), dtype=torch.int64) for layer in layers]
    for start in range(0, len(integers), batch):
        values = torch.from_numpy(integers[start : start + batch].copy())
        for layer, result in zip(layers, results, strict=True):
            values = layer(values)
            result[start : start + batch] = values
    return [np.asarray(result.numpy()) for result in results]


class _Layer:
    """One integer layer as torch tensors."""

    def __init__(self, layer: QuantizedLinear) -> None:
        _require_exact(layer)
        self.outputs = len(layer.weight)
        self._transposed = torch.tensor(layer.weight.T, dtype=torch.float64)
        self._bias = torch.tensor(layer.bias)
        self._multiplier = torch.tensor(layer.multiplier)
        self._shift = torch.tensor(layer.shift)
        self._zero_point, self._low, self._high = layer.output.zero_point, layer.low, layer.high

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        acc = (x.to(torch.float64) @ self._transposed).to(torch.int64) + self._bias
        half = torch.bitwise_left_shift(torch.ones_like(self._shift), self._shift - 1)
        scaled = torch.bitwise_right_shift(acc * self._multiplier + half, self._shift)
        return torch.clamp(scaled + self._zero_point, self._low, self._high)


def _require_exact(layer: QuantizedLinear) -> None:
    needed = accumulator_bits(layer.weight, layer.bias, layer.input)
    if needed > ACC_BITS_LIMIT:
        raise CapacityError(
            f"layer {layer.name!r}: the accumulator would need {needed} bits, more than the limit of {ACC_BITS_LIMIT}"
        )


def _checked_input(network: QuantizedNetwork, x_int: npt.ArrayLike) -> IntArray:
    values = np.asarray(x_int)
    if not np.issubdtype(values.dtype, np.integer):
        raise InputError(f"input: dtype must be integer, not {values.dtype}")
    _require_shape(values.shape, network.input_shape)
    low, high = network.input.low, network.input.high
    if values.size and (values.min() < low or values.max() > high):
        raise InputError(f"input: must lie within {low} … {high}, not {values.min()} … {values.max()}")
    return values.reshape(len(values), math.prod(network.input_shape)).astype(np.int64)


def _require_shape(shape: tuple[int, ...], sample: tuple[int, ...]) -> None:
    if len(shape) == 0 or shape[1:] != sample:
        wanted = ", ".join(("N", *map(str, sample)))
        raise InputError(f"input: shape must be ({wanted}), not {shape}")
