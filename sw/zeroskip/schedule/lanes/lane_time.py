"""When one lane's sums may be granted."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from copy import copy
from typing import Any

from zeroskip.contracts.channel_timing import (
    GRANT_TO_GATE,
    HEADER_TO_WORDS,
    ISSUE_TO_GRANT,
    START_TO_PASS,
    WORD_TO_QUEUE,
    pass_to_issue,
    pick_to_gate,
)
from zeroskip.contracts.channels import ChannelLayout
from zeroskip.contracts.timing import FIFO_WORDS, ROWS_IN_FLIGHT

from .words import Words, program_words

LONG_AGO = -(10**9)


class LaneTime:
    """Follows one lane through layers, tiles and rows; times are clock cycles since reset.

    The pipeline from the choice of a bit to the gate moves as a whole, so that distances within it are counted in its steps: step k takes
    place in cycle k + the cycles in which it stood still before. It stands still only where a row's first bit waits at the gate, or a
    layer's. A bit that is chosen in one step passes the gate ``pick_to_gate`` steps later.

    closed : the first cycle in which the lane is closed behind the latest layer
    """

    def __init__(self, layout: ChannelLayout) -> None:
        self._to_gate = pick_to_gate(layout)
        self._to_grant = pass_to_issue(layout) + ISSUE_TO_GRANT
        self._header = layout.header_words + HEADER_TO_WORDS
        self.closed = 0
        # The queue of words: when the latest entered it, and when the latest left; the oldest of these made room for the next to enter.
        self._pushed = WORD_TO_QUEUE - 1
        self._popped = deque([LONG_AGO] * FIFO_WORDS, maxlen=FIFO_WORDS)
        # The word at work: when its first byte was given; the step that chooses its last bit; the bits in its last byte, 0 for the only.
        self._given, self._last_step, self._last_byte = LONG_AGO, LONG_AGO, 0
        # Cycles in which the pipeline stood still: so far at the gate, so far at the choice of bits, and those that come there yet.
        self._still, self._still_chosen = 0, 0
        self._stops: deque[tuple[int, int]] = deque()
        # Rows: when the latest passed, and when the latest were granted.
        self._passed = LONG_AGO
        self._grants = deque([LONG_AGO] * ROWS_IN_FLIGHT, maxlen=ROWS_IN_FLIGHT)

    # --- layers -------------------------------------------------------------------------------------------------------

    def begin(self, words: Words, prepared: int, start: int) -> None:
        """A layer: constants are there in cycle ``prepared``, and it starts in cycle ``start``."""
        self._words, self._prepared, self._earliest = words, prepared, start + START_TO_PASS
        self._word, self._row, self._gap = -1, 0, self._header
        if not words.firsts:
            self.closed = self._pass(0, self._earliest) + 1

    def ready(self) -> int:
        """The first cycle in which the next row may be granted, as far as the lane is concerned. All rows before have been granted."""
        firsts = self._words.firsts
        if self._row == 0:
            self._pass_row(0, granted=1)
        self._row += 1
        if self._row < len(firsts):
            return self._pass_row(firsts[self._row], granted=0) + self._to_grant
        passed = self._pass(self._words.begins[-1] - 1, LONG_AGO)
        self._word, self._row = -1, 0
        self.closed = passed + 1
        return passed + 1 + self._to_grant

    def granted(self, cycle: int) -> None:
        self._grants.append(cycle)

    # --- the gate -----------------------------------------------------------------------------------------------------

    def _pass_row(self, bit: int, granted: int) -> int:
        """When this bit, a row's first, passes; ``granted``: whether the row before has been granted.

        The gate's count of rows is a cycle old: it lacks a row that has passed just before.
        """
        cycle = self._step_of(bit) + self._to_gate + self._still
        room = self._grants[2 - granted] + GRANT_TO_GATE
        if self._passed == cycle - 1 and self._grants[1 - granted] + GRANT_TO_GATE <= cycle:
            room = cycle
        self._passed = self._pass(bit, max(room, self._earliest))
        return self._passed

    def _pass(self, bit: int, earliest: int) -> int:
        step = self._step_of(bit) + self._to_gate
        wait = earliest - step - self._still
        if wait > 0:
            self._still += wait
            self._stops.append((step, self._still))
        return step + self._still

    # --- the choice of bits -------------------------------------------------------------------------------------------

    def _step_of(self, bit: int) -> int:
        """The step that chooses this bit of the tile."""
        begins = self._words.begins
        while begins[self._word + 1] <= bit:
            self._word += 1
            number = self._word
            self._next_word(self._words.gaps[number] + self._gap, begins[number + 1] - begins[number], self._words.last[number])
            self._gap = 0
        return self._last_step - (begins[self._word + 1] - 1 - bit)

    def _next_word(self, gap: int, bits: int, last_byte: int) -> None:
        """A word of so many ``bits`` comes to work; ``gap`` positions of the mask memory hold none before it."""
        taken = self._cycle(self._last_step - self._last_byte) if self._last_byte else self._given
        ended = self._cycle(self._last_step)
        self._pushed = max(self._pushed + 1 + gap, self._popped[0] + 1)
        popped = max(self._pushed + 1, taken)
        self._popped.append(popped)
        self._given = max(popped + 1, ended)
        self._last_step = self._step_from(max(self._given, self._prepared) + 1) + bits - 1
        self._last_byte = last_byte

    def _cycle(self, step: int) -> int:
        """In which a step of the choice takes place; steps are asked for in ascending order."""
        while self._stops and self._stops[0][0] <= step:
            self._still_chosen = self._stops.popleft()[1]
        return step + self._still_chosen

    def _step_from(self, cycle: int) -> int:
        """The first step behind the latest chosen bit that takes place in ``cycle`` or later; the steps between choose nothing."""
        step = self._last_step + 1
        while self._cycle(step) < cycle:
            step = cycle - self._still_chosen
            if self._stops:
                step = min(step, self._stops[0][0])
        return step

    # --- between groups -----------------------------------------------------------------------------------------------

    def primed(self, layers: Sequence[Words], prepared: int) -> int:
        """The first cycle in which the lane stands ready for the next group, whose constants are there in cycle ``prepared``.

        Bits are chosen until the first one stands at the gate, and words are read until the queue is full and one more waits.
        """
        ahead = copy(self)
        ahead._popped, ahead._stops = self._popped.copy(), self._stops.copy()
        ahead._prepared, ahead._gap = prepared, 0
        words = program_words(layers, self._header)
        gap, bits, last, ends = next(words)
        ahead._next_word(gap, bits, last)
        first = ahead._last_step - bits + 1
        full = first + self._to_gate  # the first step that does not take place
        chosen, given = True, True  # whether the word's bits are chosen as far as the pipeline holds them; whether its first byte is given
        while (chosen and ahead._last_step - last < full) if last else given:
            given = chosen and ahead._last_step < full
            chosen = given and not ends
            gap, bits, last, ends = next(words)
            ahead._next_word(gap, bits, last)
        pushed = ahead._pushed
        for popped in ahead._popped:
            pushed = max(pushed + 1 + next(words)[0], popped + 1)
        return max(full + ahead._still, pushed + 1 + next(words)[0])

    def state(self, cycle: int) -> tuple[Any, ...]:
        """All that tells what comes next, relative to ``cycle``, where a tile ends."""
        step = self._last_step
        return (
            self._pushed - cycle, self._given - cycle, self._passed - cycle, self._last_byte,
            step + self._still - cycle, self._still - self._still_chosen,
            *(popped - cycle for popped in self._popped), *(grant - cycle for grant in self._grants),
            *((at - step, still - self._still) for at, still in self._stops),
        )  # fmt: skip

    def later(self, cycles: int) -> None:
        """Everything so far takes place so many cycles later."""
        self._pushed += cycles
        self._given += cycles
        self._passed += cycles
        self.closed += cycles
        self._still += cycles
        self._still_chosen += cycles
        self._stops = deque((at, still + cycles) for at, still in self._stops)
        self._popped = deque((popped + cycles for popped in self._popped), maxlen=FIFO_WORDS)
        self._grants = deque((grant + cycles for grant in self._grants), maxlen=ROWS_IN_FLIGHT)
