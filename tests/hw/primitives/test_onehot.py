"""Logic of few bits, for every value of them."""

from __future__ import annotations

from typing import Any

import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator

from zeroskip_hw.primitives.onehot import at_most_one, chosen, exceeds, index_of, without_lowest


def simulate(m: Module, bench: Any) -> None:
    """Without a clock."""
    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.parametrize("bits", [1, 2, 5, 8])
def test_lowest_bit_and_others(bits: int) -> None:
    m, value = Module(), Signal(bits)
    rest, lowest, few = Signal(bits), Signal(bits), Signal()
    index, number = Signal(range(max(2, bits))), Signal(8)
    m.d.comb += [
        rest.eq(without_lowest(value)), lowest.eq(value & ~rest), few.eq(at_most_one(value)),
        index.eq(index_of(lowest)), number.eq(chosen(lowest, [Signal(8, init=7 * i + 3) for i in range(bits)])),
    ]  # fmt: skip

    async def bench(ctx: Any) -> None:
        for given in range(1 << bits):
            ctx.set(value, given)
            bit = given & -given
            assert (ctx.get(rest), ctx.get(lowest)) == (given - bit, bit)
            assert ctx.get(few) == (given.bit_count() <= 1)
            place = bit.bit_length() - 1
            assert (ctx.get(index), ctx.get(number)) == ((place, 7 * place + 3) if given else (0, 0))

    simulate(m, bench)


@pytest.mark.parametrize("bits_a, bits_b", [(1, 1), (4, 3), (2, 4), (3, 3)])
def test_exceeds(bits_a: int, bits_b: int) -> None:
    m, a, b, found = Module(), Signal(bits_a), Signal(bits_b), Signal()
    m.d.comb += found.eq(exceeds(a, b))

    async def bench(ctx: Any) -> None:
        for left in range(1 << bits_a):
            for right in range(1 << bits_b):
                ctx.set(a, left)
                ctx.set(b, right)
                assert ctx.get(found) == (left > right), f"{left} and {right}"

    simulate(m, bench)
