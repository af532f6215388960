"""When one lane's sums may be granted."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from copy import copy
from typing import Any

from zeroskip.contracts.layout import Layout
from zeroskip.contracts.timing import (
    FIFO_WORDS,
    GRANT_TO_GATE,
    HEADER_TO_WORDS,
    ISSUE_TO_GRANT,
    ROWS_IN_FLIGHT,
    START_TO_PASS,
    WORD_TO_QUEUE,
    pass_to_issue,
    pick_to_gate,
)

from .words import Word, Words, program_words

LONG_AGO = -(10**9)
NEVER = 10**18


class LaneTime:
    """Follows one lane through layers, tiles and rows; times are clock cycles since reset.

    The pipeline from the choice of a bit to the gate moves as a whole, so that distances within it are counted in its steps: step k takes
    place in cycle k + the cycles in which it stood still before. It stands still only where a row's first bit waits at the gate, or a
    layer's. A bit that is chosen in one step passes the gate ``pick_to_gate`` steps later.

    closed : the first cycle in which the lane is closed behind the latest layer
    """

    def __init__(self, layout: Layout) -> None:
        self._to_gate = pick_to_gate(layout)
        self._to_grant = pass_to_issue(layout) + ISSUE_TO_GRANT
        self._header = layout.header_words + HEADER_TO_WORDS
        self.closed = 0
        # The queue of words: when the latest entered it, and when the latest left; the oldest of these made room for the next to enter.
        self._pushed = WORD_TO_QUEUE - 1
        self._popped = deque([LONG_AGO] * FIFO_WORDS, maxlen=FIFO_WORDS)
        # The word at work: when its first leaf was given; the step that chooses its last bit; the bits of its last leaf, 0 for the only.
        self._given, self._last_step, self._last_leaf = LONG_AGO, LONG_AGO, 0
        # Cycles in which the pipeline stood still: as the gate counts them, as the choice of bits does, and the stops between them.
        self._still, self._still_chosen = 0, 0
        self._stops: deque[tuple[int, int]] = deque()
        # Rows: when the latest passed, and when the latest were granted.
        self._passed = LONG_AGO
        self._grants = deque([LONG_AGO] * ROWS_IN_FLIGHT, maxlen=ROWS_IN_FLIGHT)

    def begin(self, words: Words, prepared: int, start: int) -> None:
        """A layer: constants are there in cycle ``prepared``, and it starts in cycle ``start``."""
        self._words, self._rows, self._read, self._row = words.words, words.rows, 0, 0
        self._behind = words.behind
        self._prepared, self._earliest = prepared, start + START_TO_PASS
        self._pushed += self._header
        if not words.rows:
            self._choose(words.words)
            self.closed = self._pass(self._last_step + self._to_gate, self._earliest) + 1

    def ready(self) -> int:
        """The first cycle in which the next row may be granted, as far as the lane is concerned. All rows before have been granted."""
        row = self._row
        if row == 0:
            self._pass_row(0, 1)
        row += 1
        if row < len(self._rows):
            self._row = row
            return self._pass_row(row, 0) + self._to_grant
        # The tile's last row is complete with the lane's last bit.
        if self._read < len(self._words):
            self._choose(self._words[self._read :])
        self._pushed += self._behind
        self._read = self._row = 0
        self.closed = self._last_step + self._to_gate + self._still + 1
        return self.closed + self._to_grant

    def granted(self, cycle: int) -> None:
        """The row that was asked for is granted."""
        self._grants.append(cycle)

    # --- the gate -----------------------------------------------------------------------------------------------------

    def _pass_row(self, row: int, granted: int) -> int:
        """When the first bit of this row of the tile passes; ``granted``: 1 where the row before has been granted, or 0.

        The gate's count of rows is a cycle old: it lacks a row that has passed just before.
        """
        upto, behind = self._rows[row]
        if upto > self._read:
            self._choose(self._words[self._read : upto])
            self._read = upto
        step = self._last_step + 1 - behind + self._to_gate
        cycle = step + self._still
        room = self._grants[2 - granted] + GRANT_TO_GATE
        if room > cycle and self._passed == cycle - 1 and self._grants[1 - granted] + GRANT_TO_GATE <= cycle:
            room = cycle
        if room < self._earliest:
            room = self._earliest
        if room > cycle:
            cycle = self._pass(step, room)
        self._passed = cycle
        return cycle

    def _pass(self, step: int, earliest: int) -> int:
        wait = earliest - step - self._still
        if wait > 0:
            self._still += wait
            self._stops.append((step, self._still))
        return step + self._still

    # --- the choice of bits -------------------------------------------------------------------------------------------

    def _choose(self, words: Iterable[Word]) -> None:
        """These words come to work, one after the other. What makes their steps wait has been asked for.

        Conditions stand where `max` would be shorter: most of a prediction is spent here.
        """
        pushed, popped, given, last_step, last = (
            self._pushed,
            self._popped,
            self._given,
            self._last_step,
            self._last_leaf,
        )
        still, stops, prepared = self._still_chosen, self._stops, self._prepared
        stop = stops[0][0] if stops else NEVER
        for steps, bits, last_leaf in words:
            # The word before gave its last leaf when the last bit before it was chosen, and has ended with its last bit.
            taken = given
            if last:
                while stop <= last_step - last:
                    still = stops.popleft()[1]
                    stop = stops[0][0] if stops else NEVER
                taken = last_step - last + still
            while stop <= last_step:
                still = stops.popleft()[1]
                stop = stops[0][0] if stops else NEVER
            ended = last_step + still
            # Into the queue, out of it, and to its first leaf.
            pushed += steps
            room = popped[0] + 1
            if room > pushed:
                pushed = room
            left = pushed + 1
            if taken > left:
                left = taken
            popped.append(left)
            given = left + 1
            if ended > given:
                given = ended
            # Its first bit is chosen in the first step of a later cycle; steps before it choose nothing.
            waits = given if given > prepared else prepared
            last_step += 1
            while stop <= last_step or last_step + still <= waits:
                if stop <= last_step:
                    still = stops.popleft()[1]
                    stop = stops[0][0] if stops else NEVER
                else:
                    last_step = min(waits + 1 - still, stop)
            last_step += bits - 1
            last = last_leaf
        self._pushed, self._given, self._last_step, self._last_leaf, self._still_chosen = (
            pushed,
            given,
            last_step,
            last,
            still,
        )

    # --- between groups -----------------------------------------------------------------------------------------------

    def primed(self, layers: Sequence[Words], prepared: int) -> int:
        """The first cycle in which the lane stands ready for the next group, whose constants are there in cycle ``prepared``.

        Bits are chosen until the first one stands at the gate, and words are read until the queue is full and one more waits.
        """
        ahead = copy(self)
        ahead._popped, ahead._stops, ahead._prepared = self._popped.copy(), self._stops.copy(), prepared
        words = program_words(layers, self._header)
        word, ends = next(words)
        ahead._choose([word])
        waits = ahead._last_step + 1 - word[1] + self._to_gate  # the step in which the first bit would pass
        given = chosen = (
            True  # whether the word at work gives its first leaf before; whether its bits are chosen as far as steps go
        )
        while (chosen and ahead._last_step - ahead._last_leaf < waits) if ahead._last_leaf else given:
            given = chosen and ahead._last_step < waits
            chosen = given and not ends
            word, ends = next(words)
            ahead._choose([word])
        pushed = ahead._pushed
        for popped in ahead._popped:
            pushed = max(pushed + next(words)[0][0], popped + 1)
        return max(waits + ahead._still, pushed + next(words)[0][0])

    # --- what comes again ---------------------------------------------------------------------------------------------

    def state(self, cycle: int) -> tuple[Any, ...]:
        """All that tells what comes next, relative to ``cycle``, between two tiles. What is over by then counts alike, however long ago."""
        step, pushed = self._last_step, self._pushed
        chosen = step + self._still_chosen
        return (
            pushed - cycle, self._given - cycle, chosen - cycle, self._last_leaf,
            self._still - self._still_chosen, max(self._passed - chosen, 0),
            *(max(popped - pushed, 0) for popped in self._popped), *(max(grant - chosen, 0) for grant in self._grants),
            *((at - step, still - self._still) for at, still in self._stops),
        )  # fmt: skip

    def later(self, cycles: int) -> LaneTime:
        """The same, so many cycles later."""
        lane = copy(self)
        lane.closed += cycles
        lane._pushed += cycles
        lane._given += cycles
        lane._passed += cycles
        lane._still += cycles
        lane._still_chosen += cycles
        lane._popped = deque((popped + cycles for popped in self._popped), maxlen=FIFO_WORDS)
        lane._stops = deque((step, still + cycles) for step, still in self._stops)
        lane._grants = deque((grant + cycles for grant in self._grants), maxlen=ROWS_IN_FLIGHT)
        return lane
