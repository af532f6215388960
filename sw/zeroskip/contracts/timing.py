"""Distances in the array, in clock cycles. The hardware is built to them and the prediction computes with them."""

from __future__ import annotations

from .config import ArrayConfig
from .layout import Layout

FIFO_WORDS = 16
"""Non-empty mask words that a lane holds between reading them and choosing their bits."""

ROWS_IN_FLIGHT = 16
"""Rows a lane may have begun without their results being collected."""

TURNAROUND = 2
"""From the end of a group to the earliest start of the next."""

END_TO_FIRST_OUTPUT = 4
"""From the end of a group to its first output beat."""

TILE_TURN = 2
"""From the collection of a tile's last result to that of the next tile's first, at least."""

STEADY_GROUPS = 3
"""Groups after which the interval between two is that of the steady state."""

SILENCE = 512
"""More than the cycles between two signs of progress that are neither decoding nor issue: writing a result, and the pipelines' length."""

SHARE_STAGES = 2
"""From the address of an activation to its word: memory, register."""

WEIGHT_STAGES = 3
"""From a weight's address into the multiplier: memory, register, and the multiplier's own."""

WORD_TO_QUEUE = 3
"""From the address of a mask word, or of a header's part, until it may enter the queue of words."""

HEADER_TO_WORDS = 2
"""Positions of that pipeline between a layer's header and its first word."""

START_TO_PASS = 2
"""From a layer's start until its first weight may pass the gate."""

ISSUE_TO_GRANT = 3
"""From a row's first operands at the multiplier until the row before may be granted, whose sum they complete: the multiplier's second
register, the announcement of the sum, and its count in the merge."""

GRANT_TO_GATE = 3
"""From a grant until the gate counts the row no more: the broadcast, the count, and the decision a cycle ahead."""

START_TO_GRANT = 3
"""From a layer's start until its first row may be granted: the walk over the rows, its memory, a register."""

CLOSED_TO_CONSTANTS = 7
"""From all lanes being closed until the next layer's constants are there, beside one cycle for each of their parts."""

PRIMED_TO_START = 3
"""From all lanes being primed to the start of a group: two registers, and that of the start."""

LOADED_TO_START = 3
"""From a group's last element at the loader to its start: two registers until the half's flag, and that of the start."""

INPUT_ROW_PAUSE = 3
"""Cycles in which the loader takes no element, before each row of the input."""


def turn_stages(layout: Layout) -> int:
    """From the word of activations to the operands."""
    return layout.far_levels + (0 if layout.config.columns == 1 else 1)


def grant_to_sums(layout: Layout) -> int:
    """From a grant at the lane to its sums."""
    return 2 if layout.config.block_queue else 1


def tree_levels(layout: Layout) -> int:
    """Adders between a lane's sum and the whole row, one register behind each."""
    return (layout.config.lanes - 1).bit_length()


def across_levels(layout: Layout) -> int:
    """From a row's sums to those of all columns; 0 where the array cannot add them."""
    return (layout.config.columns - 1).bit_length() if layout.config.across else 0


def operand_stages(layout: Layout) -> int:
    """From a tap's number to its address: tap memory, register, sum, comparison, strip; two for each level of farther turns."""
    return 5 + 2 * layout.far_levels


def pick_to_gate(layout: Layout) -> int:
    """Steps of the elastic pipeline from the choice of a bit to its passing the gate: choice, three for rows, those for operands."""
    return 1 + 3 + operand_stages(layout)


def pass_to_issue(layout: Layout) -> int:
    """From the gate to the operands' arrival at the multiplier, whose first register is the last of these stages."""
    return SHARE_STAGES + turn_stages(layout) + 1


def grant_to_total(layout: Layout) -> int:
    """From the decision to grant a row to its sum over all lanes and, where wanted, columns."""
    return 1 + grant_to_sums(layout) + tree_levels(layout) + across_levels(layout)


def requantize_stages(layout: Layout) -> int:
    """From a whole row to its activations."""
    return 9 + int(bool(layout.config.slopes)) + 2 * int(bool(layout.config.table_depth))


WRITTEN_TO_START = 5
"""From the last write of a layer at the writer to the start of the next layer, whose first operand's address waits for it: four cycles of
the writer, two registers, the memory, less the two from the start to the read."""

WRITTEN_TO_END = 4
"""From the last write of the last layer at the writer to the end of the group: the output buffer has it."""


def longest_silence(config: ArrayConfig) -> int:
    """Cycles that no network on that (sized) array works without a sign of progress: a layer's start, a result collected, a group's end.

    Between two results a lane decodes and issues what is left of one row: every mask word at most once, and every weight at most once.
    Before a layer starts, its predecessor's last result is written, at most 256 times. Before a group starts, every lane's queue is filled
    again: a word is found at least every ``mask_depth`` words and the wait behind a header, and the queue, the words at work and the one
    before a full queue are fewer than ``FIFO_WORDS`` + 4.
    """
    return (FIFO_WORDS + 4) * (config.mask_depth + HEADER_TO_WORDS) + config.weight_depth + SILENCE
