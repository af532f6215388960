"""Cycle counts of a run, in the form in which they are predicted and in which the RTL counts them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Cycles:
    """Clock cycles for one group, that is for ``columns`` samples computed side by side.

    latency : from the first input beat taken to the last output beat given, in an idle array with no pause on either stream
    interval : between two groups in steady state, with no pause on either stream
    layers : per layer, from its start to the next layer's
    """

    latency: int
    interval: int
    layers: Mapping[str, int]

    @property
    def compute(self) -> int:
        """Cycles from the start of the first layer to the end of the last."""
        return sum(self.layers.values())

    def to_json(self) -> dict[str, Any]:
        return {"latency": self.latency, "interval": self.interval, "layers": dict(self.layers)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Cycles:
        return cls(latency=values["latency"], interval=values["interval"], layers=dict(values["layers"]))
