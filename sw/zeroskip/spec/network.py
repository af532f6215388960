"""The integer network: what the reference computes, and what the RTL must equal bit for bit. Torch-free.

One layer computes, for every output row r, on integer activations x::

    acc[r] = bias[r] + sum over kept c of weight[r, c] * x[c]
    y[r]   = clamp(zero_point + ((acc[r] * multiplier[r] + (1 << (shift[r] - 1))) >> shift[r]), low, high)

where ``>>`` is the arithmetic shift (floor), so that the rounding is half up. The zero-point of the layer's *input* is already inside
``bias``: it was folded there over the kept weights, so x enters as it is stored.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]

MULTIPLIER_BITS = 16
"""Requantization multipliers are unsigned and below 2**16."""


ACC_BITS_LIMIT = 40
"""The widest accumulator of the array. Up to it requantization is exact in 64-bit integers, and sums are exact in float64."""


@dataclass(frozen=True, kw_only=True)
class QuantizedTensor:
    """An activation's number format: ``real = scale * (integer - zero_point)``.

    scale : float, above zero
    zero_point : int; 0 for an unsigned tensor
    signed : two's complement when True, else unsigned
    bits : width of the integer
    """

    scale: float
    zero_point: int
    signed: bool
    bits: int = 8

    @property
    def low(self) -> int:
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        return (1 << (self.bits - 1)) - 1 if self.signed else (1 << self.bits) - 1


@dataclass(frozen=True, kw_only=True, eq=False)
class QuantizedLinear:
    """One fully connected layer in integers.

    name : the captured layer's name
    weight : (outputs, inputs) int64 within ``weight_bits``; a pruned weight is 0
    weight_scale : (outputs,) float64, per output channel
    bias : (outputs,) int64 in accumulator units, input zero-point folded in
    multiplier : (outputs,) int64, 0 … 2**16 - 1
    shift : (outputs,) int64, 1 … 63
    input, output : the formats of the activations on either side
    low, high : the clamp, within the output's format; ReLU is ``low = zero_point``
    """

    name: str
    weight: IntArray
    weight_scale: npt.NDArray[np.float64]
    bias: IntArray
    multiplier: IntArray
    shift: IntArray
    input: QuantizedTensor
    output: QuantizedTensor
    low: int
    high: int


@dataclass(frozen=True, kw_only=True, eq=False)
class QuantizedNetwork:
    """A chain of integer layers, with the shapes of one sample at either end."""

    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    weight_bits: int
    layers: tuple[QuantizedLinear, ...]

    @property
    def input(self) -> QuantizedTensor:
        return self.layers[0].input

    @property
    def output(self) -> QuantizedTensor:
        return self.layers[-1].output


def accumulator_bound(weight: IntArray, bias: IntArray, input: QuantizedTensor) -> IntArray:
    """Sum of |weight|·max|x|, plus |bias|, per row: no partial sum exceeds it, in whatever order or split over lanes.

    weight : (outputs, inputs); bias : (outputs,); the result is (outputs,) int64
    """
    largest = max(-input.low, input.high)
    return np.asarray(np.abs(weight).sum(axis=1) * largest + np.abs(bias), dtype=np.int64)


def accumulator_bits(weight: IntArray, bias: IntArray, input: QuantizedTensor) -> int:
    """Width of the two's complement accumulator in which no row of the layer can overflow."""
    return int(accumulator_bound(weight, bias, input).max(initial=0)).bit_length() + 1
