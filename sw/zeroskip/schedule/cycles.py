"""Exact prediction of the cycles that the RTL takes.

Every lane works through a fixed list of non-empty mask words, so that all it can wait for is known beforehand: the word FIFO behind the
decoder, the start of the layer, and a free place among its uncollected rows. The recurrences below give the cycle of each of these
events; times are counted from the start of the first layer. The names of the constants are those of the hardware's documentation.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import pairwise

import numpy as np

from zeroskip.spec.cycles import Cycles
from zeroskip.spec.layout import Layout
from zeroskip.spec.timing import (
    COLLECT_TO_END,
    COLLECT_TO_START,
    END_TO_FIRST_OUTPUT,
    FIFO_WORDS,
    HEADER_BUBBLES,
    ISSUE_TO_RESULT,
    LAST_BEAT_TO_START,
    PRIMED_TO_START,
    ROWS_IN_FLIGHT,
    SAMPLE_GAP,
    TAIL_TO_RESULT,
    TURNAROUND,
)

from .plan import Schedule

LONG_AGO = -(10**9)


@dataclass(frozen=True, eq=False)
class _Words:
    """The words that one lane's decoder pushes for one group, in order; a layer without weights pushes one of count 0.

    counts : ones in each word
    last_bytes : ones in its last non-empty byte; equal to the count where it has no other
    gaps : positions of the decoder's pipeline that pass without a push before each word: headers, waits and empty words
    """

    counts: list[int]
    last_bytes: list[int]
    gaps: list[int]
    starts: list[bool]
    layer_ends: list[bool]


class _Lane:
    """One lane's progress through a group, from the state in which a group begins: everything full up to the decoder."""

    def __init__(self, words: _Words) -> None:
        self.words = words
        self.pushed: list[int] = []
        self.popped: list[int] = []
        self.freed = LONG_AGO  # when the last bit at work is issued
        self.given = LONG_AGO  # when the word at work gives its last byte
        self.collected: list[int] = []  # when each row's result left the lane
        # The byte at work is the first word's. If that word has no other, the second word has followed it out of the FIFO.
        self.ahead = FIFO_WORDS + (2 if words.counts[0] == words.last_bytes[0] else 1)

    def push(self, j: int) -> int:
        """Cycle in which word j enters the FIFO; j may run on into the next group."""
        while len(self.pushed) <= j:
            i = len(self.pushed)
            if i < self.ahead:
                self.pushed.append(LONG_AGO)
            else:
                self.pushed.append(max(self._arrival(i), self.popped[i - FIFO_WORDS] + 1))
        return self.pushed[j]

    def _arrival(self, j: int) -> int:
        # The word that waits before a full FIFO when the group starts has been there all along.
        if j == self.ahead:
            return LONG_AGO
        return self.pushed[j - 1] + 1 + self.words.gaps[j % len(self.words.gaps)]

    def _pop(self, j: int) -> None:
        """Word j comes to work as soon as it is there and the word before has given its last byte."""
        self.popped.append(max(self.push(j) + 1, self.given) if j else LONG_AGO)

    def results(self, layer_start: list[int]) -> Iterator[int]:
        """For each row, the cycle from which its result waits to be collected.

        ``layer_start`` grows by the start of each layer as it is known; ``collected`` by the cycle in which each result was taken.
        """
        words, layer = self.words, 0
        must_wait, open_row, rows = True, False, 0
        for j, (count, last_byte) in enumerate(zip(words.counts, words.last_bytes, strict=True)):
            self._pop(j)
            taken = max(self.popped[j] + 1, self.freed)  # when its first byte comes to work
            first = taken + 1
            if must_wait:
                first = max(first, layer_start[layer] + 1)
            if words.starts[j]:
                if rows >= ROWS_IN_FLIGHT:
                    first = max(first, self.collected[rows - ROWS_IN_FLIGHT] + 1)
                rows += 1
                if open_row:
                    yield first + ISSUE_TO_RESULT
                open_row = True
            self.freed = first + max(count, 1) - 1
            self.given = taken if count == last_byte else self.freed - last_byte
            must_wait = words.layer_ends[j]
            if must_wait:
                layer += 1
                if open_row:
                    yield self.freed + TAIL_TO_RESULT
                open_row = False

    def primed(self) -> int:
        """Cycle from which the lane stands ready for the next group."""
        n = len(self.words.counts)
        self._pop(n)
        if self.ahead == FIFO_WORDS + 2:
            self.given = max(self.popped[n] + 1, self.freed)
            self._pop(n + 1)
        return self.push(n + self.ahead - 1) + 1 + self.words.gaps[self.ahead % n]


