"""A lane's share of the activations against two plain memories."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
from tests.hw.bench import joined, layout_of, parted, simulate

from zeroskip.contracts.layout import Layout
from zeroskip.contracts.timing import SHARE_STAGES
from zeroskip_hw.activations.share import Share

WRITE_TO_READ = 2
"""Cycles from a write until an address finds it."""


@dataclass(frozen=True)
class Write:
    """here : number of the result or element that is this lane's, None where all are others'"""

    here: int | None
    columns: int
    half: int
    addresses: list[int]
    data: list[list[int]]


def random_write(rng: Random, layout: Layout, count: int, depth: int, columns: int) -> Write:
    """columns : of each datum"""
    return Write(
        rng.choice([None, *range(count)]), rng.getrandbits(layout.config.columns), rng.randrange(2),
        [rng.randrange(depth) for _ in range(count)], [[rng.randrange(256) for _ in range(columns)] for _ in range(count)],
    )  # fmt: skip


def written(memory: dict[int, list[int]], write: Write, address: int, columns: int) -> None:
    assert write.here is not None
    data = write.data[write.here]
    word = memory.setdefault(address, [0] * columns)
    memory[address] = [
        data[column % len(data)] if write.columns >> column & 1 else word[column] for column in range(columns)
    ]


@pytest.mark.parametrize("epilogues, elements, columns", [(1, 1, 1), (2, 1, 3), (1, 4, 2), (4, 8, 5), (2, 2, 8)])
@pytest.mark.parametrize("seed", range(4))
def test_reads_what_was_written(epilogues: int, elements: int, columns: int, seed: int) -> None:
    """A write of either memory and a read in every cycle; what is meant for other lanes changes nothing."""
    rng = Random(seed)
    layout = layout_of(
        columns=columns, epilogues=epilogues, load_elements=elements, stream_bits=64, hidden_depth=20, input_depth=9
    )
    dut, c = Share(layout), layout.config
    hidden: dict[int, list[int]] = {}
    halves: dict[int, list[int]] = {}
    coming: dict[int, list[tuple[dict[int, list[int]], int, Write]]] = {}
    expected: dict[int, list[int]] = {}

    def give(ctx: Any, port: Any, here: Any, write: Write, bits: int, on: bool) -> None:
        ctx.set(here, 0 if write.here is None else 1 << write.here)
        ctx.set(port.enable, write.columns if on else 0)
        ctx.set(port.address, joined(write.addresses, bits))
        ctx.set(port.data, joined(byte for data in write.data for byte in data))

    async def bench(ctx: Any) -> None:
        for phase in range(6):
            from_input, half = phase % 2, phase // 2 % 2
            ctx.set(dut.from_input, from_input)
            ctx.set(dut.half, half)
            for cycle in range(150):
                now = 150 * phase + cycle
                for memory, address, write in coming.pop(now, []):
                    written(memory, write, address, columns)
                for port, here, count, depth, bits, width in (
                    (dut.hidden, dut.hidden_here, epilogues, c.hidden_depth, layout.operand_bits, columns),
                    (dut.input, dut.input_here, elements, c.input_depth, layout.half_bit, 1),
                ):
                    write, on = random_write(rng, layout, count, depth, width), rng.random() < 0.8
                    give(ctx, port, here, write, bits, on)
                    is_input = port is dut.input
                    if is_input:
                        ctx.set(dut.input.half, write.half)
                    if on and write.here is not None:
                        address = write.addresses[write.here] + (write.half << layout.half_bit if is_input else 0)
                        memory = halves if is_input else hidden
                        coming.setdefault(now + WRITE_TO_READ, []).append((memory, address, write))
                if cycle >= SHARE_STAGES + 1 and now in expected:
                    assert parted(ctx.get(dut.data), columns) == expected[now], f"seed {seed}, cycle {now}"
                memory, offset = (halves, half << layout.half_bit) if from_input else (hidden, 0)
                address = rng.randrange(c.input_depth if from_input else c.hidden_depth)
                # A word that is being written is not read.
                busy = {a for m, a, _ in coming.get(now + 1, []) if m is memory}
                ctx.set(dut.address, address)
                if address + offset not in busy:
                    expected[now + SHARE_STAGES] = list(memory.get(address + offset, [0] * columns))
                await ctx.tick()

    simulate(dut, bench)
