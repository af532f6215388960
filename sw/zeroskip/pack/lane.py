"""One lane's two memories: mask words with a header before each layer, and the kept weights in the same order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from zeroskip.schedule import LayerPlan, Schedule
from zeroskip.spec.layout import Layout


def pack_lane(plan: Schedule, lane: int) -> tuple[list[int], list[int]]:
    """Mask-memory words and weight-memory words of ``lane``, as unsigned integers."""
    layout = Layout(plan.config)
    masks: list[int] = []
    weights: list[int] = []
    for i, layer in enumerate(plan.layers):
        run = layer.runs[lane]
        header = layout.header.encode({
            "last": i == len(plan.layers) - 1, "empty": not len(run.word_counts), "left": max(len(run.word_counts) - 2, -1),
            "first": layer.first_group + run.first_group,
            "start": layer.first_group, "end": layer.first_group + layer.groups - 1,
        })  # fmt: skip
        masks.extend(_cut(header, plan.config.word, layout.header_words))
        masks.extend(_mask_words(layer, lane, plan.config.word))
        kept = layer.layer.weight[layer.layer.mask][run.begin : run.end]
        weights.extend((kept & ((1 << plan.config.weight_bits) - 1)).tolist())
    return masks, weights


def _mask_words(layer: LayerPlan, lane: int, word: int) -> list[int]:
    run = layer.runs[lane]
    if run.begin == run.end:
        return []
    row, column = (axis[run.begin : run.end] for axis in np.nonzero(layer.layer.mask))
    number = (row - run.first_row) * layer.groups + column // word - run.first_group
    words = np.zeros(len(run.word_counts), dtype=np.uint64)
    np.bitwise_or.at(words, number, np.uint64(1) << (column % word).astype(np.uint64))
    return [int(value) for value in words]


def _cut(value: int, width: int, parts: int) -> list[int]:
    return [(value >> (width * i)) & ((1 << width) - 1) for i in range(parts)]


def unpack_lane(layout: Layout, masks: Sequence[int], weights: Sequence[int]) -> Iterator[list[tuple[bool, int, int]]]:
    """Per layer, the lane's kept weights in order as (begins a row, stored column, weight).

    The inverse of :func:`pack_lane`, from the images alone: it reads what the decoder reads.
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