def _words(plan: Schedule, lane: int) -> _Words:
    header = Layout(plan.config).header_words + HEADER_BUBBLES
    words = _Words([], [], [], [], [])
    for layer in plan.layers:
        run = layer.runs[lane]
        filled = np.flatnonzero(run.word_counts)
        if not len(filled):
            words.counts.append(0)
            words.last_bytes.append(0)
            words.gaps.append(header)
            words.starts.append(False)
        else:
            rows = run.word_rows[filled]
            words.counts.extend(run.word_counts[filled].tolist())
            words.last_bytes.extend(run.last_byte_counts[filled].tolist())
            words.gaps.extend([header, *(np.diff(filled) - 1).tolist()])
            words.starts.extend([True, *(np.diff(rows) > 0).tolist()])
        words.layer_ends.extend([False] * (len(words.counts) - len(words.layer_ends) - 1) + [True])
    return words


def _collect(lanes: list[_Lane], streams: list[Iterator[int]], rows: list[int], start: int) -> int:
    """Serve one layer's results, one per cycle, waiting lanes in turn from lane 0 on; returns the cycle of the last."""
    left = list(rows)
    coming = [(next(streams[lane]), lane) for lane in range(len(lanes)) if left[lane]]
    heapify(coming)
    waiting: list[int] = []  # in ascending order
    now, served = start, -1
    while coming or waiting:
        if not waiting:
            now = max(now, coming[0][0])
        while coming and coming[0][0] <= now:
            insort(waiting, heappop(coming)[1])
        place = bisect_right(waiting, served)
        served = waiting.pop(place if place < len(waiting) else 0)
        lanes[served].collected.append(now)
        left[served] -= 1
        if left[served]:
            heappush(coming, (next(streams[served]), served))
        now += 1
    return now - 1


def predict(plan: Schedule) -> Cycles:
    """Latency, interval and cycles per layer of ``plan``, equal to what the RTL counts."""
    lanes = [_Lane(_words(plan, lane)) for lane in range(plan.config.lanes)]
    starts = [0]
    streams = [lane.results(starts) for lane in lanes]
    for i, layer in enumerate(plan.layers):
        rows = [run.last_row - run.first_row + 1 if run.end > run.begin else 0 for run in layer.runs]
        last = _collect(lanes, streams, rows, starts[-1])
        starts.append(last + (COLLECT_TO_END if i == len(plan.layers) - 1 else COLLECT_TO_START))
    for stream in streams:
        if next(stream, None) is not None:
            raise AssertionError("a lane holds more results than its rows")

    compute = starts[-1]
    elements = plan.config.stream_elements
    load = plan.config.columns * (-(-plan.inputs // elements) + SAMPLE_GAP)
    unload = plan.config.columns * -(-plan.outputs // elements)
    restart = max(compute + TURNAROUND, max(lane.primed() for lane in lanes) + PRIMED_TO_START)
    return Cycles(
        latency=load - SAMPLE_GAP - 1 + LAST_BEAT_TO_START + compute + END_TO_FIRST_OUTPUT + unload - 1,
        interval=max(load, restart, unload),
        layers={p.layer.name: end - start for p, (start, end) in zip(plan.layers, pairwise(starts), strict=True)},
    )
