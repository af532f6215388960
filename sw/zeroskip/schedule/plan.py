"""What the schedule decides of one network on one array: who works on which weights, and where activations lie. Common to all arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.network import IntArray

from .split import LaneRun

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Pass:
    """One write of a result or input element; see the words of :mod:`zeroskip.contracts.layout`. ``value`` only where ``constant``."""

    base: int
    mask: int
    turn: int = 0
    constant: bool = False
    value: int = 0


@dataclass(frozen=True, kw_only=True)
class Band:
    """One row of tiles or of input pixels: the writes of its first, middle and last element; none of the lists is empty.

    width : elements in the row
    residual : what the residual's address moves by to this band
    """

    width: int
    first: tuple[Pass, ...]
    middle: tuple[Pass, ...]
    last: tuple[Pass, ...]
    residual: int = 0

    @property
    def counts(self) -> list[int]:
        """Writes of each element of the band."""
        inner = [len(self.middle)] * (self.width - 2)
        return [len(self.first), *inner, len(self.last)] if self.width > 1 else [len(self.first)]


ONE_TILE = (Band(width=1, first=(Pass(base=0, mask=1),), middle=(), last=()),)


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerPlan:
    """One layer on the array.

    shape : (outputs, taps) of the captured weight; kept : its nonzero entries
    output, channel, strip, positions : as in :class:`~zeroskip.contracts.program.LayerInfo`
    weight, mask : (rows, groups · word), what is stored of it; ``mask`` marks the stored entries, explicit zeros among them
    rows : original output of each row; columns : original tap of each stored column, -1 for a hole
    bias, multiplier, shift : (rows,); slope : (rows,) or None
    places, residual_places : (rows,) address that each row adds to where its result goes, and where its residual is
    runs : one per lane
    first_row : number of its first row, counted over all layers
    first_group, groups : number of the first mask word of a row, and how many a row has
    offsets : (groups,) address of bit 0 of each of a row's mask words; with strips only
    row_step, repeat : what is added to these addresses after every ``repeat`` rows
    bands : rows of tiles
    program : the remaining fields of the program word
    """

    name: str
    shape: tuple[int, int]
    kept: int
    output: str
    channel: int = 0
    strip: int = 0
    positions: int
    weight: IntArray
    mask: npt.NDArray[np.bool_]
    rows: Indices
    columns: Indices
    bias: IntArray
    multiplier: IntArray
    shift: IntArray
    slope: IntArray | None = None
    places: IntArray
    residual_places: IntArray | None = None
    runs: tuple[LaneRun, ...]
    first_row: int
    first_group: int
    groups: int
    offsets: tuple[int, ...] = ()
    row_step: int = 0
    repeat: int = 1
    bands: tuple[Band, ...] = ONE_TILE
    program: Mapping[str, int]

    @property
    def nnz(self) -> int:
        """Stored weights."""
        return int(self.mask.sum())

    @property
    def tiles(self) -> int:
        """Output positions that each column works through."""
        return sum(band.width for band in self.bands)


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What the hidden buffer of an array with strips holds.

    tensors : addresses that each tensor takes, by name, each address an activation in every column
    peak : addresses that all of them take together, since those that do not live at once share them
    """

    tensors: Mapping[str, int]
    peak: int

    @property
    def apart(self) -> int:
        """Addresses that they would take without sharing."""
        return sum(self.tensors.values())

    def to_json(self) -> dict[str, Any]:
        return {"peak": self.peak, "apart": self.apart, "tensors": dict(self.tensors)}


@dataclass(frozen=True, kw_only=True, eq=False)
class Schedule:
    """A network on one array of sized configuration.

    inputs, outputs : activations of one sample, as streamed
    kept_inputs : flat arrays: which inputs are stored, (inputs,) bool
    input_bands : arrays with strips: rows of the input image
    input_layout : (channels, step between pixels, step between channels) of the input buffer, with strips
    tables : (256,) stored values each
    memory : with strips: what lies in the hidden buffer
    """

    config: ArrayConfig
    layers: tuple[LayerPlan, ...]
    inputs: int
    outputs: int
    kept_inputs: npt.NDArray[np.bool_] | None = None
    input_bands: tuple[Band, ...] = ()
    input_layout: tuple[int, int, int] = (0, 0, 0)
    tables: tuple[IntArray, ...] = ()
    memory: Memory | None = None
