"""Images → weights and masks: the inverse of packing, from the images alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from zeroskip.contracts.layout import CHUNKS, LEAF, PART, Layout
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
        count = 0 if header["empty"] else 1 if header["single"] else header["before_last"] + 2
        if header["dense"]:
            bits, at = [*[(1 << word) - 1] * (count - 1), masks[at]], at + 1
        elif header.get("packed"):
            bits, at = _unfolded(masks[at : at + count], word), at + count
        else:
            bits, at = list(masks[at : at + count]), at + count
        positions = [
            number * word + bit for number, value in enumerate(bits) for bit in range(word) if value >> bit & 1
        ]
        entries, row, end = [], -1, 0
        for position in positions:
            if position >= end:  # every row has a bit, so it is the next one
                row, end = row + 1, end + length
            value = next(weights)
            entries.append((row, position - row * length, value - (1 << size) if value >> (size - 1) else value))
        yield entries


def _unfolded(words: Sequence[int], word: int) -> list[int]:
    """Words of bits from words of flags, each before the words of leaves that its chunks are the first to need."""
    leaves, rest, found, run = word // LEAF, iter(words), [], list[int]()
    for flags in rest:
        for chunk in range(CHUNKS):
            places = [i for i in range(leaves) if flags >> (chunk * leaves + i) & 1]
            if len(run) < len(places):
                following = next(rest)
                run += [following >> (LEAF * i) & (1 << LEAF) - 1 for i in range(leaves)]
            found.append(sum(run.pop(0) << (LEAF * i) for i in places))
    return found


def _joined(parts: Sequence[int], width: int) -> int:
    return sum(part << (width * i) for i, part in enumerate(parts))
