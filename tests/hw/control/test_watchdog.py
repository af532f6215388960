"""The watchdog against the longest silence and the longest layer of random histories."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from tests.hw.bench import simulate

from zeroskip_hw.control.watchdog import Watchdog

QUIET = {
    "working": 0,
    "progress": 0,
    "silence_limit": 5,
    "running": 0,
    "layer_ends": 0,
    "elapsed": 0,
    "layer_limit": 100,
    "fault": 0,
}


def watched(history: list[dict[str, int]]) -> int | None:
    """The cycle in which it expires, of one that begins with reset; checks that it does so once, and then halts."""
    dut = Watchdog()
    expired: list[int] = []

    async def bench(ctx: Any) -> None:
        for cycle, given in enumerate(history):
            for name, value in (QUIET | given).items():
                ctx.set(getattr(dut, name), value)
            assert ctx.get(dut.halt) == bool(expired), f"cycle {cycle}"
            if ctx.get(dut.expired):
                expired.append(cycle)
            await ctx.tick()

    simulate(dut, bench)
    assert len(expired) <= 1
    return expired[0] if expired else None


@pytest.mark.parametrize("limit", [0, 1, 2, 7])
@pytest.mark.parametrize("waits", [0, 3])
@pytest.mark.parametrize("silence", range(10))
def test_silence(limit: int, waits: int, silence: int) -> None:
    """Work between two signs of progress; what passes before it begins does not count."""
    work = {"working": 1, "silence_limit": limit}
    history = (
        [{"silence_limit": limit}] * waits
        + [work] * silence
        + [work | {"progress": 1}]
        + [{"silence_limit": limit}] * 5
    )
    assert watched(history) == (waits + limit + 1 if silence > limit else None)


@pytest.mark.parametrize("seed", range(20))
def test_only_silence_in_a_row_counts(seed: int) -> None:
    """Progress at random, and pauses in which a stream is waited for."""
    rng, limit = Random(seed), 6
    history, expected, silent = [], None, 0
    for cycle in range(300):
        working, progress = rng.random() < 0.95, rng.random() < 0.3
        history.append({"working": working, "progress": progress, "silence_limit": limit})
        if expected is None and silent > limit:
            expected = cycle
        silent = 0 if progress or not working else silent + 1
    assert watched(history) == expected


@pytest.mark.parametrize("took", range(5, 12))
def test_the_longest_layer(took: int) -> None:
    """A layer may take as many cycles as the limit says, and no more; before and behind it time does not count."""
    limit, free = 8, {"working": 1, "progress": 1, "layer_limit": 8}
    idle = [free | {"elapsed": 50 + i} for i in range(3)]
    layer = [free | {"running": 1, "elapsed": i or 53, "layer_ends": i in (0, took)} for i in range(took + 1)]
    assert watched(idle + layer + [free | {"elapsed": 60}] * 3) == (len(idle) + limit if took > limit else None)


def test_a_limit_that_is_lowered_during_the_layer() -> None:
    """It counts two cycles after it was set."""
    layer = [{"running": i > 1, "progress": 1, "elapsed": i, "layer_limit": 100 if i < 20 else 8} for i in range(30)]
    assert watched(layer) == 22


def test_a_fault() -> None:
    assert watched([{}] * 4 + [{"fault": 1}] + [{}] * 3 + [{"fault": 1}] * 2) == 4
