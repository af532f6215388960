"""Depths and distances of the pipeline, in clock cycles. The hardware is built to them and the prediction computes with them."""

from __future__ import annotations

from dataclasses import dataclass

from .config import ArrayConfig

FIFO_WORDS = 16
"""Non-empty mask words held between a lane's decoder and its issue stage."""

ROWS_IN_FLIGHT = 16
"""Rows a lane may have begun without their results being collected."""

HEADER_BUBBLES = 2
"""Empty positions of the decoder's pipeline behind a layer's header words."""

TURNAROUND = 2
"""From the end of a group to the earliest start of the next."""

PRIMED_TO_START = 3
"""From the cycle in which the last lane stands primed to the earliest start of a group."""

SAMPLE_GAP = 1
"""Cycles without TREADY after the last beat of each input sample, in which its length is checked."""

END_TO_FIRST_OUTPUT = 4
"""From the end of a group to its first output beat."""

TILE_TURN = 2
"""From the collection of a tile's last result to that of the next tile's first, at least."""

WHOLE_ROW = 5
"""From the collection of a row's last part until the collector gives the row out."""

STEADY_GROUPS = 3
"""Groups after which the interval between two is that of the steady state."""

SILENCE = 512
"""More than the cycles between two signs of progress that are neither decoding nor issue: writing a result, and the pipelines' length."""


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Distances that depend on what the array can do.

    issue_to_result : from the issue of a row's first weight until the previous row's result can be collected
    tail_to_result : from the issue of a lane's last weight in a tile until its result can be collected
    requantize : from a whole row to its activations
    collect_to_start : from the collection of a layer's last result to the start of the next layer, whose first read sees what was
        written; with strips it holds for one write per result, and every further one takes a cycle
    collect_to_end : the same to the end of the group, when the last output is written
    last_beat_to_start : from the acceptance of a group's last input beat (with strips: the last write of the sample's last element) to
        the earliest start of the group
    """

    issue_to_result: int
    tail_to_result: int
    requantize: int
    collect_to_start: int
    collect_to_end: int
    last_beat_to_start: int


def timing(config: ArrayConfig) -> Timing:
    """The distances of an array of that (sized) configuration."""
    if not config.strips:
        return Timing(
            issue_to_result=7, tail_to_result=8, requantize=9, collect_to_start=12, collect_to_end=14, last_beat_to_start=3
        )  # fmt: skip
    requantize = 9 + int(bool(config.slopes)) + 2 * int(bool(config.table_depth))
    return Timing(
        issue_to_result=8, tail_to_result=9, requantize=requantize, collect_to_start=WHOLE_ROW + requantize + 2,
        collect_to_end=WHOLE_ROW + requantize + 4, last_beat_to_start=2,
    )  # fmt: skip


def longest_silence(config: ArrayConfig) -> int:
    """Cycles that no network on that (sized) array works without a sign of progress: a layer's start, a result collected, a group's end.

    Between two results a lane decodes and issues what is left of one row: every mask word at most once, and every weight at most once.
    Before a layer starts, its predecessor's last result is written, at most 256 times. Before a group starts, every lane's queue is filled
    again: a word is found at least every ``mask_depth`` words and the wait behind a header, and the queue, the words at work and the one
    before a full queue are fewer than ``FIFO_WORDS`` + 4.
    """
    return (FIFO_WORDS + 4) * (config.mask_depth + HEADER_BUBBLES) + config.weight_depth + SILENCE
