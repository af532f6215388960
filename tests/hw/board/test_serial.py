"""The two ends of the serial line."""

from __future__ import annotations

import gc
import random
from typing import Any

import pytest
from amaranth.hdl import Module
from tests.hw.bench import simulate

from zeroskip_hw.board.serial import Receiver, Transmitter


def levels(data: bytes, bit: float, *, stop: float = 1.0) -> list[tuple[int, float]]:
    """(level, cycles) of a line on which these bytes follow each other at once."""
    return [step for byte in data for step in ((0, bit), *((byte >> i & 1, bit) for i in range(8)), (1, stop * bit))]


def received(steps: list[tuple[int, float]], divisor: int) -> list[tuple[int, int]]:
    """(byte, broken) as a receiver gives them."""
    dut, got = Receiver(divisor), []

    async def drive(ctx: Any) -> None:
        now, cycles = 0.0, 0
        for level, length in steps:
            ctx.set(dut.line, level)
            now += length
            while cycles < now:
                await ctx.tick()
                cycles += 1
                if ctx.get(dut.valid):
                    got.append((ctx.get(dut.data), ctx.get(dut.broken)))
        for _ in range(12 * divisor):
            await ctx.tick()
            if ctx.get(dut.valid):
                got.append((ctx.get(dut.data), ctx.get(dut.broken)))

    simulate(dut, drive)
    return got


@pytest.mark.parametrize("divisor", [4, 5, 12, 27])
@pytest.mark.parametrize("drift", [0.97, 1.0, 1.03])
def test_every_byte_arrives_from_a_clock_that_is_off(divisor: int, drift: float) -> None:
    if divisor < 12:
        drift = 1.0  # a bit of four cycles is found to a quarter of a bit only
    data = bytes([0x00, 0xFF, 0x55, 0xAA, 0x5A, 0x01, 0x80]) + random.Random(divisor).randbytes(20)
    idle = [(1, 3.0)]
    assert received(idle + levels(data, divisor * drift), divisor) == [(byte, 0) for byte in data]


def test_a_byte_without_stop_bit_is_broken_and_the_next_one_is_whole() -> None:
    broken = [(0, 12.0 * 10), (1, 12.0)]
    assert received([(1, 3.0), *broken, *levels(b"\x5a", 12), (1, 12)], 12) == [(0, 1), (0x5A, 0)]


def test_a_line_that_is_low_from_the_begin_is_no_byte() -> None:
    assert received([(0, 300.0), (1, 30.0), *levels(b"\x42", 12)], 12) == [(0x42, 0)]


def test_a_spike_is_no_byte() -> None:
    assert received([(1, 30.0), (0, 4.0), (1, 200.0), *levels(b"\x42", 12)], 12) == [(0x42, 0)]


@pytest.mark.parametrize("divisor", [4, 7])
def test_what_is_transmitted_is_received_as_fast_as_the_line_goes(divisor: int) -> None:
    m = Module()
    m.submodules.sender = sender = Transmitter(divisor)
    m.submodules.receiver = receiver = Receiver(divisor)
    m.d.comb += receiver.line.eq(sender.line)
    data = random.Random(3).randbytes(40)
    got, count = bytearray(), 0

    async def send(ctx: Any) -> None:
        for byte in data:
            ctx.set(sender.data, byte)
            ctx.set(sender.valid, 1)
            await ctx.tick().until(sender.ready)
        ctx.set(sender.valid, 0)

    async def take(ctx: Any) -> None:
        nonlocal count
        while len(got) < len(data):
            assert count < (10 * divisor + 2) * len(data) + 20
            await ctx.tick()
            count += 1
            if ctx.get(receiver.valid):
                assert not ctx.get(receiver.broken)
                got.append(ctx.get(receiver.data))

    simulate(m, send, take)
    assert bytes(got) == data


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_refusal() -> None:
    with pytest.raises(ValueError, match=r"^divisor must be at least 4, not 3$"):
        Receiver(3)
    # Its remains warn that they were never used: here, not in some later test.
    gc.collect()
