"""Number formats of the activations, from the values they take on calibration data."""

from __future__ import annotations

import math

import numpy as np

from zeroskip.spec.errors import InputError
from zeroskip.spec.graph import FloatArray, Graph, LinearLayer
from zeroskip.spec.network import QuantizedTensor

SMALLEST_SCALE = 2.0**-126
"""The smallest normal float32. A tensor or weight row that needs a smaller scale is taken for zero."""

LARGEST = float(np.finfo(np.float32).max)

_BATCH = 4096


def checked_calibration(graph: Graph, calibration: object) -> FloatArray:
    """``calibration`` as (N, inputs) float64.

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
    flat = values.reshape(len(values), math.prod(graph.input_shape)).astype(np.float64)
    if not np.isfinite(flat).all():
        raise InputError(f"calibration: must be finite, but sample {_first_bad(flat)} holds NaN or infinity")
    require_float32_range("calibration", flat)
    return flat


def require_float32_range(what: str, values: FloatArray) -> None:
    """Raises InputError for a value that float32 cannot hold: beyond it, products of scales could leave float64."""
    if not (np.abs(values) <= LARGEST).all():
        raise InputError(f"{what}: must stay within ±{LARGEST:.4g}, the range of float32")


def activation_formats(graph: Graph, samples: FloatArray, bits: int) -> list[QuantizedTensor]:
    """The format of the network's input, then of every layer's output, by the smallest and largest value seen (min/max).

    samples : (N, inputs) float64, as :func:`checked_calibration` returns them
    """
    seen = [(np.inf, -np.inf)] * (len(graph.layers) + 1)
    for start in range(0, len(samples), _BATCH):
        values = samples[start : start + _BATCH]
        seen[0] = _widen(seen[0], values)
        for index, layer in enumerate(graph.layers, start=1):
            values = _forward(layer, values)
            seen[index] = _widen(seen[index], values)
    return [tensor_format(low, high, bits) for low, high in seen]


def tensor_format(low: float, high: float, bits: int) -> QuantizedTensor:
    """The format that covers low … high and zero: unsigned where low ≥ 0, else signed with a zero-point.

    Zero is always exactly representable. A tensor that is always zero gets scale 1.
    Scheme: Nagel et al., "A White Paper on Neural Network Quantization", 2021, section 2.2.1.
    """
    signed = low < 0
    low, high = min(low, 0.0), max(high, 0.0)
    steps = (1 << bits) - 1
    scale = high / steps - low / steps
    if scale < SMALLEST_SCALE:
        return QuantizedTensor(scale=1.0, zero_point=0, signed=signed, bits=bits)
    if not signed:
        return QuantizedTensor(scale=scale, zero_point=0, signed=False, bits=bits)
    lowest = -(1 << (bits - 1))
    zero_point = int(np.clip(lowest - np.rint(low / scale), lowest, lowest + steps))
    return QuantizedTensor(scale=scale, zero_point=zero_point, signed=True, bits=bits)


def _forward(layer: LinearLayer, values: FloatArray) -> FloatArray:
    with np.errstate(all="ignore"):
        result = values @ layer.weight.T + layer.bias
    require_float32_range(f"layer {layer.name!r}: outputs on the calibration data", result)
    return np.maximum(result, 0.0) if layer.relu else result


def _widen(seen: tuple[float, float], values: FloatArray) -> tuple[float, float]:
    return min(seen[0], float(values.min())), max(seen[1], float(values.max()))


def _first_bad(flat: FloatArray) -> int:
    return int(np.argmin(np.isfinite(flat).all(axis=1)))
