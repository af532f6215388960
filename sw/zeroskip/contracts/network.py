"""The integer network: the reference computes it, and the RTL must equal it bit for bit. Torch-free.

One layer computes, for every output channel k and output position p, on stored integers x (padding holds the zero-point of x)::

    acc = bias[k] + sum over kept taps of weight[k, tap] * x[tap at p]        or, where ``maximum``,   acc = max over taps of x
    m   = slope[k] if acc < 0 and the layer has slopes, else multiplier[k]
    r   = (acc * m + (1 << (shift[k] - 1))) >> shift[k]                                                   without a residual
    r   = (((acc * m) >> (shift[k] - 12)) + (residual - its zero-point) * residual_multiplier + 2048) >> 12     with one
    y   = clamp(zero_point + r, low, high);   where the layer has a table, the stored value is table[y modulo 256]

where ``>>`` is the arithmetic shift (floor), so that the rounding is half up. The zero-point of the layer's *input* is already inside
``bias``: it is folded in over the kept weights, so x enters as it is stored. Padding under ``maximum`` is the format's lowest value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .axes import PLAIN, Axes
from .graph import INPUT, POINTWISE, Shape, Window
from .host import HostOperator
from .tensor import QuantizedTensor

IntArray = npt.NDArray[np.int64]

MULTIPLIER_BITS = 16
"""Requantization multipliers are unsigned and below 2**16."""

RESIDUAL_FRACTION = 12
"""Fractional bits in which a residual is added; its multiplier is unsigned, below 2**16, with so many fractional bits."""

ACC_BITS_LIMIT = 40
"""The widest accumulator of the array. Up to it requantization is exact in 64-bit integers, and sums are exact in float64."""


@dataclass(frozen=True, kw_only=True, eq=False)
class QuantizedLayer:
    """One window operator in integers. Fields that are also in :class:`zeroskip.contracts.graph.Layer` mean the same.

    weight : (outputs, inputs / groups, kernel height, kernel width) int64 within ``weight_bits``; 0 where pruned; 1 where ``maximum``
    weight_scale : (outputs,) float64, per output channel
    bias : (outputs,) int64 in accumulator units, input zero-point folded in
    multiplier : (outputs,) int64, 0 … 2**16 - 1
    slope : (outputs,) int64, 0 … 2**16 - 1, the multiplier of negative sums; None without slopes
    shift : (outputs,) int64, 1 … 63; with a residual 13 … 63
    residual_multiplier : 0 … 2**16 - 1, 0 without a residual
    zero_point : -128 … 255, of the requantization's result; it is the output tensor's, unless ``maximum`` or a table follows
    low : lower end of the clamp, -128 … 255, within the format of the requantization's result
    high : upper end of the clamp, -128 … 255, within the same format
    table : (256,) int64, stored values by y modulo 256, or None
    """

    name: str
    source: str
    output: str
    channel: int = 0
    maximum: bool = False
    weight: IntArray
    weight_scale: npt.NDArray[np.float64]
    bias: IntArray
    window: Window = POINTWISE
    groups: int = 1
    multiplier: IntArray
    slope: IntArray | None = None
    shift: IntArray
    residual: str | None = None
    residual_multiplier: int = 0
    zero_point: int
    low: int
    high: int
    table: IntArray | None = None

    @property
    def outputs(self) -> int:
        """Output channels of this layer."""
        return int(self.weight.shape[0])


@dataclass(frozen=True, kw_only=True, eq=False)
class QuantizedNetwork:
    """Integer layers in an order in which every tensor is complete before it is read.

    input_shape : shape of one sample as the user has it
    output_shape : shape of one sample as the user gets it
    shapes : (channels, height, width) of every tensor by name, ``INPUT`` and ``output_name`` among them
    formats : number format of every tensor by name
    output_name : the tensor that leaves the network
    input_axes, output_axes, host : as in :class:`zeroskip.contracts.graph.Graph`
    """

    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    weight_bits: int
    shapes: Mapping[str, Shape]
    formats: Mapping[str, QuantizedTensor]
    layers: tuple[QuantizedLayer, ...]
    output_name: str
    input_axes: Axes = PLAIN
    output_axes: Axes = PLAIN
    host: tuple[HostOperator, ...] = ()

    @property
    def input(self) -> QuantizedTensor:
        """The number format of the input tensor."""
        return self.formats[INPUT]

    @property
    def output(self) -> QuantizedTensor:
        """The number format of the output tensor."""
        return self.formats[self.output_name]

    @property
    def flat(self) -> bool:
        """Whether it is a chain of fully connected layers on vectors. Unless told otherwise, columns hold samples of it."""
        chain = [INPUT, *(layer.output for layer in self.layers)]
        return all(shape[1:] == (1, 1) for shape in self.shapes.values()) and all(
            layer.source == source and layer.channel == 0 and layer.groups == 1 and not layer.maximum
            and layer.window == POINTWISE and layer.residual is None and layer.slope is None and layer.table is None
            for layer, source in zip(self.layers, chain, strict=False)
        ) and len(set(chain)) == len(chain)  # fmt: skip


def accumulator_bound(weight: IntArray, bias: IntArray, input: QuantizedTensor) -> IntArray:
    """Sum of |weight|·max|x|, plus |bias|, per row. No partial sum exceeds it, in any order and over any split into lanes.

    weight : (outputs, …) integers
    bias : (outputs,) integers
    input : number format of the layer's source

    Returns (outputs,) int64.
    """
    largest = max(-input.low, input.high)
    return np.asarray(np.abs(weight).reshape(len(weight), -1).sum(axis=1) * largest + np.abs(bias), dtype=np.int64)


def accumulator_bits(weight: IntArray, bias: IntArray, input: QuantizedTensor) -> int:
    """Width of the two's complement accumulator in which no row of the layer can overflow."""
    return int(accumulator_bound(weight, bias, input).max(initial=0)).bit_length() + 1
