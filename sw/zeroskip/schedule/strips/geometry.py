"""Strips: how the columns share the rows of every image, and how each tensor is stored so that all columns read alike.

A layer's output is cut into horizontal strips of ``rows`` rows, one per column. Of every tensor, column c holds the rows that its strip
of the readers needs, with overlaps and padding. They are always at the same addresses: column c stores image row
``c · advance - top + r`` as its row r. So one address serves all columns at any stride. The cost arises where results are written.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zeroskip.contracts.graph import Shape
from zeroskip.contracts.network import QuantizedLayer, QuantizedNetwork


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """One tensor in the buffers. ``rows`` and ``cells`` count what each column stores of an image's height and width.

    advance : image rows from one column's strip to the next
    top : stored rows above the strip's first row
    left : stored cells left of the image
    planar : True: channel by channel; False: pixel by pixel, all channels of a pixel together
    needed : (columns, rows, cells) bool, True where some reader reads
    base : address of the first element
    """

    shape: Shape
    advance: int
    top: int
    left: int
    rows: int
    cells: int
    planar: bool
    needed: npt.NDArray[np.bool_]
    base: int = 0

    @property
    def x_step(self) -> int:
        """Addresses between neighbouring cells."""
        return 1 if self.planar else self.shape[0]

    @property
    def y_step(self) -> int:
        """Addresses between neighbouring rows."""
        return self.cells * self.x_step

    @property
    def channel_step(self) -> int:
        """Addresses between neighbouring channels."""
        return self.rows * self.cells if self.planar else 1

    @property
    def size(self) -> int:
        """Addresses that the tensor takes."""
        return self.rows * self.cells * self.shape[0]

    def address(self, channel: int, row: int, cell: int) -> int:
        """Address of one element, in stored rows and cells."""
        return self.base + channel * self.channel_step + row * self.y_step + cell * self.x_step

    def image_row(self, column: int, row: int) -> int:
        """The image row that ``column`` stores as its ``row``. Outside the image it is padding."""
        return column * self.advance - self.top + row


def strip_rows(network: QuantizedNetwork, columns: int) -> tuple[dict[str, int], dict[str, int]]:
    """Rows of each layer's strips, by layer name, and the advance of each tensor, by tensor name.

    All readers of a tensor must agree on its advance. A strip of ``rows`` at a stride advances by their product, a residual by ``rows``. A
    layer that fits one strip agrees with everything. Strips start as small as possible and grow until all agree. A layer's strips also
    match the advance of the tensor it writes, where that costs at most half as much again: then all columns write in step.
    """
    heights = {layer.name: network.shapes[layer.output][1] for layer in network.layers}
    rows = {name: -(-height // columns) for name, height in heights.items()}
    advance = _agree(network, heights, rows)
    for layer in reversed(network.layers):
        wanted = advance.get(layer.output, 0)
        least = -(-heights[layer.name] // columns)
        if least < wanted <= least * 3 // 2 and layer.output != network.output_name:
            rows[layer.name] = max(rows[layer.name], min(wanted, heights[layer.name]))
            advance = _agree(network, heights, rows)
    return rows, advance


def _agree(network: QuantizedNetwork, heights: Mapping[str, int], rows: dict[str, int]) -> dict[str, int]:
    """Raises ``rows`` in place. Returns the advances, 0 where a tensor is wanted in one column only."""
    advance: dict[str, int] = {}
    while True:
        before = dict(rows)
        for tensor in network.shapes:
            strides = [
                (layer.name, stride)
                for layer in network.layers
                for name, stride in ((layer.source, layer.window.stride[0]), (layer.residual, 1))
                if name == tensor and rows[layer.name] < heights[layer.name]
            ]
            least = max((rows[name] * stride for name, stride in strides), default=0)
            common = math.lcm(*(stride for _, stride in strides)) if strides else 1
            advance[tensor] = -(-least // common) * common
            for name, stride in strides:
                rows[name] = min(max(rows[name], advance[tensor] // stride), heights[name])
        if rows == before:
            return advance


def views(
    network: QuantizedNetwork, columns: int, rows: Mapping[str, int], advance: Mapping[str, int]
) -> dict[str, View]:
    """How each tensor except the output is stored, without base addresses."""
    return {
        tensor: _view(network, tensor, columns, rows, advance[tensor])
        for tensor in network.shapes
        if tensor != network.output_name
    }


def _view(network: QuantizedNetwork, tensor: str, columns: int, rows: Mapping[str, int], advance: int) -> View:
    shape = channels, height, width = network.shapes[tensor]
    readers = [layer for layer in network.layers if layer.source == tensor]
    adders = [layer for layer in network.layers if layer.residual == tensor]
    top = max((0, *(layer.window.padding[0] for layer in readers)))
    left = max((0, *(layer.window.padding[1] for layer in readers)))
    reads = [
        (*network.shapes[layer.output][1:], rows[layer.name], *_taps(layer, top, left)) for layer in readers
    ] + [(height, width, rows[layer.name], (1, 1), [top], [left]) for layer in adders]  # fmt: skip
    deepest = max((strip - 1) * stride[0] + max(ys) + 1 for _, _, strip, stride, ys, _ in reads)
    widest = max(left + width, *((across - 1) * stride[1] + max(xs) + 1 for _, across, _, stride, _, xs in reads))
    needed = np.zeros((columns, deepest, widest), dtype=np.bool_)
    for high, across, strip, stride, ys, xs in reads:
        cells = np.unique(np.add.outer(np.arange(across) * stride[1], xs))
        for column in range(-(-high // strip)):
            here = min(strip, high - column * strip)
            needed[column][np.ix_(np.unique(np.add.outer(np.arange(here) * stride[0], ys)), cells)] = True
    depthwise = bool(readers) and all(layer.groups == channels for layer in readers)
    return View(
        shape=shape, advance=advance, top=top, left=left, rows=deepest, cells=widest, planar=depthwise and channels > 1, needed=needed
    )  # fmt: skip


def _taps(layer: QuantizedLayer, top: int, left: int) -> tuple[tuple[int, int], list[int], list[int]]:
    """(stride, stored rows, stored cells) of the taps at the first output position."""
    window = layer.window
    ys = [i * window.dilation[0] - window.padding[0] + top for i in range(window.kernel[0])]
    xs = [i * window.dilation[1] - window.padding[1] + left for i in range(window.kernel[1])]
    return window.stride, ys, xs


def padded(network: QuantizedNetwork, tensor: str) -> int:
    """The value of the stored cells outside the image: the zero-point, or the lowest value where maxima read them."""
    value = network.formats[tensor]
    lowest = any(layer.maximum for layer in network.layers if layer.source == tensor and pads(network, layer))
    return (value.low if lowest else value.zero_point) & 0xFF


def pads(network: QuantizedNetwork, layer: QuantizedLayer) -> bool:
    """Whether the layer's windows reach beyond the image."""
    _, height, width = network.shapes[layer.source]
    _, high, across = network.shapes[layer.output]
    stride, ys, xs = _taps(layer, 0, 0)
    return (
        min(ys) < 0 or min(xs) < 0 or (high - 1) * stride[0] + max(ys) >= height or (across - 1) * stride[1] + max(xs) >= width
    )  # fmt: skip
