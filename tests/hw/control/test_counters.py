"""The counters against the cycles in which their events happened."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from tests.hw.bench import simulate

from zeroskip_hw.control.counters import Counters


@pytest.mark.parametrize("first, lasts", [(3, [5, 6]), (0, [2, 3, 4]), (2, [40]), (5, [17, 30, 90, 91]), (7, [])])
@pytest.mark.parametrize("dropped", [0, 1, 3])
def test_latency_interval_groups(first: int, lasts: list[int], dropped: int) -> None:
    """Samples that are dropped before the first that is accepted, and beginnings of samples behind it."""
    rng = Random(first)
    first += 4 * dropped
    lasts = [last + 4 * dropped for last in lasts]
    begins = {first, *(4 * i + rng.randrange(4) for i in range(dropped))}
    dut = Counters()

    async def bench(ctx: Any) -> None:
        for cycle in range(120):
            ctx.set(dut.first, cycle in begins or (cycle > first + 1 and rng.random() < 0.2))
            ctx.set(dut.accepted, cycle == first + 1 or (cycle > first + 1 and rng.random() < 0.2))
            ctx.set(dut.last, cycle in lasts)
            await ctx.tick()
        assert ctx.get(dut.groups) == len(lasts)
        if lasts:
            assert ctx.get(dut.latency) == lasts[0] - first
        assert ctx.get(dut.interval) == (lasts[-1] - lasts[-2] if len(lasts) > 1 else 0)

    simulate(dut, bench)
