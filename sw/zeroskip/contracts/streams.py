"""The order of the activations on both streams: flat, or pixel by pixel with all channels of a pixel, row after row."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .graph import INPUT
from .network import IntArray, QuantizedNetwork


def to_input_stream(network: QuantizedNetwork, x: npt.NDArray[np.integer], strips: bool) -> IntArray:
    """(N, *input_shape) → (N, inputs) in the order of the input stream: (height, width, channel) where the array has strips."""
    return _to_stream(x, network.shapes[INPUT], strips)


def to_output_stream(network: QuantizedNetwork, y: npt.NDArray[np.integer], strips: bool) -> IntArray:
    """(N, *output_shape) → (N, outputs) in the order of the output stream."""
    return _to_stream(y, network.shapes[network.output_name], strips)


def from_output_stream(network: QuantizedNetwork, y: npt.NDArray[np.integer], strips: bool) -> IntArray:
    """(N, outputs) in the order of the output stream → (N, *output_shape)."""
    if strips:
        channels, height, width = network.shapes[network.output_name]
        y = y.reshape(len(y), height, width, channels).transpose(0, 3, 1, 2)
    return np.ascontiguousarray(y, dtype=np.int64).reshape(len(y), *network.output_shape)


def _to_stream(values: npt.NDArray[np.integer], shape: tuple[int, int, int], strips: bool) -> IntArray:
    values = np.asarray(values, dtype=np.int64)
    if strips:
        values = values.reshape(len(values), *shape).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(values).reshape(len(values), -1)
