"""A lane's activations: two halves of the input, by bank and column, and the hidden ones beside them."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from tests.hw.bench import layout_of, simulate

from zeroskip_hw.store import Store, position_bits

READ = 3
"""Cycles from an address to its data."""


@pytest.mark.parametrize("stream_bits, columns", [(8, 1), (16, 3), (32, 1), (64, 2)])
@pytest.mark.parametrize("seed", range(3))
def test_reads_what_was_written(stream_bits: int, columns: int, seed: int) -> None:
    rng = Random(seed)
    layout = layout_of(stream_bits=stream_bits, columns=columns, input_depth=24, hidden_depth=16)
    banks, positions = stream_bits // 8, layout.beat_depth
    dut = Store(layout)
    inputs = {
        (half, a): [rng.randrange(256) for _ in range(columns)] for half in (0, 1) for a in range(banks * positions)
    }
    hidden = [rng.getrandbits(8 * columns) for _ in range(16)]

    def word(values: list[int]) -> int:
        return sum(value << (8 * i) for i, value in enumerate(values))

    async def bench(ctx: Any) -> None:
        # One column at a time, as samples come; banks at positions of their own.
        for half in (0, 1):
            for column in range(columns):
                orders = [rng.sample(range(positions), positions) for _ in range(banks)]
                for i in range(positions):
                    ctx.set(dut.input.enable, (1 << banks) - 1)
                    ctx.set(dut.input.column, 1 << column)
                    ctx.set(dut.input.half, half)
                    ctx.set(dut.input.position, sum(o[i] << (position_bits(layout) * b) for b, o in enumerate(orders)))
                    ctx.set(
                        dut.input.data, word([inputs[half, o[i] * banks + b][column] for b, o in enumerate(orders)])
                    )
                    await ctx.tick()
        ctx.set(dut.input.enable, 0)
        for address, data in enumerate(hidden):
            ctx.set(dut.hidden.enable, 1)
            ctx.set(dut.hidden.address, address)
            ctx.set(dut.hidden.data, data)
            await ctx.tick()
        ctx.set(dut.hidden.enable, 0)

        for half, from_input in ((0, 1), (1, 1), (0, 0)):
            ctx.set(dut.half, half)
            ctx.set(dut.from_input, from_input)
            depth = banks * positions if from_input else len(hidden)
            asked = [rng.randrange(depth) for _ in range(40)]
            for cycle in range(len(asked) + READ):
                if cycle >= READ:
                    address = asked[cycle - READ]
                    expected = word(inputs[half, address]) if from_input else hidden[address]
                    assert ctx.get(dut.data) == expected, (
                        f"half {half}, from input {from_input}, address {address}, seed {seed}"
                    )
                ctx.set(dut.address, asked[min(cycle, len(asked) - 1)])
                await ctx.tick()

    simulate(dut, bench)
