"""The buffers of an array with strips, filled as a plan's lists of writes say: addresses and columns only, no cycles and no sums.

Activations are bytes; cells that nothing has written, and results below the image, hold values that no byte has.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from zeroskip.contracts.network import IntArray, QuantizedLayer, QuantizedNetwork
from zeroskip.schedule import Band, LayerPlan, Pass, Schedule

UNWRITTEN = -1
BELOW = 256

Values = npt.NDArray[np.integer]


class Buffer:
    """(columns, depth) cells.

    count : writes of each cell since it was last cleared
    order : number of the row, counted through the layer's tiles, that wrote each cell last; -1 where none did
    """

    def __init__(self, columns: int, depth: int) -> None:
        self.cells = np.full((columns, depth), UNWRITTEN)
        self.count, self.order = np.zeros_like(self.cells), np.full_like(self.cells, -1)

    def clear(self) -> None:
        self.count[:], self.order[:] = 0, -1

    def write(self, entry: Pass, places: Values, results: Values, number: int) -> None:
        """``results`` (columns, rows) to ``entry.base + places``; row i is number ``number`` + i."""
        columns, depth = self.cells.shape
        addresses = entry.base + places
        assert addresses.min() >= 0
        assert addresses.max() < depth
        for column in range(columns):
            if entry.mask >> column & 1:
                self.cells[column, addresses] = (
                    entry.value if entry.constant else results[(column - entry.turn) % columns]
                )
                np.add.at(self.count[column], addresses, 1)
                self.order[column, addresses] = number + np.arange(len(places))

    def read(self, addresses: Values) -> Values:
        """(columns, *addresses.shape); UNWRITTEN beyond the buffer."""
        inside = (addresses >= 0) & (addresses < self.cells.shape[1])
        return np.where(inside, self.cells[:, np.where(inside, addresses, 0)], UNWRITTEN)


class Array:
    """The buffers of a plan's array."""

    def __init__(self, plan: Schedule) -> None:
        c = plan.config
        self.plan, self.columns = plan, c.columns
        self.input, self.hidden, self.output = (
            Buffer(c.columns, depth) for depth in (c.input_depth, c.hidden_depth, c.output_depth)
        )

    def source(self, layer: LayerPlan) -> Buffer:
        return self.input if layer.program["from_input"] else self.hidden

    def target(self, layer: LayerPlan) -> Buffer:
        return self.output if layer.program["to_output"] else self.hidden

    def load(self, image: IntArray) -> None:
        """``image`` (channels, height, width) through the input's lists."""
        channels, x_step, channel_step = self.plan.input_layout
        assert (channels, len(self.plan.input_bands), self.plan.input_bands[0].width) == image.shape
        for y, band in enumerate(self.plan.input_bands):
            for x in range(band.width):
                for entry in listed(band, x):
                    assert entry.turn == 0
                    same = np.broadcast_to(image[:, y, x], (self.columns, channels))
                    self.input.write(entry, x * x_step + np.arange(channels) * channel_step, same, 0)

    def store(self, layer: LayerPlan, band: int, x: int, results: Values, number: int) -> None:
        """The results of one tile, (columns, rows)."""
        for entry in listed(layer.bands[band], x):
            if entry.constant:
                assert entry.value == layer.program["padding"]
            places = layer.places + x * layer.program["write_step"]
            self.target(layer).write(entry, places, results, number)

    def operands(self, layer: LayerPlan, band: int, x: int) -> Values:
        """(columns, rows, taps): what each row can read at one tile, in the order of the stored taps."""
        word = layer.mask.shape[1] // layer.groups
        stored = np.flatnonzero(layer.columns >= 0)
        own = np.array(layer.offsets)[stored // word] + stored % word
        rows = np.arange(len(layer.rows)) // layer.repeat * layer.row_step
        tile = band * layer.program["y_step"] + x * layer.program["x_step"]
        return self.source(layer).read(own + rows[:, None] + tile)

    def residual_addresses(self, layer: LayerPlan, band: int, x: int) -> Values:
        """(rows,)."""
        assert layer.residual_places is not None
        return layer.residual_places + layer.bands[band].residual + x * layer.program["residual_step"]


def listed(band: Band, x: int) -> tuple[Pass, ...]:
    return band.first if x == 0 else band.last if x == band.width - 1 else band.middle


def rows_of_columns(layer: LayerPlan, band: int, columns: int, height: int) -> list[tuple[int, int]]:
    """(column, row of the image) that each column computes in that band, where there is one."""
    rows = [(column, column * layer.strip + band) for column in range(columns)]
    return [(column, y) for column, y in rows if y < height]


def seen(network: QuantizedNetwork, layer: QuantizedLayer, image: IntArray) -> IntArray:
    """(height, width, outputs, taps) bytes: what each output of each position sees of ``image`` (channels, height, width) of bytes.

    Taps are in the order of the layer's weight. Taken from the meaning of a window, position by position and tap by tap.
    """
    window, (outputs, share, high, wide) = layer.window, layer.weight.shape
    format = network.formats[layer.source]
    outside = (format.low if layer.maximum else format.zero_point) & 0xFF
    _, height, width = image.shape
    size = network.shapes[layer.output][1:]
    result = np.full((*size, layer.groups, share, high, wide), outside)
    for y, x, i, j in np.ndindex(*size, high, wide):
        row = y * window.stride[0] - window.padding[0] + i * window.dilation[0]
        cell = x * window.stride[1] - window.padding[1] + j * window.dilation[1]
        if 0 <= row < height and 0 <= cell < width:
            result[y, x, :, :, i, j] = image[:, row, cell].reshape(layer.groups, share)
    return np.repeat(result, outputs // layer.groups, axis=2).reshape(*size, outputs, -1)
