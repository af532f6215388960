"""How wide the accumulator must be: a bound that holds for every input and every order of summation."""

from __future__ import annotations

import numpy as np

from zeroskip.spec.network import IntArray, QuantizedLinear, QuantizedNetwork

ACC_BITS_LIMIT = 40
"""The widest accumulator of the array, in bits; requantization is exact in 64-bit integers up to it."""


def accumulator_bound(layer: QuantizedLinear) -> IntArray:
    """Σ|weight|·max|x| + |bias| of every row, (outputs,): no partial sum, in any order or split over lanes, exceeds it."""
    largest_input = max(-layer.input.low, layer.input.high)
    return np.asarray(np.abs(layer.weight).sum(axis=1) * largest_input + np.abs(layer.bias), dtype=np.int64)


def accumulator_bits(network: QuantizedNetwork) -> int:
    """Bits of the two's complement accumulator in which no layer of ``network`` can overflow."""
    return max(layer_accumulator_bits(layer) for layer in network.layers)


def layer_accumulator_bits(layer: QuantizedLinear) -> int:
    """The same for one layer."""
    return int(accumulator_bound(layer).max(initial=0)).bit_length() + 1
