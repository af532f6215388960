"""The order of the activations on both streams: pixel by pixel with all channels of a pixel, row after row."""

from __future__ import annotations

from math import prod

import numpy as np
import numpy.typing as npt

from .axes import Axes
from .graph import INPUT, Shape
from .network import IntArray, QuantizedNetwork


def to_input_stream(network: QuantizedNetwork, x: npt.NDArray[np.integer]) -> IntArray:
    """(N, *input_shape) → (N, inputs) in the order of the input stream: (height, width, channel)."""
    return to_stream(x, network.shapes[INPUT], network.input_axes)


def to_output_stream(network: QuantizedNetwork, y: npt.NDArray[np.integer]) -> IntArray:
    """(N, *output_shape) → (N, outputs) in the order of the output stream."""
    return to_stream(y, network.shapes[network.output_name], network.output_axes)


def from_output_stream(network: QuantizedNetwork, y: npt.NDArray[np.integer]) -> IntArray:
    """(N, outputs) in the order of the output stream → (N, *output_shape)."""
    return from_stream(y, network.shapes[network.output_name], network.output_shape, network.output_axes)


def to_stream(values: npt.NDArray[np.integer], planes: Shape, axes: Axes) -> IntArray:
    """(N, …) as the user has them, ``planes`` being (channels, height, width) of the same → (N, size) in the order of a stream."""
    images = axes.to_image(np.asarray(values, dtype=np.int64), planes).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images).reshape(len(images), prod(planes))


def from_stream(values: npt.NDArray[np.integer], planes: Shape, user: tuple[int, ...], axes: Axes) -> IntArray:
    """(N, size) in the order of a stream → (N, *user)."""
    channels, height, width = planes
    images = values.reshape(len(values), height, width, channels).transpose(0, 3, 1, 2)
    return np.ascontiguousarray(axes.from_image(images, user), dtype=np.int64)
