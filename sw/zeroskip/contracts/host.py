"""What the host does with the numbers that leave the network: the operators at its end that no array computes. Torch-free."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import InputError

Numbers = npt.NDArray[Any]


def _log_softmax(values: Numbers, axis: int) -> Numbers:
    lowered = values - values.max(axis=axis, keepdims=True)
    result: Numbers = lowered - np.log(np.exp(lowered).sum(axis=axis, keepdims=True))
    return result


FUNCTIONS: Mapping[str, Callable[[Numbers, int], Numbers]] = {
    "softmax": lambda values, axis: np.exp(_log_softmax(values, axis)),
    "log_softmax": _log_softmax,
    "argmax": lambda values, axis: np.expand_dims(values.argmax(axis=axis), axis),
    "argmin": lambda values, axis: np.expand_dims(values.argmin(axis=axis), axis),
}
"""By name: from numbers and an axis to as many axes. Of equal numbers the first one counts."""


@dataclass(frozen=True, kw_only=True)
class HostOperator:
    """An operator of the host.

    name : of ``FUNCTIONS``
    axis : over which it works, of one sample
    keepdim : whether the axis stays; an argmax leaves one number of it
    """

    name: str
    axis: int
    keepdim: bool = True

    def __post_init__(self) -> None:
        if self.name not in FUNCTIONS:
            raise InputError(f"host operator {self.name!r}: must be one of {', '.join(FUNCTIONS)}")

    def __call__(self, values: Numbers) -> Numbers:
        """(N, …) → (N, …)."""
        result = FUNCTIONS[self.name](values, self.axis + 1)
        return result if self.keepdim else result.squeeze(self.axis + 1)

    def __str__(self) -> str:
        return f"{self.name} over axis {self.axis}"


def on_host(operators: Sequence[HostOperator], values: Numbers) -> Numbers:
    """(N, …) through all of them, in order."""
    for operator in operators:
        values = operator(values)
    return values
