"""Activations on calibration data: checked samples, and the range of every tensor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zeroskip.contracts.errors import InputError
from zeroskip.contracts.graph import INPUT, FloatArray, Graph

from .forward import forward, require_float32_range

Range = tuple[float, float]
"""Lowest and highest value."""

NOTHING_SEEN = (np.inf, -np.inf)


@dataclass(frozen=True, kw_only=True)
class Ranges:
    """The smallest and largest value seen.

    tensors : range of each tensor, by its name
    before : range of the input of a layer's table, by the name of the layer
    """

    tensors: dict[str, Range]
    before: dict[str, Range]


def checked_calibration(graph: Graph, calibration: object) -> FloatArray:
    """``calibration`` as (N, channels, height, width) float64.

    Raises InputError unless it is a real numeric array of shape (N, *input_shape), N ≥ 1, all finite.
    """
    values = np.asarray(calibration)
    if not (np.issubdtype(values.dtype, np.floating) or np.issubdtype(values.dtype, np.integer)):
        raise InputError(f"calibration: dtype must be float, not {values.dtype}")
    if values.ndim == 0 or values.shape[1:] != graph.input_shape:
        wanted = ", ".join(("N", *map(str, graph.input_shape)))
        raise InputError(f"calibration: shape must be ({wanted}), not {values.shape}")
    if len(values) == 0:
        raise InputError("calibration: must hold at least one sample, not 0")
    samples = graph.input_axes.to_image(values.astype(np.float64), graph.tensors[INPUT])
    finite = np.isfinite(samples).all(axis=(1, 2, 3))
    if not finite.all():
        raise InputError(f"calibration: must be finite, but sample {int(np.argmin(finite))} holds NaN or infinity")
    require_float32_range("calibration", samples)
    return samples


def ranges(graph: Graph, samples: FloatArray) -> Ranges:
    """The range of every tensor over ``samples``, (N, channels, height, width) as :func:`checked_calibration` returns them."""
    tensors = dict.fromkeys(graph.tensors, NOTHING_SEEN) | {INPUT: _range(samples)}
    before = {layer.name: NOTHING_SEEN for layer in graph.layers if layer.activation.table is not None}
    for step in forward(graph, samples):
        name, output = step.layer.name, step.layer.output
        tensors[output] = joined(tensors[output], _range(step.after))
        if name in before:
            before[name] = joined(before[name], _range(step.before))
    return Ranges(tensors=tensors, before=before)


def joined(first: Range, second: Range) -> Range:
    """The range that covers both."""
    return min(first[0], second[0]), max(first[1], second[1])


def _range(values: FloatArray) -> Range:
    return float(values.min()), float(values.max())
