"""Floats ↔ integers at the two ends of a network."""

from __future__ import annotations

import numpy.typing as npt

from zeroskip.contracts.ends import End
from zeroskip.contracts.graph import FloatArray
from zeroskip.contracts.network import IntArray, QuantizedNetwork


def quantize_input(network: QuantizedNetwork, x: npt.ArrayLike) -> IntArray:
    """The integers that enter the network: (N, *input_shape) floats → the same shape, as :meth:`End.quantize` says."""
    return End.input_of(network).quantize(x)


def dequantize(network: QuantizedNetwork, y: npt.ArrayLike) -> FloatArray:
    """The real values of the network's outputs: (N, *output_shape) integers → the same shape, as :meth:`End.dequantize` says."""
    return End.output_of(network).dequantize(y)
