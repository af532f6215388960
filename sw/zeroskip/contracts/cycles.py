"""Cycle counts of a run. The prediction and the RTL give them in this same form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Cycles:
    """Clock cycles of one group: ``columns`` samples that are computed side by side.

    latency : from the first input beat taken to the last output beat given; the array starts idle, neither stream pauses
    interval : between two groups in steady state; neither stream pauses
    layers : per layer, from its start to the start of the next layer
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
