"""The schedule of one network on an array whose lanes own channels: who works on which weights, and where activations lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zeroskip.contracts.network import IntArray

from .order import Bundle
from .views import Stored

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Tap:
    """What a bit of a row's mask stands for.

    offset : address of the operand at the first output position, for the first group of rows
    row, cell : place in the source of the same operand, in the strip's rows and the image's cells; outside both where it is padding
    """

    offset: int
    row: int
    cell: int


@dataclass(frozen=True, kw_only=True, eq=False)
class LaneShare:
    """One lane's share of a layer: the rows in which it has a weight, in the order in which all lanes work.

    rows : (n,) numbers of the rows
    mask : (n, taps) bool, True where a weight is stored
    weight : (n, taps), 0 where nothing is stored; explicit zeros besides
    """

    rows: Indices
    mask: npt.NDArray[np.bool_]
    weight: IntArray


@dataclass(frozen=True)
class Write:
    """One write of a row's results, at one address in all columns of ``mask``.

    row : stored row
    turn : columns by which results go up
    mask : bit per column that is written
    """

    row: int
    turn: int
    mask: int


@dataclass(frozen=True, kw_only=True, eq=False)
class OwnedLayer:
    """One layer.

    width : output positions in a row
    stride : rows and cells of the source between two output positions
    taps : of every row, the same in all lanes
    captured : for each lane, the captured tap of its channel that each tap stands for; -1 where the lane has no such weight
    shares : one for each lane
    group_rows : rows of a lane that read the same channels
    group_step : addresses between the channels of one group of rows and those of the next
    bundles : rows in the order in which they are completed
    bias : (rows,) what is added to a row's sum, padding that other columns add subtracted
    writes : for each row of the output that a column computes, where its results go; places are those of the tensor, or of the output
    across : the columns' sums are added up, or their largest taken, before anything else
    strip : rows of the source from one column to the next; the whole image where only the lowest column reads
    columns : columns that hold a part of the source
    edge : rows of the last one's strip that belong to the image
    padding : stored value that stands for everything outside the image
    """

    name: str
    width: int
    stride: tuple[int, int]
    taps: tuple[Tap, ...]
    captured: tuple[tuple[int, ...], ...]
    shares: tuple[LaneShare, ...]
    group_rows: int
    group_step: int
    bundles: tuple[Bundle, ...]
    bias: IntArray
    writes: tuple[tuple[Write, ...], ...]
    across: bool
    strip: int
    columns: int
    edge: int
    padding: int

    @property
    def tiles(self) -> int:
        """Output positions that each column works through."""
        return len(self.writes) * self.width

    @property
    def reach(self) -> int:
        """Columns from which the farthest neighbour's rows are read."""
        rows = [tap.row for tap in self.taps]
        return max(-(min(rows) // self.strip), (max(rows) + (len(self.writes) - 1) * self.stride[0]) // self.strip, 0)


@dataclass(frozen=True, kw_only=True, eq=False)
class OwnedPlan:
    """A network on lanes that own channels.

    tensors : all that layers read, ``INPUT`` among them
    input_writes : for each row of the input image, where it goes
    epilogues : results that may be written together, and banks of the residuals' memory
    depth : addresses of a lane's hidden memory
    copy_depth : addresses of each bank of the residuals' memory; 0 without residuals
    """

    layers: tuple[OwnedLayer, ...]
    tensors: Mapping[str, Stored]
    input_writes: tuple[tuple[Write, ...], ...]
    epilogues: int
    depth: int
    copy_depth: int
