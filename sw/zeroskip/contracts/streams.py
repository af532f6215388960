"""The order of the activations on both streams: pixel by pixel with all channels of a pixel, row after row."""

from __future__ import annotations

from math import prod

import numpy as np
import numpy.typing as npt

from .graph import INPUT, Shape
from .network import IntArray, QuantizedNetwork


def to_input_stream(network: QuantizedNetwork, x: npt.NDArray[np.integer]) -> IntArray:
    """(N, *input_shape) → (N, inputs) in the order of the input stream: (height, width, channel)."""
    return to_stream(x, network.shapes[INPUT])


def to_output_stream(network: QuantizedNetwork, y: npt.NDArray[np.integer]) -> IntArray:
    """(N, *output_shape) → (N, outputs) in the order of the output stream."""
    return to_stream(y, network.shapes[network.output_name])


def from_output_stream(network: QuantizedNetwork, y: npt.NDArray[np.integer]) -> IntArray:
    """(N, outputs) in the order of the output stream → (N, *output_shape)."""
    return from_stream(y, network.shapes[network.output_name]).reshape(len(y), *network.output_shape)


def to_stream(values: npt.NDArray[np.integer], planes: Shape) -> IntArray:
    """(N, …) with ``planes``, (channels, height, width), in C order → (N, size) in the order of a stream."""
    values = np.asarray(values, dtype=np.int64)
    values = values.reshape(len(values), *planes).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(values).reshape(len(values), prod(planes))


def from_stream(values: npt.NDArray[np.integer], planes: Shape) -> IntArray:
    """(N, size) in the order of a stream → (N, channels, height, width)."""
    channels, height, width = planes
    values = values.reshape(len(values), height, width, channels).transpose(0, 3, 1, 2)
    return np.ascontiguousarray(values, dtype=np.int64).reshape(len(values), *planes)
