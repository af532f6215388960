"""The lanes' two memories: mask words with a header before each layer, and the kept weights in the same order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from zeroskip.contracts.layout import Layout
from zeroskip.schedule import LaneRun, Schedule

Entries = npt.NDArray[np.intp]


def pack_lanes(plan: Schedule) -> list[tuple[list[int], list[int]]]:
    """Mask-memory words and weight-memory words of every lane, as unsigned integers."""
    layout = Layout(plan.config)
    addresses = 1 << layout.store_bits
    lanes: list[tuple[list[int], list[int]]] = [([], []) for _ in range(plan.config.lanes)]
    for i, layer in enumerate(plan.layers):
        row, column = np.nonzero(layer.mask)
        kept = layer.weight[row, column] & ((1 << plan.config.weight_bits) - 1)
        for (masks, weights), run in zip(lanes, layer.runs, strict=True):
            header = layout.header.encode({
                "last": i == len(plan.layers) - 1, "empty": not len(run.word_counts), "left": max(len(run.word_counts) - 2, -1),
                "first": layer.first_group + run.first_group,
                "start": layer.first_group, "end": layer.first_group + layer.groups - 1,
                "tiles": layer.tiles - 1, "repeat": layer.repeat - 1, "repeat_left": layer.repeat - 1 - run.first_row % layer.repeat,
                "row_step": layer.row_step % addresses, "row_base": run.first_row // layer.repeat * layer.row_step % addresses,
            })  # fmt: skip
            masks.extend(cut(header, plan.config.word, layout.header_words))
            share = slice(run.begin, run.end)
            masks.extend(_mask_words(run, row[share], column[share], layer.groups, plan.config.word))
            weights.extend(kept[share].tolist())
    return lanes


def _mask_words(run: LaneRun, row: Entries, column: Entries, groups: int, word: int) -> list[int]:
    number = (row - run.first_row) * groups + column // word - run.first_group
    words = np.zeros(len(run.word_counts), dtype=np.uint64)
    np.bitwise_or.at(words, number, np.uint64(1) << (column % word).astype(np.uint64))
    return [int(value) for value in words]


def cut(value: int, width: int, parts: int) -> list[int]:
    """``value`` in ``parts`` words of ``width`` bits, the lowest first."""
    return [(value >> (width * i)) & ((1 << width) - 1) for i in range(parts)]


def unpack_lane(layout: Layout, masks: Sequence[int], weights: Sequence[int]) -> Iterator[list[tuple[bool, int, int]]]:
    """Per layer, the lane's kept weights in order as (True where a row begins, stored column, weight).

    The inverse of :func:`pack_lanes` from the images alone: it reads them as the decoder does.
    """
    word, bits = layout.config.word, layout.config.weight_bits
    position, taken, last = 0, 0, False
    while not last:
        parts = masks[position : position + layout.header_words]
        header = layout.header.decode(sum(part << (word * i) for i, part in enumerate(parts)))
        position += layout.header_words
        last = bool(header["last"])
        group, begins = header["first"], True
        entries: list[tuple[bool, int, int]] = []
        count = 0 if header["empty"] else header["left"] + 2
        for mask in masks[position : position + count]:
            begins = begins or group == header["start"]
            for index in (i for i in range(word) if mask >> i & 1):
                value = weights[taken]
                taken += 1
                signed = value - (1 << bits) if value >> (bits - 1) else value
                entries.append((begins, (group - header["start"]) * word + index, signed))
                begins = False
            group = header["start"] if group == header["end"] else group + 1
        position += count
        yield entries
