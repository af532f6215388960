"""The activation of a layer in integers: the clamp, and the table of a pointwise function."""

from __future__ import annotations

import numpy as np

from zeroskip.contracts.graph import Activation, FloatArray
from zeroskip.contracts.network import IntArray
from zeroskip.contracts.pointwise import table_function
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


def telling_range(name: str, seen: Range, after: QuantizedTensor) -> Range:
    """The part of ``seen`` in which the stored value still changes. The far ends of a sigmoid need no integers of their own."""
    arguments = np.linspace(*seen, _ARGUMENTS)
    stored = _stored(name, arguments, after)
    changes = np.flatnonzero(np.diff(stored))
    return seen if len(changes) == 0 else (float(arguments[changes[0]]), float(arguments[changes[-1] + 1]))


def lookup_table(name: str, before: QuantizedTensor, after: QuantizedTensor) -> IntArray:
    """(256,) stored values, half to even and saturated, by the function's argument modulo 256."""
    integers = np.arange(before.low, before.high + 1)
    table = np.zeros(256, dtype=np.int64)
    table[integers % 256] = _stored(name, before.scale * (integers - before.zero_point).astype(np.float64), after)
    return table


def _stored(name: str, arguments: FloatArray, after: QuantizedTensor) -> IntArray:
    values = np.rint(table_function(name)(arguments) / after.scale) + after.zero_point
    return np.asarray(np.clip(values, after.low, after.high), dtype=np.int64)
