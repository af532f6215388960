"""Sums and maxima across the columns, and rows that pass as they are."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from tests.hw.bench import joined, layout_of, parted, simulate, to_signed

from zeroskip.contracts.timing import across_levels
from zeroskip_hw.results.across import Across

BITS = 24


@pytest.mark.parametrize("columns", [2, 3, 4, 7, 8])
@pytest.mark.parametrize("maximum", [False, True])
def test_column_0_has_them_all(columns: int, maximum: bool) -> None:
    layout = layout_of(columns=columns, acc_bits=BITS, maximum=maximum, across=True)
    rng, dut = Random(columns), Across(layout)
    assert across_levels(layout) == (columns - 1).bit_length()
    rows = [[rng.randint(-(1 << 19), (1 << 19) - 1) for _ in range(columns)] for _ in range(20)]

    async def bench(ctx: Any) -> None:
        for across in (0, 1):
            for largest in (0, 1) if maximum else (0,):
                ctx.set(dut.across, across)
                if maximum:
                    ctx.set(dut.maximum, largest)
                for number, row in enumerate([*rows, *[[0] * columns] * across_levels(layout)]):
                    ctx.set(dut.total, joined(row, BITS))
                    if (at := number - across_levels(layout)) >= 0:
                        wanted = list(rows[at])
                        if across:
                            wanted[0] = max(wanted) if largest else sum(wanted)
                        assert [to_signed(v, BITS) for v in parted(ctx.get(dut.result), columns, BITS)] == wanted
                    await ctx.tick()

    simulate(dut, bench)
