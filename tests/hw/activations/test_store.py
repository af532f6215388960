"""A lane's activations: two halves of the input, by bank and column, and the hidden ones beside them."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from tests.hw.bench import joined, layout_of, simulate

from zeroskip.contracts.layout import HIDDEN_MEMORY
from zeroskip_hw.activations.store import Store, position_bits

READ = 3
"""Cycles from an address to its data."""

HIDDEN = 16


@pytest.mark.parametrize("strips", [False, True], ids=["flat", "strips"])
@pytest.mark.parametrize("stream_bits, columns", [(8, 1), (16, 3), (32, 1), (64, 2), (32, 16)])
@pytest.mark.parametrize("seed", range(3))
def test_reads_what_was_written(strips: bool, stream_bits: int, columns: int, seed: int) -> None:
    """Samples come column by column, into all banks at positions of their own; strips as any columns of one bank."""
    rng = Random(seed)
    layout = layout_of(strips=strips, stream_bits=stream_bits, columns=columns, input_depth=24, hidden_depth=HIDDEN)
    banks, positions = stream_bits // 8, layout.beat_depth
    dut = Store(layout)
    inputs = {
        (half, a): [rng.randrange(256) for _ in range(columns)] for half in (0, 1) for a in range(banks * positions)
    }
    hidden = [[rng.randrange(256) for _ in range(columns)] for _ in range(HIDDEN)]

    async def write_samples(ctx: Any, half: int) -> None:
        for column in range(columns):
            orders = [rng.sample(range(positions), positions) for _ in range(banks)]
            for i in range(positions):
                ctx.set(dut.input.enable, (1 << banks) - 1)
                ctx.set(dut.input.column, 1 << column)
                ctx.set(dut.input.half, half)
                ctx.set(dut.input.position, joined([order[i] for order in orders], position_bits(layout)))
                ctx.set(dut.input.data, joined(inputs[half, o[i] * banks + b][column] for b, o in enumerate(orders)))
                await ctx.tick()

    async def write_strips(ctx: Any, half: int) -> None:
        """All columns of an address that hold the same value are written together, and none at first of any address."""
        for address in rng.sample(range(banks * positions), banks * positions):
            values = inputs[half, address]
            for value in [rng.randrange(256), *dict.fromkeys(values)]:
                mask = sum(1 << column for column, other in enumerate(values) if other == value)
                ctx.set(dut.input.enable, 1 << address % banks if mask else 0)
                ctx.set(dut.input.column, mask)
                ctx.set(dut.input.half, half)
                ctx.set(dut.input.position, joined([address // banks] * banks, position_bits(layout)))
                ctx.set(dut.input.data, joined([value] * banks))
                await ctx.tick()

    async def write_hidden(ctx: Any) -> None:
        """A flat array writes all columns at once, strips any of them; the others keep what they have."""
        for mask in [1 << column for column in range(columns)] if strips else [1]:
            for address, values in enumerate(hidden):
                ctx.set(dut.hidden.enable, mask)
                ctx.set(dut.hidden.address, address)
                noise = [rng.randrange(256) for _ in range(columns)]
                ctx.set(dut.hidden.data, joined(
                    value if not strips or mask >> i & 1 else other
                    for i, (value, other) in enumerate(zip(values, noise, strict=True))
                ))  # fmt: skip
                await ctx.tick()

    async def bench(ctx: Any) -> None:
        for half in (0, 1):
            await (write_strips if strips else write_samples)(ctx, half)
        ctx.set(dut.input.enable, 0)
        await write_hidden(ctx)
        ctx.set(dut.hidden.enable, 0)

        for half, from_input in ((0, 1), (1, 1), (0, 0)):
            ctx.set(dut.half, half)
            ctx.set(dut.from_input, from_input)
            depth = banks * positions if from_input else HIDDEN
            asked = [rng.randrange(depth) for _ in range(40)]
            for cycle in range(len(asked) + READ):
                if cycle >= READ:
                    address = asked[cycle - READ]
                    expected = inputs[half, address] if from_input else hidden[address]
                    where = f"half {half}, from input {from_input}, address {address}, seed {seed}"
                    assert ctx.get(dut.data) == joined(expected), where
                ctx.set(dut.address, asked[min(cycle, len(asked) - 1)])
                await ctx.tick()

    simulate(dut, bench)


@pytest.mark.parametrize("strips", [False, True], ids=["flat", "strips"])
@pytest.mark.parametrize("depth", [HIDDEN_MEMORY, HIDDEN_MEMORY + 1, 2 * HIDDEN_MEMORY + 700])
def test_a_hidden_buffer_of_several_memories(strips: bool, depth: int) -> None:
    """At the ends of each memory, one read per cycle in any order, while words are written elsewhere."""
    rng = Random(depth)
    dut = Store(layout_of(strips=strips, columns=2, hidden_depth=depth))
    edges = {0, depth - 1, *(m * HIDDEN_MEMORY + d for m in (1, 2) for d in (-1, 0)), *rng.sample(range(depth), 20)}
    addresses = sorted(address for address in edges if address < depth)
    stored = {address: [rng.randrange(256) for _ in range(2)] for address in addresses}

    async def bench(ctx: Any) -> None:
        ctx.set(dut.from_input, 0)
        for address, values in stored.items():
            ctx.set(dut.hidden.enable, 3 if strips else 1)
            ctx.set(dut.hidden.address, address)
            ctx.set(dut.hidden.data, joined(values))
            await ctx.tick()
        ctx.set(dut.hidden.enable, 0)
        asked = [rng.choice(addresses) for _ in range(200)]
        for i, address in enumerate([*asked, *[0] * READ]):
            if i >= READ:
                assert ctx.get(dut.data) == joined(stored[asked[i - READ]]), f"address {asked[i - READ]}, depth {depth}"
            ctx.set(dut.address, address)
            await ctx.tick()

    simulate(dut, bench)
