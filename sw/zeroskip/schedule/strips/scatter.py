"""Where every result and input element is written: into its own strip, into overlapping strips, and padding beside it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

import numpy as np

from zeroskip.schedule.plan import Band, Pass

from .geometry import View

Key = tuple[int, int, bool]
"""(base, turn, constant). Columns whose writes agree in these are written together."""


class _Lists:
    """The writes of one band, by column masks: the writes of every element, and the padding beside the first and the last."""

    def __init__(self) -> None:
        self.every: dict[Key, int] = defaultdict(int)
        self.left: dict[Key, int] = defaultdict(int)
        self.right: dict[Key, int] = defaultdict(int)

    def band(self, width: int, value: int, residual: int, least: int) -> Band:
        ends = self.right if width == 1 else {}
        return Band(
            width=width, residual=residual,
            first=_passes([self.every, self.left, ends], value, least),
            middle=_passes([self.every], value, 1), last=_passes([self.every, self.right], value, 1),
        )  # fmt: skip


def _passes(groups: Iterable[dict[Key, int]], value: int, least: int) -> tuple[Pass, ...]:
    found = [
        Pass(base=base, mask=mask, turn=turn, constant=constant, value=value if constant else 0)
        for group in groups
        for (base, turn, constant), mask in sorted(group.items())
    ]
    return tuple(found + [Pass(base=0, mask=0)] * (least - len(found)))


def result_bands(view: View, rows: int, columns: int, value: int, residual_step: int) -> tuple[Band, ...]:
    """The bands of a layer whose strips have ``rows`` rows. It writes to ``view``, with ``value`` as padding."""

    def source(image_row: int) -> tuple[int, int]:
        return image_row % rows, image_row // rows

    lists = _scattered(view, source, min(rows, view.shape[1]), columns)
    width = view.shape[2]
    return tuple(found.band(width, value, band * residual_step, 1) for band, found in enumerate(lists))


def output_bands(shape: tuple[int, int, int], rows: int, columns: int, residual_step: int) -> tuple[Band, ...]:
    """The bands of the layer that writes the output: all into the lowest column, pixel after pixel, row after row."""
    channels, height, width = shape
    bands = []
    for band in range(min(rows, height)):
        found = _Lists()
        for column in range(-(-(height - band) // rows)):
            found.every[((column * rows + band) * width * channels, -column % columns, False)] |= 1
        bands.append(found.band(width, 0, band * residual_step, 1))
    return tuple(bands)


def input_bands(view: View, columns: int, value: int) -> tuple[Band, ...]:
    """The bands of the input image, row by row. A row of one element takes two cycles, so that the next row's list can be read."""
    lists = _scattered(view, lambda image_row: (image_row, None), view.shape[1], columns)
    channels, _, width = view.shape
    return tuple(found.band(width, value, 0, 2 if channels * width == 1 else 1) for found in lists)


def _scattered(view: View, source: Callable[[int], tuple[int, int | None]], bands: int, columns: int) -> list[_Lists]:
    """``source`` gives the band and the column that an image row comes from. Column None means any: all columns are given the same."""
    lists = [_Lists() for _ in range(bands)]
    constant: dict[int, int] = defaultdict(int)
    height = view.shape[1]
    for column, row in np.argwhere(view.needed.any(axis=2)).tolist():
        image_row = view.image_row(column, row)
        if not 0 <= image_row < height:
            constant[row] |= 1 << column
            continue
        band, origin = source(image_row)
        turn = 0 if origin is None else (column - origin) % columns
        lists[band].every[(view.address(0, row, view.left), turn, False)] |= 1 << column
        _beside(view, lists[band], row, 1 << column)
    for row, mask in constant.items():
        shortest = min(lists, key=lambda found: len(found.every))
        shortest.every[(view.address(0, row, view.left), 0, True)] |= mask
        _beside(view, shortest, row, mask)
    return lists


def _beside(view: View, lists: _Lists, row: int, mask: int) -> None:
    """Padding left and right of one stored row, where some reader wants it. Bases are those of the first and the last element."""
    width = view.shape[2]
    for cell in np.flatnonzero(view.needed[:, row].any(axis=0)).tolist():
        if cell < view.left:
            lists.left[(view.address(0, row, cell), 0, True)] |= mask
        elif cell >= view.left + width:
            lists.right[(view.address(0, row, cell - (width - 1)), 0, True)] |= mask
