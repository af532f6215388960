"""The multiplier in Amaranth's simulator; tests/sim/cells has its Verilog, with and without the part's own cell."""

from __future__ import annotations

import gc
import itertools
from typing import Any

import pytest
from tests.hw.bench import simulate

from zeroskip_hw.primitives.multiplier import Multiplier


def test_the_product_follows_by_two_cycles() -> None:
    dut = Multiplier(5, 4, 7)
    pairs = list(itertools.product(range(-16, 16), range(-8, 8)))

    async def bench(ctx: Any) -> None:
        for number in range(len(pairs) + 2):
            if number < len(pairs):
                ctx.set(dut.a, pairs[number][0])
                ctx.set(dut.b, pairs[number][1])
            if number >= 2:
                a, b = pairs[number - 2]
                assert ctx.get(dut.product) & 0x7F == (a * b) & 0x7F
            await ctx.tick()

    simulate(dut, bench)


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
@pytest.mark.parametrize("a, b, product", [(19, 8, 20), (9, 19, 20), (9, 8, 18)])
def test_what_no_family_can_do_is_refused(a: int, b: int, product: int) -> None:
    with pytest.raises(
        ValueError, match=rf"^operands have at most 18 bits and a product as many as both, not {a}, {b}, {product}$"
    ):
        Multiplier(a, b, product)
    # Its remains warn that they were never used: here, not in some later test.
    gc.collect()
