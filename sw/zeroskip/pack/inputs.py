"""Images of the loader: rows of the input, and the lanes that store its channels."""

from __future__ import annotations

from collections.abc import Iterator

from zeroskip.contracts.graph import INPUT
from zeroskip.contracts.layout import Layout
from zeroskip.schedule import Schedule
from zeroskip.schedule.lanes.loading import Loading, loading

from .results import lane_bits


def input_rows(layout: Layout, plan: Schedule) -> Iterator[int]:
    """Of every sample of a group, its rows."""
    stored = plan.plan.tensors[INPUT]
    channels, height, width = stored.shape
    how, samples = _loading(layout, plan), layout.group_samples
    for sample in range(samples):
        for number, (write,) in enumerate(plan.plan.input_writes):
            last = number == height - 1
            yield layout.input_row.encode({
                "last": last and sample == samples - 1, "sample_last": last,
                "columns": write.mask if layout.config.strips else 1 << sample, "base": write.row * stored.y_step,
                "width": width - 1, "channels": channels - 1, "elements": how.elements - 1, "by_channel": how.by_channel,
                "x_step": stored.x_step % (1 << layout.operand_bits),  # one that is never taken may be larger than an address
            })  # fmt: skip


def channels(layout: Layout, plan: Schedule) -> Iterator[int]:
    """Of every step through a pixel that there may be, where its elements go."""
    hosting, how = plan.plan.tensors[INPUT].hosting, _loading(layout, plan)
    count = len(hosting.slots)
    nothing = {f"{name}{i}": 0 for i in range(layout.config.load_elements) for name in ("lanes", "offset")}
    for begin in how.begins(count):
        step = dict(nothing)
        for i in range(min(how.elements, count - begin)):
            step |= {f"lanes{i}": lane_bits(hosting.lanes[begin + i]), f"offset{i}": int(hosting.slots[begin + i])}
        yield layout.channel.encode(step)


def _loading(layout: Layout, plan: Schedule) -> Loading:
    return loading(plan.plan, layout.config.load_elements, layout.config.stream_elements)
