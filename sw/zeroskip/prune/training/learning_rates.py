"""Learning rates that change while a model trains: factors on the rate by the progress of the training."""

from __future__ import annotations

import math
from collections.abc import Callable

from zeroskip.contracts.errors import InputError

Rate = Callable[[float], float]
"""Progress of all steps, 0 before the first to below 1 before the last → factor on the optimizer's learning rate, 0 or more."""


def constant(progress: float) -> float:
    """1 throughout."""
    return 1.0


def cosine(progress: float) -> float:
    """From 1 down to 0 along half a cosine (Loshchilov & Hutter, *SGDR*, ICLR 2017, without restarts)."""
    return 0.5 * (1.0 + math.cos(math.pi * progress))


def warm_up(rate: Rate, share: float) -> Rate:
    """Rise evenly from 0 during the first ``share`` of the steps, 0 up to below 1. Then ``rate`` runs through in the other steps.

    Raises InputError for another share.
    """
    if not isinstance(share, (int, float)) or not 0 <= share < 1:
        raise InputError(f"share of the warm-up must be a number from 0 to below 1, not {share!r}")

    def warmed(progress: float) -> float:
        return progress / share if progress < share else rate((progress - share) / (1 - share))

    return warmed


def factor(rate: Rate, progress: float) -> float:
    """``rate(progress)``. It is refused unless it is a finite number of 0 or more."""
    value = rate(progress)
    if not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
        raise InputError(f"rate must return a finite number of 0 or more, not {value!r} at progress {progress:.3f}")
    return float(value)
