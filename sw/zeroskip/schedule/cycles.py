"""Exact prediction of the cycles that the RTL takes.

Every lane works through a fixed list of non-empty mask words. So everything it can wait for is known beforehand: the word FIFO behind
the decoder, the start of the layer, and room among its uncollected rows. The recurrences below give the cycle of each of these events.
Times count from the start of the first layer. The constants are named as in the hardware's documentation.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import pairwise

import numpy as np

from zeroskip.contracts.cycles import Cycles
from zeroskip.contracts.layout import Layout
from zeroskip.contracts.timing import (
    END_TO_FIRST_OUTPUT,
    FIFO_WORDS,
    HEADER_BUBBLES,
    PRIMED_TO_START,
    ROWS_IN_FLIGHT,
    SAMPLE_GAP,
    TILE_TURN,
    TURNAROUND,
    Timing,
    timing,
)

from .plan import Schedule

LONG_AGO = -(10**9)


@dataclass(frozen=True, eq=False)
class _Words:
    """The words that one lane's decoder pushes for one group, in order, tile after tile. A layer without weights pushes one of count 0.

    counts : ones in each word
    last_bytes : ones in its last non-empty byte; equal to the count where the word has no other byte
    gaps : positions of the decoder's pipeline that pass without a push before each word: headers, waits and empty words
    """

    counts: list[int]
    last_bytes: list[int]
    gaps: list[int]
    starts: list[bool]
    tile_ends: list[bool]
    layer_ends: list[bool]


class _Lane:
    """One lane's progress through a group, from the state in which a group begins: the pipeline is full up to the decoder."""

    def __init__(self, words: _Words, distance: Timing) -> None:
        self.words = words
        self.distance = distance
        self.pushed: list[int] = []
        self.popped: list[int] = []
        self.freed = LONG_AGO  # cycle in which the last bit at work is issued
        self.given = LONG_AGO  # cycle in which the word at work gives its last byte
        self.collected: list[int] = []  # when each row's result left the lane
        # The byte at work is the first word's. If that word has no other byte, the second word has followed it out of the FIFO.
        self.ahead = FIFO_WORDS + (2 if words.counts[0] == words.last_bytes[0] else 1)

    def push(self, j: int) -> int:
        """Cycle in which word j enters the FIFO. j may run on into the next group."""
        while len(self.pushed) <= j:
            i = len(self.pushed)
            if i < self.ahead:
                self.pushed.append(LONG_AGO)
            else:
                self.pushed.append(max(self._arrival(i), self.popped[i - FIFO_WORDS] + 1))
        return self.pushed[j]

    def _arrival(self, j: int) -> int:
        # The word that waits before a full FIFO at the group's start has been there all along.
        if j == self.ahead:
            return LONG_AGO
        return self.pushed[j - 1] + 1 + self.words.gaps[j % len(self.words.gaps)]

    def _pop(self, j: int) -> None:
        """Word j comes to work as soon as it is there and the word before it has given its last byte."""
        self.popped.append(max(self.push(j) + 1, self.given) if j else LONG_AGO)

    def results(self, layer_start: list[int]) -> Iterator[int]:
        """For each row, the first cycle in which its result can be collected.

        ``layer_start`` grows by the start of each layer as it becomes known, ``collected`` by the cycle in which each result was taken.
        """
        words, layer = self.words, 0
        must_wait, open_row, rows = True, False, 0
        for j, (count, last_byte) in enumerate(zip(words.counts, words.last_bytes, strict=True)):
            self._pop(j)
            taken = max(self.popped[j] + 1, self.freed)  # cycle in which its first byte comes to work
            first = taken + 1
            if must_wait:
                first = max(first, layer_start[layer] + 1)
            if words.starts[j]:
                if rows >= ROWS_IN_FLIGHT:
                    first = max(first, self.collected[rows - ROWS_IN_FLIGHT] + 1)
                rows += 1
                if open_row:
                    yield first + self.distance.issue_to_result
                open_row = True
            self.freed = first + max(count, 1) - 1
            self.given = taken if count == last_byte else self.freed - last_byte
            must_wait = words.layer_ends[j]
            if must_wait:
                layer += 1
            if words.tile_ends[j] and open_row:
                yield self.freed + self.distance.tail_to_result
                open_row = False

    def primed(self) -> int:
        """First cycle in which the lane stands ready for the next group."""
        n = len(self.words.counts)
        self._pop(n)
        if self.ahead == FIFO_WORDS + 2:
            self.given = max(self.popped[n] + 1, self.freed)
            self._pop(n + 1)
        return self.push(n + self.ahead - 1) + 1 + self.words.gaps[self.ahead % n]


