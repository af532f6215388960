"""cocotb tests of the top module's registers, and of all that it refuses."""

from __future__ import annotations

from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge

from zeroskip.contracts import registers as reg

from .tb import LIMIT_MS, SEED, SLVERR, TB


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def identity_version_and_shape(dut: Any) -> None:
    """What software reads first, and that reset leaves nothing running."""
    tb = await TB.open(dut)
    c = tb.config
    await tb.expect_register(reg.ID, reg.ID_RESET, "ID")
    await tb.expect_register(reg.VERSION, reg.VERSION_RESET, "VERSION")
    await tb.expect_register(reg.CONFIG_ID, c.digest, "CONFIG_ID")
    await tb.expect_register(reg.SHAPE, c.lanes | c.columns << 8 | c.word << 16 | c.weight_bits << 24, "SHAPE")
    for address, name in ((reg.CONTROL, "CONTROL"), (reg.STATUS, "STATUS"), (reg.GROUPS, "GROUPS")):
        await tb.expect_register(address, 0, f"{name} after reset")
    await tb.finish()


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def samples_of_wrong_length_are_dropped_whole(dut: Any) -> None:
    """Reported, without a trace in the samples around them."""
    tb = await TB.open(dut)
    case = tb.cases[0]
    beats, elements = case.program.input_beats, tb.config.stream_elements
    await tb.load(case)
    await tb.start()
    await tb.compute(case)
    too_short, too_long = [1, beats - 1], [beats + 1, 2 * beats, 2 * beats + 1]
    for lengths, error in ((too_short, reg.ERROR_EARLY_LAST), (too_long, reg.ERROR_LATE_LAST)):
        for length in lengths:
            tb.pause_streams(0.3, 0.3)
            # Between any two samples, so that in the middle of a group too.
            for number, sample in enumerate(case.inputs):
                if number % 2 or tb.rng.random() < 0.5:
                    tb.send_bytes(tb.rng.randbytes(length * elements))
                tb.send(sample[np.newaxis])
            await tb.receive(case, case.expected)
            await tb.finish(errors=error)
            await tb.write(reg.ERROR, error)
            await tb.expect_register(reg.ERROR, 0, "ERROR after it was cleared")


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def latency_is_that_of_the_first_accepted_sample(dut: Any) -> None:
    """Whatever was dropped before it."""
    tb = await TB.open(dut)
    case = tb.cases[0]
    beats, elements = case.program.input_beats, tb.config.stream_elements
    await tb.load(case)
    for lengths in ([1], [beats - 1], [beats + 1], [2 * beats + 1, beats - 1, 1]):
        await tb.start()
        for length in lengths:
            tb.send_bytes(tb.rng.randbytes(length * elements))
        await tb.compute(case)
        await tb.expect_register(reg.LATENCY, case.cycles.latency, f"LATENCY after {lengths}")
        await tb.stop()
    await tb.finish(errors=reg.ERROR_EARLY_LAST | reg.ERROR_LATE_LAST)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def error_bits_are_cleared_one_by_one(dut: Any) -> None:
    """Writing a one clears that bit alone."""
    tb = await TB.open(dut)
    case = tb.cases[0]
    beats, elements = case.program.input_beats, tb.config.stream_elements
    await tb.load(case)
    await tb.start()
    for length in (1, beats + 2):
        tb.send_bytes(tb.rng.randbytes(length * elements))
    await tb.write_words(tb.layout.memories[0], [0], expect=SLVERR)
    await tb.write(reg.ID, 0, expect=SLVERR)
    await tb.compute(case)
    left = reg.ERROR_EARLY_LAST | reg.ERROR_LATE_LAST | reg.ERROR_LOAD_WHILE_RUNNING | reg.ERROR_ADDRESS
    await tb.expect_register(reg.ERROR, left, "ERROR with every bit")
    bits = [reg.ERROR_EARLY_LAST, reg.ERROR_LATE_LAST, reg.ERROR_LOAD_WHILE_RUNNING, reg.ERROR_ADDRESS]
    tb.rng.shuffle(bits)
    for bit in bits:
        await tb.write(reg.ERROR, bit)
        left &= ~bit
        await tb.expect_register(reg.ERROR, left, f"ERROR after {bit:#x} was cleared")
    await tb.finish()


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def memories_cannot_be_written_while_running(dut: Any) -> None:
    """Refused, reported, and without effect on this run and the next."""
    tb = await TB.open(dut)
    case = tb.cases[0]
    await tb.load(case)
    await tb.start()
    tb.send(case.inputs)
    for memory in tb.layout.memories:
        garbage = [tb.rng.getrandbits(memory.width) for _ in range(min(3, memory.depth))]
        await tb.write_words(memory, garbage, expect=SLVERR)
        await tb.expect_register(reg.ERROR, reg.ERROR_LOAD_WHILE_RUNNING, f"ERROR after a write to {memory.name}")
        await tb.write(reg.ERROR, reg.ERROR_LOAD_WHILE_RUNNING)
    await tb.receive(case, case.expected)
    await tb.compute(case)
    await tb.stop()
    await tb.start()
    await tb.compute(case)
    await tb.finish()


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def unmapped_addresses_are_refused(dut: Any) -> None:
    """Read-only registers, gaps, what lies behind each memory, windows that do not exist."""
    tb = await TB.open(dut)
    case, layout = tb.cases[0], tb.layout
    await tb.load(case)
    registers_end = reg.LAYER_CYCLES + 4 * tb.config.layer_depth
    read_only = [
        reg.ID,
        reg.VERSION,
        reg.CONFIG_ID,
        reg.SHAPE,
        reg.STATUS,
        reg.LATENCY,
        reg.GROUPS,
        reg.LOAD_CRC,
        reg.LAYER_CYCLES,
    ]
    nowhere = [reg.LOAD_CRC + 4, 0xFC, registers_end]
    behind = [tb.address(m, m.depth) for m in layout.memories if m.depth * m.stride < 1 << layout.window_bits]
    first_unused = (1 + len(layout.memories)) << layout.window_bits
    unused = [first_unused, (1 << layout.address_bits) - 4] if first_unused < 1 << layout.address_bits else []
    for running in (False, True):
        for address in (*read_only, *nowhere, *behind, *unused):
            await tb.write(address, tb.rng.getrandbits(32), expect=SLVERR)
            await tb.expect_register(
                reg.ERROR, reg.ERROR_ADDRESS, f"ERROR after a write to {address:#x}, running: {running}"
            )
            await tb.write(reg.ERROR, reg.ERROR_ADDRESS)
        for address in (*nowhere, *behind, *unused, *(tb.address(memory) for memory in layout.memories)):
            answer = await tb.axil.read(address, 4)
            assert answer.resp == SLVERR, f"read of {address:#x}: {answer.resp!r} (seed {SEED})"
        if not running:
            await tb.start()
    await tb.compute(case)
    await tb.finish()


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def what_is_refused_is_no_part_of_a_word(dut: Any) -> None:
    """A part may be refused, and written again, and registers may be written between the parts."""
    tb = await TB.open(dut)
    case = tb.cases[0]
    await tb.load(case)
    several = [memory for memory in tb.layout.memories if memory.parts > 1]
    assert several
    again = [
        (value >> (32 * part) & 0xFFFFFFFF).to_bytes(4, "little")
        for memory in several
        for value in case.program.images[memory.name][:3]
        for part in range(memory.parts)
    ]
    await tb.expect_load(b"".join(again))
    for memory in several:
        for word, value in enumerate(case.program.images[memory.name][:3]):
            for part in range(memory.parts):
                where = tb.address(memory, word) + 4 * part
                refused = await tb.axil.write(where, tb.rng.randbytes(3))
                assert refused.resp == SLVERR, f"partial write to {memory.name}: {refused.resp!r} (seed {SEED})"
                await tb.write(reg.ID, tb.rng.getrandbits(32), expect=SLVERR)
                await tb.write(reg.ERROR, reg.ERROR_ADDRESS)
                await tb.write(where, value >> (32 * part) & 0xFFFFFFFF)
    await tb.start()
    await tb.compute(case)
    await tb.finish()


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def partial_writes_have_no_effect(dut: Any) -> None:
    """On memories, CONTROL and ERROR, whatever the strobes."""
    tb = await TB.open(dut)
    case = tb.cases[0]
    await tb.load(case)
    # The address chooses the strobes: these are 1000, 0111, 0110, 0001.
    for first, count in ((3, 1), (0, 3), (1, 2), (0, 1)):
        for memory in tb.layout.memories:
            last_part = tb.address(memory) + 4 * (memory.parts - 1)
            answer = await tb.axil.write(last_part + first, tb.rng.randbytes(count))
            assert answer.resp == SLVERR, f"partial write to {memory.name}: {answer.resp!r} (seed {SEED})"
        for limit in (reg.WATCHDOG, reg.LAYER_LIMIT, reg.EXPECTED_CRC):
            before = await tb.read(limit)
            answer = await tb.axil.write(limit + first, tb.rng.randbytes(count))
            assert answer.resp == SLVERR, f"partial write to {limit:#x}: {answer.resp!r} (seed {SEED})"
            await tb.expect_register(limit, before, f"{limit:#x} after a partial write")
        answer = await tb.axil.write(reg.CONTROL + first, b"\xff" * count)
        assert answer.resp == SLVERR, f"partial write to CONTROL: {answer.resp!r} (seed {SEED})"
        await tb.expect_register(reg.CONTROL, 0, "CONTROL after a partial write")
    await tb.expect_register(reg.ERROR, 0, "ERROR after partial writes")
    await tb.write(reg.ID, 0, expect=SLVERR)
    for first, count in ((3, 1), (0, 3)):
        answer = await tb.axil.write(reg.ERROR + first, b"\xff" * count)
        assert answer.resp == SLVERR, f"partial write to ERROR: {answer.resp!r} (seed {SEED})"
        await tb.expect_register(reg.ERROR, reg.ERROR_ADDRESS, "ERROR after a partial write")
    await tb.start()
    await tb.compute(case)
    await tb.finish(errors=reg.ERROR_ADDRESS)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def a_load_that_was_not_meant_does_not_start(dut: Any) -> None:
    """One bit is other than stated: ERROR says so, the streams stand still, the counters stay. What was meant starts."""
    tb = await TB.open(dut)
    case = tb.cases[0]
    await tb.load(case)
    await tb.start()
    await tb.compute(case)
    await tb.stop()
    for memory in tb.layout.memories:
        words = case.program.images[memory.name]
        word = tb.rng.randrange(len(words))
        await tb.expect_load(tb.bytes_of(memory, words))
        wrong = [value ^ (1 << tb.rng.randrange(memory.width) if at == word else 0) for at, value in enumerate(words)]
        await tb.write_words(memory, wrong)
        tb.send(case.inputs)
        for _ in range(2):
            await tb.write(reg.CONTROL, reg.CONTROL_RUN)
            for address in (reg.CONTROL, reg.STATUS, reg.LATENCY, reg.INTERVAL, reg.GROUPS):
                await tb.expect_register(address, 0, f"{address:#x} behind a start that was refused, {memory.name}")
            await tb.expect_register(reg.ERROR, reg.ERROR_CRC, f"ERROR, {memory.name}")
            await tb.write(reg.ERROR, reg.ERROR_CRC)
            for _ in range(20):
                await RisingEdge(dut.clk)
                assert not dut.s_axis_tready.value, f"TREADY of an array that was not started (seed {SEED})"
                assert not dut.m_axis_tvalid.value, f"TVALID of an array that was not started (seed {SEED})"
        tb.drop_samples()
        await tb.load(case)
        await tb.expect_register(reg.LOAD_CRC, await tb.read(reg.EXPECTED_CRC), "LOAD_CRC")
        await tb.start()
        await tb.compute(case)
        await tb.stop()
    await tb.finish()
