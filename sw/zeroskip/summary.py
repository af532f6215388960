"""The figures of a design: weights, cycles and bits per layer, beside the same array run dense."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from zeroskip.contracts.cycles import Cycles
from zeroskip.contracts.program import Program


@dataclass(frozen=True, kw_only=True)
class LayerSummary:
    """One layer, or their total.

    weights : weights of the captured layer
    kept : weights of the captured layer that are not zero
    nnz : stored weights: the kept ones, of a window across the columns those of one strip, and a zero for each row without any
    stored_bits : masks, headers and weights of all lanes
    bound_bits : weights · H(density) + kept · weight_bits; no encoding of independent positions takes less. A total is the layers' sum
    cycles : clock cycles of one group on this array
    dense_cycles : clock cycles of one group on the same array with every weight kept
    macs : multiplications of one group: nnz · output positions (where the columns hold samples, of all of them)
    utilisation : macs ÷ (lanes · columns · cycles), the share of multiplier cycles that do useful work, 0 … 1
    """

    name: str
    weights: int
    kept: int
    nnz: int
    stored_bits: int
    bound_bits: float
    macs: int
    cycles: int
    dense_cycles: int
    utilisation: float

    @property
    def sparsity(self) -> float:
        return 1 - self.kept / self.weights

    @property
    def speed_up(self) -> float:
        return self.dense_cycles / self.cycles

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"sparsity": self.sparsity, "speed_up": self.speed_up}


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A whole design.

    dense_bits : every weight, without masks
    interval : cycles, see :class:`~zeroskip.contracts.cycles.Cycles`
    dense_interval : the same on the same array with every weight kept
    latency : cycles, as in Cycles
    """

    layers: tuple[LayerSummary, ...]
    total: LayerSummary
    dense_bits: int
    latency: int
    interval: int
    dense_interval: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"layers": [layer.to_json() for layer in self.layers], "total": self.total.to_json()}


def summarise(program: Program, cycles: Cycles, dense: Cycles) -> Summary:
    """Add up ``program``. All figures are exact; cycles are predicted."""
    multipliers, bits = program.config.lanes * program.config.columns, program.config.weight_bits
    layers = []
    for layer in program.layers:
        spent = cycles.layers[layer.name]
        weights = math.prod(layer.shape)
        layers.append(
            LayerSummary(
                name=layer.name, weights=weights, kept=layer.kept, nnz=layer.nnz, stored_bits=layer.stored_bits,
                bound_bits=weights * entropy(layer.kept / weights) + layer.kept * bits, macs=layer.nnz * layer.positions,
                cycles=spent, dense_cycles=dense.layers[layer.name], utilisation=layer.nnz * layer.positions / (multipliers * spent),
            )
        )  # fmt: skip
    weights, kept, nnz, stored, bound, macs = (
        sum(getattr(layer, name) for layer in layers)
        for name in ("weights", "kept", "nnz", "stored_bits", "bound_bits", "macs")
    )
    return Summary(
        layers=tuple(layers),
        total=LayerSummary(
            name="total", weights=weights, kept=kept, nnz=nnz, stored_bits=stored, bound_bits=bound, macs=macs,
            cycles=cycles.compute, dense_cycles=dense.compute,
            utilisation=macs / (multipliers * cycles.compute),
        ),
        dense_bits=weights * bits,
        latency=cycles.latency, interval=cycles.interval, dense_interval=dense.interval,
    )  # fmt: skip


def entropy(density: float) -> float:
    """Bits per position of a mask whose positions are kept independently: H(d) = -d·log2 d - (1-d)·log2(1-d)."""
    if density in (0.0, 1.0):
        return 0.0
    return -density * math.log2(density) - (1 - density) * math.log2(1 - density)
