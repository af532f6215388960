"""Functions of one number for tests, and how steep they are."""

from __future__ import annotations

import numpy as np

from zeroskip.contracts.graph import Function

SIGMOID = Function(name="sigmoid", of=lambda x: 0.5 * (1.0 + np.tanh(0.5 * x)), rising=True)
TANH = Function(name="tanh", of=np.tanh, rising=True)
HARDSIGMOID = Function(name="hardsigmoid", of=lambda x: np.clip(x / 6.0 + 0.5, 0.0, 1.0), rising=True)
HARDSWISH = Function(name="hardswish", of=lambda x: x * HARDSIGMOID(x))
SILU = Function(name="silu", of=lambda x: x * SIGMOID(x))

FUNCTIONS = (SIGMOID, TANH, HARDSIGMOID, HARDSWISH, SILU)


def steepest(function: Function) -> float:
    """A bound of the derivative, of a function that is smooth and flat or straight far from 0."""
    x = np.linspace(-100.0, 100.0, 400_001)
    return 1.01 * float(np.abs(np.diff(function(x))).max() / (x[1] - x[0]))
