"""The activation of a layer in integers: the clamp, and the table of a pointwise function."""

from __future__ import annotations

import numpy as np

from zeroskip.contracts.graph import Activation, FloatArray, Function
from zeroskip.contracts.network import IntArray
from zeroskip.contracts.tensor import QuantizedTensor

from .calibrate import Range

_ARGUMENTS = 1 << 14
"""Arguments tried over a range: 64 for each step of 8 bits."""


def clamp_ends(activation: Activation, tensor: QuantizedTensor) -> tuple[int, int]:
    """The real ends of the clip as integers, rounded half to even, within the format."""
    low, high = (
        int(np.clip(np.rint(real / tensor.scale) + tensor.zero_point, tensor.low, tensor.high))
        for real in (activation.low, activation.high)
    )
    return low, high


def telling_range(function: Function, seen: Range, after: QuantizedTensor) -> Range:
    """The part of ``seen`` in which the stored value still changes. The far ends of a sigmoid need no integers of their own."""
    arguments = np.linspace(*seen, _ARGUMENTS)
    stored = _stored(function, arguments, after)
    changes = np.flatnonzero(np.diff(stored))
    return seen if len(changes) == 0 else (float(arguments[changes[0]]), float(arguments[changes[-1] + 1]))


def lookup_table(function: Function, before: QuantizedTensor, after: QuantizedTensor) -> IntArray:
    """(256,) stored values, half to even and saturated, by the function's argument modulo 256."""
    integers = np.arange(before.low, before.high + 1)
    table = np.zeros(256, dtype=np.int64)
    table[integers % 256] = _stored(function, before.scale * (integers - before.zero_point).astype(np.float64), after)
    return table


def _stored(function: Function, arguments: FloatArray, after: QuantizedTensor) -> IntArray:
    """Where the function has no value, as a logarithm below zero, that of the nearest argument that has one."""
    values = function(arguments)
    known = np.flatnonzero(~np.isnan(values))
    if 0 < len(known) < len(values):
        middles = (known[1:] + known[:-1]) / 2
        values = values[known[np.searchsorted(middles, np.arange(len(values)))]]
    values = np.rint(values / after.scale) + after.zero_point
    return np.asarray(np.clip(values, after.low, after.high), dtype=np.int64)
