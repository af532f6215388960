"""Images → weights and masks: the inverse of packing, from the images alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from zeroskip.contracts.layout import PART, Layout
from zeroskip.contracts.network import IntArray
from zeroskip.contracts.program import Program

Weights = tuple[IntArray, npt.NDArray[np.bool_]]


def unpack(program: Program) -> dict[str, Weights]:
    """Weights and masks by layer name, (outputs, taps) of the captured layer. They are read as the array reads them.

    What is not stored is zero and unmasked.
    """
    layout = Layout(program.config)
    bits_of_rows = _row_lengths(layout, program)
    contributions = _contributions(layout, program)
    lanes = [_lane(layout, program, lane, bits_of_rows) for lane in range(program.config.lanes)]
    found = {}
    for layer, mine in zip(program.layers, contributions, strict=True):
        weight, mask = np.zeros(layer.shape, dtype=np.int64), np.zeros(layer.shape, dtype=np.bool_)
        for lane, stream in enumerate(lanes):
            rows = [row for row, lanes_of_row in mine if lanes_of_row >> lane & 1]
            for at, bit, value in next(stream):
                where = rows[at], slice(None) if layer.across and value else layer.columns[lane][bit]
                weight[where], mask[where] = value, True
        found[layer.name] = weight, mask
    return found


def _row_lengths(layout: Layout, program: Program) -> list[int]:
    """Of each layer, the bits of a row."""
    parts, words = layout.constant_parts, program.images["constants"]
    return [
        layout.constants.decode(_joined(words[begin : begin + parts], PART))["n"]
        for begin in range(0, len(program.layers) * parts, parts)
    ]


def _contributions(layout: Layout, program: Program) -> list[list[tuple[int, int]]]:
    """Of each layer, its rows in the order in which lanes work on them, and the lanes that have weights of them."""
    words = map(layout.merge.decode, program.images["merge"])
    found = []
    for layer in program.layers:
        rows = []
        for bundle in layer.bundles:
            complete = 0
            while not complete:
                turn = next(words)
                complete = turn["complete"]
                rows += [(row, turn[f"lanes{e}"]) for e, row in enumerate(bundle) if row >= 0 and turn[f"lanes{e}"]]
        found.append(rows)
    return found


def _lane(layout: Layout, program: Program, lane: int, lengths: Sequence[int]) -> Iterator[list[tuple[int, int, int]]]:
    """Of each layer, (number of the row within the lane, bit, weight) of every stored weight."""
    word, size = layout.config.word, layout.config.weight_bits
    masks = program.images[f"lane{lane:02}.masks"]
    weights = iter(program.images[f"lane{lane:02}.weights"])
    at = 0
    for length in lengths:
        header = layout.header.decode(_joined(masks[at : at + layout.header_words], word))
        at += layout.header_words
        count = 0 if header["empty"] else 1 if header["single"] else header["before_last"] + 2 - header["begin"]
        positions = [i * word + bit for i in range(count) for bit in range(word) if masks[at + i] >> bit & 1]
        at += count
        entries, row, end = [], -1, 0
        for position in positions:
            if position >= end:  # every row has a bit, so it is the next one
                row, end = row + 1, end + length
            value = next(weights)
            entries.append((row, position - row * length, value - (1 << size) if value >> (size - 1) else value))
        yield entries


def _joined(parts: Sequence[int], width: int) -> int:
    return sum(part << (width * i) for i, part in enumerate(parts))
