"""The pointwise functions that run as tables: real in, real out. Calibration, table and tests share one definition. Torch-free."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .errors import InputError
from .graph import FloatArray


def _sigmoid(x: FloatArray) -> FloatArray:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)))


def _hard_sigmoid(x: FloatArray) -> FloatArray:
    return np.asarray(np.clip(x / 6.0 + 0.5, 0.0, 1.0))


TABLES: dict[str, Callable[[FloatArray], FloatArray]] = {
    "sigmoid": _sigmoid,
    "tanh": np.tanh,
    "hardsigmoid": _hard_sigmoid,
    "hardswish": lambda x: np.asarray(x * _hard_sigmoid(x)),
    "silu": lambda x: np.asarray(x * _sigmoid(x)),
}
"""Name → function of float64 arrays, defined as in torch.nn.functional."""


def table_function(name: str) -> Callable[[FloatArray], FloatArray]:
    """The function of that name. Raises InputError for any other name."""
    if name not in TABLES:
        raise InputError(f"pointwise function must be one of {', '.join(TABLES)}, not {name!r}")
    return TABLES[name]
