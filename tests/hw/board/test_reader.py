"""Frames from bytes: every burst has one verdict, and a pause brings the reader back to the begin of a frame."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from amaranth.hdl import Module
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from tests.hw.bench import simulate

from zeroskip.contracts.frames import CRC, HEADER, OVERHEAD, Fault, Frame
from zeroskip_hw.board.reader import FrameReader

PAYLOAD, SILENCE, GAP = 64, 50, 5
BROKEN = 0x100
"""Added to a byte that had no stop bit."""

Verdict = Frame | Fault


def verdicts(bursts: Sequence[Sequence[int]], elements: int = 2) -> list[list[Verdict]]:
    """Of each burst of bytes, with silence behind it."""
    m = Module()
    m.submodules.reader = dut = FrameReader(payload=PAYLOAD, elements=elements, silence=SILENCE)
    m.submodules.crc = crc = CRC32_ISO_HDLC(8).create()
    m.d.comb += [
        crc.start.eq(dut.crc_start), crc.valid.eq(dut.crc_valid), crc.data.eq(dut.crc_data), dut.crc_match.eq(crc.match_detected),
    ]  # fmt: skip
    found: list[list[Verdict]] = []

    async def payload_of(ctx: Any, length: int) -> bytes:
        data = bytearray()
        ctx.set(dut.read_enable, 1)
        for word in range(-(-length // elements)):
            ctx.set(dut.read_address, word)
            await ctx.tick()
            data += ctx.get(dut.read_data).to_bytes(elements, "little")
        ctx.set(dut.read_enable, 0)
        return bytes(data[:length])

    async def judge(ctx: Any) -> None:
        if fault := ctx.get(dut.fault):
            found[-1].append(Fault(fault))
        elif ctx.get(dut.whole):
            header = {name: ctx.get(getattr(dut, name)) for name in ("kind", "count", "address")}
            found[-1].append(Frame(**header, payload=await payload_of(ctx, ctx.get(dut.length))))
        else:
            return
        ctx.set(dut.next, 1)
        await ctx.tick()
        ctx.set(dut.next, 0)

    async def drive(ctx: Any) -> None:
        for burst in bursts:
            found.append([])
            for byte in burst:
                ctx.set(dut.valid, 1)
                ctx.set(dut.data, byte & 0xFF)
                ctx.set(dut.broken, int(byte >= BROKEN))
                await ctx.tick()
                ctx.set(dut.valid, 0)
                for _ in range(GAP):
                    await ctx.tick()
                await judge(ctx)
            for _ in range(SILENCE + 10):
                await ctx.tick()
                await judge(ctx)
            assert not ctx.get(dut.active)

    simulate(m, drive)
    return found


GOOD = Frame(kind=3, count=0x1234, address=0xA1B2C3D4, payload=b"payload")
WHOLE = GOOD.to_bytes()


@pytest.mark.parametrize("elements", [1, 2, 4, 8])
def test_frames_of_all_lengths(elements: int) -> None:
    rng = random.Random(elements)
    frames = [
        Frame(kind=rng.randrange(256), count=rng.randrange(1 << 16), address=rng.randrange(1 << 32), payload=rng.randbytes(size))
        for size in (0, 1, elements, elements + 1, PAYLOAD - 1, PAYLOAD)
    ]  # fmt: skip
    assert verdicts([frame.to_bytes() for frame in frames], elements) == [[frame] for frame in frames]


def test_frames_may_follow_each_other_at_once_once_they_are_taken() -> None:
    assert verdicts([WHOLE + WHOLE]) == [[GOOD, GOOD]]


@pytest.mark.parametrize("place", range(1, len(WHOLE)))
def test_a_flipped_bit_is_found_and_the_next_frame_is_whole(place: int) -> None:
    rng = random.Random(place)
    damaged = bytearray(WHOLE)
    damaged[place] ^= 1 << rng.randrange(8)
    first, second = verdicts([damaged, WHOLE])
    # In the length it may make the frame longer or too long; then silence or the limit ends it.
    allowed = {Fault.CRC, Fault.TIMEOUT, Fault.LENGTH} if place in (2, 3) else {Fault.CRC}
    assert len(first) == 1, place
    assert first[0] in allowed, place
    assert second == [GOOD], place


@pytest.mark.parametrize("size", range(1, len(WHOLE)))
def test_a_frame_that_is_cut_off_ends_with_the_silence(size: int) -> None:
    assert verdicts([WHOLE[:size], WHOLE]) == [[Fault.TIMEOUT], [GOOD]]


def test_a_payload_beyond_the_memory_is_refused_once_it_has_passed() -> None:
    long = Frame(kind=1, payload=bytes(range(PAYLOAD + 1))).to_bytes()
    assert verdicts([long, WHOLE]) == [[Fault.LENGTH], [GOOD]]


def test_what_is_no_frame_has_one_verdict() -> None:
    assert verdicts([b"\x00" + WHOLE + WHOLE, WHOLE]) == [[Fault.SYNC], [GOOD]]


@pytest.mark.parametrize("place", [0, 1, HEADER.size, OVERHEAD - CRC.size, len(WHOLE) - 1])
def test_a_byte_without_stop_bit_spoils_the_frame(place: int) -> None:
    damaged = [byte + (BROKEN if i == place else 0) for i, byte in enumerate(WHOLE)]
    assert verdicts([damaged, WHOLE]) == [[Fault.LINE], [GOOD]]


@pytest.mark.parametrize("seed", range(20))
def test_garbage_has_one_verdict(seed: int) -> None:
    rng = random.Random(seed)
    garbage = [rng.randbytes(rng.randrange(1, 100)) for _ in range(5)]
    garbage += [WHOLE[: rng.randrange(1, len(WHOLE))] + rng.randbytes(rng.randrange(1, 100)) for _ in range(5)]
    found = verdicts([*garbage, WHOLE])
    assert [len(verdict) for verdict in found] == [1] * len(found), seed
    assert all(isinstance(verdict[0], Fault) for verdict in found[:-1]), seed
    assert found[-1] == [GOOD], seed
