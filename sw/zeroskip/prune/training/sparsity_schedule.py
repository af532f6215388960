"""A sparsity that rises while a model trains."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from zeroskip.contracts.errors import InputError
from zeroskip.prune.masks.selection import Sparsity, exact_sparsity


@dataclass(frozen=True, kw_only=True)
class Ramp:
    """``final + (initial - final) · (1 - t)³``. t runs from 0 to 1 while the progress runs from ``begin`` to ``end``.

    The sparsity rises fast at first, while there is much to spare (Zhu & Gupta, *To prune, or not to prune*, 2017).

    final : one sparsity or one per layer; layers whose final sparsity is below ``initial`` have it from the beginning
    """

    final: Sparsity
    initial: float = 0.0
    begin: float = 0.0
    end: float = 1.0

    def __post_init__(self) -> None:
        exact_sparsity(self.initial, what="initial sparsity")
        for name, value in (("begin", self.begin), ("end", self.end)):
            fraction(value, name)
        if self.begin > self.end:
            raise InputError(f"begin must not be after end, but is {self.begin} with an end of {self.end}")
        if not isinstance(self.final, Mapping) and exact_sparsity(self.final) < exact_sparsity(self.initial):
            raise InputError(f"initial sparsity must not be above the final {self.final}, but is {self.initial}")

    def at(self, progress: float) -> Sparsity:
        """The sparsity at ``progress`` of all steps, 0 … 1. From ``end`` on it is exactly the final one as given."""
        if progress >= self.end:
            return self.final
        t = (progress - self.begin) / (self.end - self.begin) if progress > self.begin else 0.0
        if isinstance(self.final, Mapping):
            return {name: self._between(share, t) for name, share in self.final.items()}
        return self._between(self.final, t)

    def _between(self, final: float, t: float) -> float:
        last = float(final)
        return last + (min(float(self.initial), last) - last) * (1 - t) ** 3


def fraction(value: float, name: str) -> float:
    """``value``. It is refused unless it is a number from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise InputError(f"{name} must be a number from 0 to 1, not {value!r}")
    return value


def step_at(share: float, steps: int) -> int:
    """The first of ``steps`` steps, counted from 0, before which ``share`` of them are done."""
    return math.ceil(share * steps)
