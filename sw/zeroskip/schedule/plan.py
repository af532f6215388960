"""The schedule of one network on one array: who works on which weights, and where activations lie. Common to all arrays."""

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
    """One write of a result or input element, see the words of :mod:`zeroskip.contracts.layout`.

    base : address, to which the place of row and tile is added
    mask : bit per column that is written
    turn : columns by which results go up
    constant : True for a write of padding
    value : the padding; counts only where ``constant``
    """

    base: int
    mask: int
    turn: int = 0
    constant: bool = False
    value: int = 0


@dataclass(frozen=True, kw_only=True)
class Band:
    """One row of tiles or of input pixels. None of its lists of writes is empty.

    width : elements in the row
    first : writes of the first element
    middle : writes of every element between the first and the last
    last : writes of the last element
    residual : step of the residual's address to this band
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

    shape : (outputs, taps) of the captured weight
    kept : nonzero entries of the captured weight
    output : as in :class:`~zeroskip.contracts.program.LayerInfo`
    channel : as in ``LayerInfo``
    strip : as in ``LayerInfo``
    positions : as in ``LayerInfo``
    weight : (rows, groups · word), the stored weights
    mask : (rows, groups · word) bool, True where an entry is stored, explicit zeros included
    rows : original output of each row
    columns : original tap of each stored column, -1 for a hole
    bias : (rows,)
    multiplier : (rows,)
    shift : (rows,)
    slope : (rows,), or None
    places : (rows,) address that each row adds to the place of its result
    residual_places : (rows,) address that each row adds to the place of its residual
    runs : one per lane
    first_row : number of its first row, counted over all layers
    first_group : number of the first mask word of a row
    groups : mask words of a row
    offsets : (groups,) address of bit 0 of each of a row's mask words; with strips only
    row_step : added to the addresses of ``offsets`` after every ``repeat`` rows
    repeat : rows between two such steps
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
    """The contents of the hidden buffer, on an array with strips.

    tensors : addresses of each tensor, by name; one address is an activation in every column
    peak : addresses of all tensors together; tensors that do not live at the same time share addresses
    """

    tensors: Mapping[str, int]
    peak: int

    @property
    def apart(self) -> int:
        """Addresses that the tensors would take without sharing."""
        return sum(self.tensors.values())

    def to_json(self) -> dict[str, Any]:
        return {"peak": self.peak, "apart": self.apart, "tensors": dict(self.tensors)}


@dataclass(frozen=True, kw_only=True, eq=False)
class Schedule:
    """A network on one array of sized configuration.

    inputs : activations of one sample on the input stream
    outputs : activations of one sample on the output stream
    kept_inputs : (inputs,) bool, True where an input is stored; flat arrays only
    input_bands : rows of the input image; arrays with strips only
    input_layout : (channels, step between pixels, step between channels) of the input buffer, with strips
    tables : (256,) stored values each
    memory : contents of the hidden buffer; arrays with strips only
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
