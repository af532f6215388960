"""The arithmetic of :mod:`zeroskip.contracts.network` in NumPy, taken from its docstring and nothing else."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from zeroskip.contracts.graph import INPUT
from zeroskip.contracts.network import RESIDUAL_FRACTION, IntArray, QuantizedLayer, QuantizedNetwork
from zeroskip.contracts.tensor import QuantizedTensor


def tensors(network: QuantizedNetwork, x: IntArray) -> dict[str, IntArray]:
    """Every tensor, (N, channels, height, width) by name, of the samples x, (N, *input_shape)."""
    values = {INPUT: x.reshape(-1, *network.shapes[INPUT])}
    for layer in network.layers:
        write(values, layer, network.shapes[layer.output], compute(layer, values, network.formats))
    return values


def write(values: dict[str, IntArray], layer: QuantizedLayer, shape: tuple[int, ...], result: IntArray) -> None:
    """Put a layer's result into its channels of its tensor."""
    whole = values.setdefault(layer.output, np.zeros((len(result), *shape), dtype=np.int64))
    whole[:, layer.channel : layer.channel + layer.outputs] = result


def compute(layer: QuantizedLayer, values: Mapping[str, IntArray], formats: Mapping[str, QuantizedTensor]) -> IntArray:
    """(N, outputs, height, width): the stored integers that one layer gives."""
    acc = accumulate(layer, values[layer.source], formats[layer.source]) + layer.bias[:, None, None]
    residual = None
    if layer.residual is not None:
        residual = residual_part(layer, values[layer.residual], formats[layer.residual])
    y = np.clip(layer.zero_point + requantize(layer, acc, residual), layer.low, layer.high)
    return y if layer.table is None else layer.table[y % 256]


def accumulate(layer: QuantizedLayer, x: IntArray, source: QuantizedTensor) -> IntArray:
    """(N, outputs, height, width): the sum or the maximum over each window, without the bias."""
    seen = _windows(layer, x, source)
    groups = np.split(seen, layer.groups, axis=1)
    weights = np.split(layer.weight, layer.groups, axis=0)
    if layer.maximum:
        found = [
            np.repeat(part.max(axis=(1, 4, 5))[:, None], len(w), axis=1)
            for part, w in zip(groups, weights, strict=True)
        ]
        return np.concatenate(found, axis=1)
    # Sums are below 2**39, so exact in float64, in which BLAS is at hand.
    sums = [
        np.tensordot(part.astype(np.float64), w.astype(np.float64), axes=((1, 4, 5), (1, 2, 3)))
        for part, w in zip(groups, weights, strict=True)
    ]
    return np.asarray(np.moveaxis(np.concatenate(sums, axis=3), 3, 1), dtype=np.int64)


def _windows(layer: QuantizedLayer, x: IntArray, source: QuantizedTensor) -> IntArray:
    """(N, channels, height, width, kernel height, kernel width): what each output position sees."""
    window = layer.window
    top, left, bottom, right = window.padding
    x = x[:, :, max(0, -top) : x.shape[2] - max(0, -bottom), max(0, -left) : x.shape[3] - max(0, -right)]
    beyond = ((0, 0), (0, 0), (max(0, top), max(0, bottom)), (max(0, left), max(0, right)))
    x = np.pad(x, beyond, constant_values=source.low if layer.maximum else source.zero_point)
    extent = tuple(d * (k - 1) + 1 for k, d in zip(window.kernel, window.dilation, strict=True))
    view = np.lib.stride_tricks.sliding_window_view(x, extent, axis=(2, 3))
    (sh, sw), (dh, dw) = window.stride, window.dilation
    return view[:, :, ::sh, ::sw, ::dh, ::dw]


def residual_part(layer: QuantizedLayer, residual: IntArray, format: QuantizedTensor) -> IntArray:
    """(N, outputs, height, width), with RESIDUAL_FRACTION fractional bits: what the residual adds."""
    return (residual - format.zero_point) * layer.residual_multiplier


def requantize(layer: QuantizedLayer, acc: IntArray, residual: IntArray | None) -> IntArray:
    """(N, outputs, height, width): what is added to the zero-point."""
    multiplier, shift = layer.multiplier[:, None, None], layer.shift[:, None, None]
    m = multiplier if layer.slope is None else np.where(acc < 0, layer.slope[:, None, None], multiplier)
    if residual is None:
        return (acc * m + (np.int64(1) << (shift - 1))) >> shift
    half = 1 << (RESIDUAL_FRACTION - 1)
    return (((acc * m) >> (shift - RESIDUAL_FRACTION)) + residual + half) >> RESIDUAL_FRACTION
