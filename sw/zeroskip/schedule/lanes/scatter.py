"""Where results and input elements are written: every row of the image into one column, and whole images into the lowest."""

from __future__ import annotations

from collections import defaultdict

from zeroskip.contracts.graph import INPUT, Shape
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.schedule.strips.readers import wanted_in_strips, wanted_whole

from .plan import Write
from .views import Stored


def result_writes(
    network: QuantizedNetwork, tensor: str, stored: Stored, computed: int, columns: int
) -> tuple[tuple[Write, ...], ...]:
    """For each of the ``computed`` rows of a column's strip, where its results go."""
    bands: list[dict[tuple[int, int], int]] = [defaultdict(int) for _ in range(min(computed, stored.shape[1]))]
    for row in range(stored.shape[1]):
        origin, band = divmod(row, computed)
        for place, column in _places(network, tensor, stored, row):
            bands[band][place, (column - origin) % columns] |= 1 << column
    return tuple(_writes(band) for band in bands)


def input_writes(network: QuantizedNetwork, stored: Stored) -> tuple[tuple[Write, ...], ...]:
    """For each row of the input image, where it goes; all columns are given the same element."""
    rows: list[dict[tuple[int, int], int]] = [defaultdict(int) for _ in range(stored.shape[1])]
    for row, found in enumerate(rows):
        for place, column in _places(network, INPUT, stored, row):
            found[place, 0] |= 1 << column
    return tuple(_writes(found) for found in rows)


def output_writes(shape: Shape, computed: int, columns: int) -> tuple[tuple[Write, ...], ...]:
    """The same for the layer that writes the output: all rows into the lowest column."""
    bands: list[list[Write]] = [[] for _ in range(min(computed, shape[1]))]
    for row in range(shape[1]):
        origin, band = divmod(row, computed)
        bands[band].append(Write(row, -origin % columns, 1))
    return tuple(tuple(band) for band in bands)


def _places(network: QuantizedNetwork, tensor: str, stored: Stored, row: int) -> set[tuple[int, int]]:
    """(stored row, column) of one row of the image."""
    places = set()
    if wanted_in_strips(network, tensor):
        places.add((row % stored.strip, row // stored.strip))
    if wanted_whole(network, tensor) or not places:
        places.add((row, 0))
    return places


def _writes(found: dict[tuple[int, int], int]) -> tuple[Write, ...]:
    return tuple(Write(row, turn, mask) for (row, turn), mask in sorted(found.items()))
