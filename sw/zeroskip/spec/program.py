"""The program: everything the hardware, the simulation and the exporters need of a network. Plain integers, no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .config import ArrayConfig


@dataclass(frozen=True, kw_only=True)
class LayerInfo:
    """One layer as placed.

    shape : (outputs, inputs) of the captured layer
    kept : its weights that are not zero, as integers
    nnz : stored weights: those kept, less the rows that are constant or unread, plus explicit zeros
    rows : original numbers of the computed rows
    columns : original numbers of the stored columns, -1 for a hole
    """

    name: str
    shape: tuple[int, int]
    kept: int
    nnz: int
    rows: tuple[int, ...]
    columns: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name, "shape": list(self.shape), "kept": self.kept, "nnz": self.nnz,
            "rows": list(self.rows), "columns": list(self.columns),
        }  # fmt: skip

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> LayerInfo:
        outputs, inputs = values["shape"]
        return cls(
            name=values["name"], shape=(outputs, inputs), kept=values["kept"], nnz=values["nnz"],
            rows=tuple(values["rows"]), columns=tuple(values["columns"]),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Program:
    """A network packed for one array.

    config : sized configuration
    layers : in order of execution
    inputs, outputs : activations of one sample on the streams
    images : memory words by memory name, from address 0; the rest of a memory is never read
    """

    config: ArrayConfig
    layers: tuple[LayerInfo, ...]
    inputs: int
    outputs: int
    images: Mapping[str, tuple[int, ...]]

    @property
    def input_beats(self) -> int:
        """Beats of one input sample."""
        return -(-self.inputs // self.config.stream_elements)

    @property
    def output_beats(self) -> int:
        """Beats of one output sample."""
        return -(-self.outputs // self.config.stream_elements)
