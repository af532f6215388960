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
    nnz : stored weights: the kept ones, of a window across the columns those of one strip, and a zero for each row without any
    forms : for each lane, how its mask is stored: ``bitmap``, ``two-level`` or ``dense``
    stored_bits : masks, headers and weights of all lanes
    tiles : output positions that each column works through; every weight is used once in each
    positions : output positions of all columns together, without those that only fill up a tile
    output : the tensor it writes
    channel : the channel of ``output`` that its first row becomes
    strip : rows of the output that each column computes; 0 where columns are samples
    across : every column works on a part of the one window, whose weights are alike
    bundles : of the rows that are completed together, the one in each epilogue, or -1 where it has none
    columns : for each lane, the captured tap that each bit of a row stands for; -1 where the lane has no such weight
    """

    name: str
    shape: tuple[int, int]
    kept: int
    nnz: int
    forms: tuple[str, ...]
    stored_bits: int
    tiles: int
    positions: int
    output: str
    channel: int
    strip: int
    across: bool
    bundles: tuple[tuple[int, ...], ...]
    columns: tuple[tuple[int, ...], ...]

    def to_json(self) -> dict[str, Any]:
        lists = {"bundles": [list(bundle) for bundle in self.bundles], "columns": [list(taps) for taps in self.columns]}
        return asdict(self) | {"shape": list(self.shape), "forms": list(self.forms)} | lists

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> LayerInfo:
        outputs, taps = values["shape"]
        lists = {"bundles": tuple(map(tuple, values["bundles"])), "columns": tuple(map(tuple, values["columns"]))}
        return cls(**{**values, "shape": (outputs, taps), "forms": tuple(values["forms"]), **lists})


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
