"""Exact prediction of the cycles that the array takes.

Everything that a lane or the merge can wait for follows from the plan: words of a lane's masks, constants, starts of layers, sums, room
among them, and the writes of a result. The recurrences give the cycle of each of these events.
"""

from __future__ import annotations

from itertools import pairwise

from zeroskip.contracts.cycles import Cycles
from zeroskip.contracts.graph import INPUT
from zeroskip.contracts.layout import Layout
from zeroskip.contracts.timing import (
    CLOSED_TO_CONSTANTS,
    END_TO_FIRST_OUTPUT,
    INPUT_ROW_PAUSE,
    LOADED_TO_START,
    PRIMED_TO_START,
    TURNAROUND,
    WRITTEN_TO_END,
    WRITTEN_TO_START,
    grant_to_total,
    requantize_stages,
)
from zeroskip.schedule.lanes.loading import loading
from zeroskip.schedule.network import Schedule

from .lane_time import LaneTime
from .merge_time import last_grant, turns_of
from .words import words_of


class _Group:
    """The layers of one sample after the other, each started as soon as the lanes allow."""

    def __init__(self, schedule: Schedule, layout: Layout) -> None:
        plan = schedule.plan
        self._layers, self._layout = plan.layers, layout
        self._turns = [turns_of(layer) for layer in plan.layers]
        self._words = [
            [
                words_of(layer.shares[lane], encodings[lane], layer.tiles)
                for layer, encodings in zip(plan.layers, schedule.encodings, strict=True)
            ]
            for lane in range(layout.config.lanes)
        ]
        self._lanes = [LaneTime(layout) for _ in self._words]
        self._known: dict[object, tuple[int, int, list[LaneTime]]] = {}

    def primed(self) -> int:
        """When all lanes stand ready."""
        prepared = self._prepared()
        return max(lane.primed(words, prepared) for lane, words in zip(self._lanes, self._words, strict=True))

    def run(self, start: int) -> list[int]:
        """One group; the starts of its layers, of which the first is given, and its end."""
        layout, starts = self._layout, [start]
        to_written = grant_to_total(layout) + requantize_stages(layout)
        for number, layer in enumerate(self._layers):
            written = self._layer(number, starts[-1]) + to_written + len(layer.writes[-1]) - 1
            is_last = number == len(self._layers) - 1
            starts.append(written + (WRITTEN_TO_END if is_last else WRITTEN_TO_START))
        return starts

    def state(self, cycle: int) -> object:
        """All that tells what comes next, relative to ``cycle``."""
        return self._prepared() - cycle, tuple(lane.state(cycle) for lane in self._lanes)

    def _prepared(self) -> int:
        """When the constants of the layer behind the latest are there."""
        return max(lane.closed for lane in self._lanes) + CLOSED_TO_CONSTANTS + self._layout.constant_parts

    def _layer(self, number: int, start: int) -> int:
        """When the last sums of a layer are taken. From group to group most layers find all as before."""
        state = number, self.state(start)
        if state in self._known:
            last, then, lanes = self._known[state]
            self._lanes = [lane.later(start - then) for lane in lanes]
            return last + start - then
        prepared = self._prepared()
        for lane, words in zip(self._lanes, self._words, strict=True):
            lane.begin(words[number], prepared, start)
        last, self._lanes = last_grant(self._layers[number], self._turns[number], self._lanes, start)
        self._known[state] = last, start, [lane.later(0) for lane in self._lanes]
        return last


def predict(schedule: Schedule) -> Cycles:
    """Latency, interval and cycles per layer, equal to what the RTL counts."""
    plan, layout, outputs = schedule.plan, Layout(schedule.config), schedule.outputs
    group = _Group(schedule, layout)
    beat = layout.config.stream_elements
    load = layout.group_samples * loading(plan, layout.config.load_elements, beat).cycles(
        plan.tensors[INPUT].shape, beat
    )
    unload = layout.group_samples * -(-outputs // beat)
    # The pause before the first row is over when an idle array takes its first beat, one cycle before the first element.
    loaded = load - INPUT_ROW_PAUSE
    start = group.primed() + PRIMED_TO_START + loaded
    starts = group.run(start)
    first = starts[-1] - start
    pause, before = 0, None
    while (state := group.state(starts[-1])) != before:
        before = state
        pause = max(TURNAROUND, group.primed() + PRIMED_TO_START - starts[-1])
        starts = group.run(starts[-1] + pause)
    # The first group of all may take longer than the others, even if it leaves what they leave.
    restart = starts[-1] - starts[0] + pause
    return Cycles(
        latency=loaded + LOADED_TO_START + first + END_TO_FIRST_OUTPUT + unload - 1,
        interval=max(load, restart, unload),
        layers={layer.name: end - begin for layer, (begin, end) in zip(plan.layers, pairwise(starts), strict=True)},
    )
