"""Floats ↔ integers at the two ends of a network."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from zeroskip.contracts.errors import InputError
from zeroskip.contracts.graph import FloatArray
from zeroskip.contracts.network import IntArray, QuantizedNetwork


def quantize_input(network: QuantizedNetwork, x: npt.ArrayLike) -> IntArray:
    """The integers that enter the network: ``round(x / scale) + zero_point``, half to even, saturated to the input's format.

    x : (N, *input_shape) real numbers in the units of the float network; infinities saturate

    Returns (N, *input_shape) int64. Raises InputError for NaN, another shape, or a dtype that is not real.
    """
    values = np.asarray(x)
    if not (np.issubdtype(values.dtype, np.floating) or np.issubdtype(values.dtype, np.integer)):
        raise InputError(f"input: dtype must be float, not {values.dtype}")
    _require_shape("input", values.shape, network.input_shape)
    if np.isnan(values).any():
        raise InputError("input: must hold no NaN")
    tensor = network.input
    with np.errstate(over="ignore"):
        integers = np.rint(values.astype(np.float64) / tensor.scale) + tensor.zero_point
    return np.asarray(np.clip(integers, tensor.low, tensor.high), dtype=np.int64)


def dequantize(network: QuantizedNetwork, y: npt.ArrayLike) -> FloatArray:
    """The real values of the network's outputs, ``scale * (y - zero_point)``, (N, *output_shape) float64.

    Raises InputError for another shape or a dtype that is not integer.
    """
    values = np.asarray(y)
    if not np.issubdtype(values.dtype, np.integer):
        raise InputError(f"output: dtype must be integer, not {values.dtype}")
    _require_shape("output", values.shape, network.output_shape)
    tensor = network.output
    return tensor.scale * (values.astype(np.float64) - tensor.zero_point)


def _require_shape(what: str, shape: tuple[int, ...], sample: tuple[int, ...]) -> None:
    if len(shape) == 0 or shape[1:] != sample:
        wanted = ", ".join(("N", *map(str, sample)))
        raise InputError(f"{what}: shape must be ({wanted}), not {shape}")
