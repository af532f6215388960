"""The program: everything the hardware, the simulation and the exporters need of a network. Plain integers, no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .config import ArrayConfig


@dataclass(frozen=True, kw_only=True)
class LayerInfo:
    """One layer as it is mapped to the array.

    shape : (outputs, taps) of the captured layer; a tap is one input channel at one position of the window
    kept : its weights that are not zero, as integers
    nnz : stored weights: the kept ones, without the rows that are constant or unread, plus explicit zeros
    tiles : output positions that each column works through; every weight is used once in each
    positions : output positions of all columns together, without those that only fill up a tile
    output : the tensor it writes
    channel : the channel of ``output`` that its first row becomes
    strip : rows of the output that each column computes; 0 in a flat array, where columns are samples
    rows : original numbers of the computed rows
    columns : original numbers of the stored taps, -1 for a hole
    """

    name: str
    shape: tuple[int, int]
    kept: int
    nnz: int
    tiles: int
    positions: int
    output: str
    channel: int
    strip: int
    rows: tuple[int, ...]
    columns: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"shape": list(self.shape), "rows": list(self.rows), "columns": list(self.columns)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> LayerInfo:
        outputs, taps = values["shape"]
        lists = {"shape": (outputs, taps), "rows": tuple(values["rows"]), "columns": tuple(values["columns"])}
        return cls(**{**values, **lists})


@dataclass(frozen=True, kw_only=True)
class Program:
    """A network packed for one array.

    config : sized configuration
    layers : in order of execution
    inputs : activations of one sample on the input stream
    outputs : activations of one sample on the output stream
    images : memory words by memory name, from address 0; the hardware never reads the rest of a memory
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
