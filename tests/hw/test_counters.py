"""The counters against the cycles in which their events happened."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from tests.hw.bench import simulate

from zeroskip_hw.counters import Counters


@pytest.mark.parametrize("first, lasts", [(3, [4, 5]), (0, [1, 2, 3]), (2, [40]), (5, [17, 30, 90, 91]), (7, [])])
def test_latency_interval_groups(first: int, lasts: list[int]) -> None:
    rng = Random(first)
    dut = Counters()

    async def bench(ctx: Any) -> None:
        for cycle in range(100):
            ctx.set(dut.first, cycle == first or (cycle > first and rng.random() < 0.2))
            ctx.set(dut.last, cycle in lasts)
            await ctx.tick()
        assert ctx.get(dut.groups) == len(lasts)
        if lasts:
            assert ctx.get(dut.latency) == lasts[0] - first
        assert ctx.get(dut.interval) == (lasts[-1] - lasts[-2] if len(lasts) > 1 else 0)

    simulate(dut, bench)
