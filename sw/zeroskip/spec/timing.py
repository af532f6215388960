"""Depths and distances of the pipeline, in clock cycles. The hardware is built to them and the prediction computes with them."""

FIFO_WORDS = 16
"""Non-empty mask words held between a lane's decoder and its issue stage."""

ROWS_IN_FLIGHT = 16
"""Rows a lane may have begun without their results being collected."""

HEADER_BUBBLES = 2
"""Empty positions of the decoder's pipeline behind a layer's header words."""

ISSUE_TO_RESULT = 7
"""From the issue of a row's first weight until the previous row's result can be collected."""

TAIL_TO_RESULT = 8
"""From the issue of a lane's last weight in a layer until its result can be collected."""

COLLECT_TO_START = 12
"""From the collection of a layer's last result to the start of the next layer, whose first read sees what was written."""

COLLECT_TO_END = 14
"""From the collection of a group's last result until it is written, which ends the group."""

TURNAROUND = 2
"""From the end of a group to the earliest start of the next."""

PRIMED_TO_START = 3
"""From the cycle in which the last lane stands primed to the earliest start of a group."""

LAST_BEAT_TO_START = 3
"""From the acceptance of a group's last input beat to the earliest start of the group."""

SAMPLE_GAP = 1
"""Cycles without TREADY after the last beat of each input sample, in which its length is checked."""

END_TO_FIRST_OUTPUT = 4
"""From the end of a group to its first output beat."""