def _words(plan: Schedule, lane: int) -> _Words:
    header = Layout(plan.config).header_words + HEADER_BUBBLES
    words = _Words([], [], [], [], [], [])
    for layer in plan.layers:
        run = layer.runs[lane]
        filled = np.flatnonzero(run.word_counts)
        if not len(filled):
            _extend(words, 1, [0], [0], [0], [False])
        else:
            starts = [True, *(np.diff(run.word_rows[filled]) > 0).tolist()]
            counts, last_bytes = run.word_counts[filled].tolist(), run.last_byte_counts[filled].tolist()
            _extend(words, layer.tiles, counts, last_bytes, [0, *(np.diff(filled) - 1).tolist()], starts)
        begun = len(words.layer_ends)
        words.gaps[begun] = header
        words.layer_ends.extend([False] * (len(words.counts) - begun - 1) + [True])
    return words


def _extend(
    words: _Words, tiles: int, counts: list[int], last_bytes: list[int], gaps: list[int], starts: list[bool]
) -> None:
    words.counts.extend(counts * tiles)
    words.last_bytes.extend(last_bytes * tiles)
    words.gaps.extend(gaps * tiles)
    words.starts.extend(starts * tiles)
    words.tile_ends.extend(([False] * (len(counts) - 1) + [True]) * tiles)


class _Collector:
    """Takes the lanes' results: one per cycle, waiting lanes in turn, tile after tile."""

    def __init__(self, lanes: list[_Lane], streams: list[Iterator[int]]) -> None:
        self._lanes, self._streams = lanes, streams
        self.last = LONG_AGO  # cycle in which the latest result was taken
        self._free = LONG_AGO  # first cycle in which the next result may be taken
        self._served = -1

    def begin_layer(self) -> None:
        self._served = -1

    def tile(self, rows: list[int], writes: int) -> None:
        """Serve one tile's results: ``rows`` of each lane, each written ``writes`` times."""
        left = list(rows)
        coming = [(next(self._streams[lane]), lane) for lane in range(len(left)) if left[lane]]
        heapify(coming)
        waiting: list[int] = []  # in ascending order
        now = self._free
        while coming or waiting:
            if not waiting:
                now = max(now, coming[0][0])
            while coming and coming[0][0] <= now:
                insort(waiting, heappop(coming)[1])
            index = bisect_right(waiting, self._served)
            served = waiting.pop(index if index < len(waiting) else 0)
            self._served = served
            self._lanes[served].collected.append(now)
            left[served] -= 1
            if left[served]:
                heappush(coming, (next(self._streams[served]), served))
            self.last = now
            now += writes
        self._free = self.last + max(writes, TILE_TURN)


def predict(plan: Schedule) -> Cycles:
    """Latency, interval and cycles per layer of ``plan``, equal to what the RTL counts."""
    distance, layout = timing(plan.config), Layout(plan.config)
    lanes = [_Lane(_words(plan, lane), distance) for lane in range(plan.config.lanes)]
    starts = [0]
    streams = [lane.results(starts) for lane in lanes]
    collector = _Collector(lanes, streams)
    for i, layer in enumerate(plan.layers):
        rows = [run.last_row - run.first_row + 1 if run.end > run.begin else 0 for run in layer.runs]
        collector.begin_layer()
        writes = 1
        for band in layer.bands:
            for writes in band.counts:
                collector.tile(rows, writes)
        is_last = i == len(plan.layers) - 1
        starts.append(collector.last + writes - 1 + (distance.collect_to_end if is_last else distance.collect_to_start))
    for stream in streams:
        if next(stream, None) is not None:
            raise AssertionError("a lane holds more results than its rows")

    compute = starts[-1]
    elements, samples = plan.config.stream_elements, layout.group_samples
    if plan.config.strips:
        # The first beat is taken a cycle before its first element is written.
        load = plan.input_layout[0] * sum(sum(band.counts) for band in plan.input_bands) + SAMPLE_GAP
        loaded = load - SAMPLE_GAP
    else:
        load = samples * (-(-plan.inputs // elements) + SAMPLE_GAP)
        loaded = load - SAMPLE_GAP - 1
    unload = samples * -(-plan.outputs // elements)
    restart = max(compute + TURNAROUND, max(lane.primed() for lane in lanes) + PRIMED_TO_START)
    return Cycles(
        latency=loaded + distance.last_beat_to_start + compute + END_TO_FIRST_OUTPUT + unload - 1,
        interval=max(load, restart, unload),
        layers={p.name: end - start for p, (start, end) in zip(plan.layers, pairwise(starts), strict=True)},
    )
