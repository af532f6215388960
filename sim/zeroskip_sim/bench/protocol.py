"""cocotb tests of the top module as a user sees it: registers, load windows, streams, resets, and every refusal."""

from __future__ import annotations

from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, FallingEdge, ReadOnly, RisingEdge

from zeroskip.spec import registers as reg

from .tb import OKAY, SEED, SLVERR, TB

LIMIT = {"timeout_time": 2, "timeout_unit": "ms"}
"""Of simulated time: 200 000 clock cycles."""


@cocotb.test(**LIMIT)
async def identity_version_and_shape(dut: Any) -> None:
    tb = await TB.open(dut)
    c = tb.config
    await tb.expect_register(reg.ID, reg.IDENTITY, "ID")
    await tb.expect_register(reg.VERSION_REGISTER, reg.VERSION, "VERSION")
    await tb.expect_register(reg.CONFIG_ID, c.digest, "CONFIG_ID")
    await tb.expect_register(reg.SHAPE, c.lanes | c.columns << 8 | c.word << 16 | c.weight_bits << 24, "SHAPE")
    for address, name in ((reg.CONTROL, "CONTROL"), (reg.STATUS, "STATUS"), (reg.GROUPS, "GROUPS")):
        await tb.expect_register(address, 0, f"{name} after reset")
    await tb.finish()


@cocotb.test(**LIMIT)
async def outputs_equal_reference_at_full_speed_and_cycles_the_prediction(dut: Any) -> None:
    tb = await TB.open(dut)
    for case in tb.cases:
        await tb.load(case)
        await tb.start()
        while await tb.read(reg.STATUS) != reg.STATUS_RUNNING | reg.STATUS_READY:
            pass
        await tb.compute(case)
        await tb.expect_register(reg.LATENCY, case.cycles.latency, "LATENCY")
        await tb.expect_register(reg.INTERVAL, case.cycles.interval, "INTERVAL")
        await tb.expect_register(reg.GROUPS, len(case.inputs) // tb.config.columns, "GROUPS")
        for number, (name, cycles) in enumerate(case.cycles.layers.items()):
            await tb.expect_register(reg.LAYER_CYCLES + 4 * number, cycles, f"cycles of {name}")
        await tb.expect_register(reg.STATUS, reg.STATUS_RUNNING | reg.STATUS_READY, "STATUS when all is done")
        await tb.finish()
        await tb.stop()


@cocotb.test(**LIMIT)
async def outputs_equal_reference_with_random_pauses(dut: Any) -> None:
    tb = await TB.open(dut)
    case = tb.cases[0]
    tb.pause_registers(0.6)
    await tb.load(case)
    await tb.start()

    async def poll() -> None:
        while True:
            await tb.expect_register(reg.ID, reg.IDENTITY, "ID, read while the array runs")

    polling = cocotb.start_soon(poll())
    for share_in, share_out in ((0.3, 0.3), (0.9, 0.0), (0.0, 0.9), (0.7, 0.7)):
        tb.pause_streams(share_in, share_out)
        await tb.compute(case)
    polling.cancel()
    await tb.finish()


@cocotb.test(**LIMIT)
async def newly_pruned_weights_are_loaded_without_new_hardware(dut: Any) -> None:
    tb = await TB.open(dut)
    tb.pause_streams(0.2, 0.2)
    for case in (tb.cases[0], tb.cases[1], tb.cases[0]):
        await tb.load(case)
        await tb.start()
        await tb.compute(case)
        await tb.stop()
    await tb.finish()


@cocotb.test(**LIMIT)
async def reset_in_mid_run(dut: Any) -> None:
    """At random cycles: what was begun is forgotten, the memories stay, and the next run is right from its first sample."""
    tb = await TB.open(dut)
    case = tb.cases[0]
    await tb.load(case)
    for _ in range(8):
        tb.pause_streams(0.2, 0.2)
        await tb.start()
        tb.send(case.inputs)
        await ClockCycles(dut.clk, tb.rng.randint(1, 3 * case.cycles.latency))
        await tb.reset(tb.rng.randint(1, 3))
        await tb.expect_register(reg.CONTROL, 0, "CONTROL after reset")
        await tb.expect_register(reg.GROUPS, 0, "GROUPS after reset")
    tb.pause_streams(0.2, 0.2)
    await tb.start()
    await tb.compute(case)
    await tb.finish()


@cocotb.test(**LIMIT)
async def stop_in_mid_run(dut: Any) -> None:
    """Clearing RUN at random cycles is like reset for all but the registers; it may also cut a sample or a group in two."""
    tb = await TB.open(dut)
    case = tb.cases[0]
    await tb.load(case)
    for _ in range(8):
        tb.pause_streams(0.2, 0.2)
        await tb.start()
        tb.send(case.inputs)
        await ClockCycles(dut.clk, tb.rng.randint(1, 3 * case.cycles.latency))
        await tb.stop()
        await tb.expect_register(reg.STATUS, 0, "STATUS of a stopped array")
        await tb.start()
        await tb.compute(case)
        await tb.stop()
    await tb.finish()


@cocotb.test(**LIMIT)
async def samples_of_wrong_length_are_dropped_whole(dut: Any) -> None:
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


@cocotb.test(**LIMIT)
async def error_bits_are_cleared_one_by_one(dut: Any) -> None:
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


@cocotb.test(**LIMIT)
async def memories_cannot_be_written_while_running(dut: Any) -> None:
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


@cocotb.test(**LIMIT)
async def unmapped_addresses_are_refused(dut: Any) -> None:
    tb = await TB.open(dut)
    case, layout = tb.cases[0], tb.layout
    await tb.load(case)
    registers_end = reg.LAYER_CYCLES + 4 * tb.config.layer_depth
    read_only = [reg.ID, reg.VERSION_REGISTER, reg.CONFIG_ID, reg.SHAPE, reg.STATUS, reg.LATENCY, reg.GROUPS, reg.LAYER_CYCLES]
    nowhere = [reg.GROUPS + 4, 0xFC, registers_end]
    behind = [tb.address(m, m.depth) for m in layout.memories if m.depth * m.stride < 1 << layout.window_bits]
    first_unused = (1 + len(layout.memories)) << layout.window_bits
    unused = [first_unused, (1 << layout.address_bits) - 4] if first_unused < 1 << layout.address_bits else []
    for running in (False, True):
        for address in (*read_only, *nowhere, *behind, *unused):
            await tb.write(address, tb.rng.getrandbits(32), expect=SLVERR)
            await tb.expect_register(reg.ERROR, reg.ERROR_ADDRESS, f"ERROR after a write to {address:#x}, running: {running}")
            await tb.write(reg.ERROR, reg.ERROR_ADDRESS)
        for address in (*nowhere, *behind, *unused, *(tb.address(memory) for memory in layout.memories)):
            answer = await tb.axil.read(address, 4)
            assert answer.resp == SLVERR, f"read of {address:#x}: {answer.resp!r} (seed {SEED})"
        if not running:
            await tb.start()
    await tb.compute(case)
    await tb.finish()


@cocotb.test(**LIMIT)
async def partial_writes_have_no_effect(dut: Any) -> None:
    tb = await TB.open(dut)
    case = tb.cases[0]
    await tb.load(case)
    # The address chooses the strobes: these are 1000, 0111, 0110, 0001.
    for first, count in ((3, 1), (0, 3), (1, 2), (0, 1)):
        for memory in tb.layout.memories:
            last_part = tb.address(memory) + 4 * (memory.parts - 1)
            answer = await tb.axil.write(last_part + first, tb.rng.randbytes(count))
            assert answer.resp == SLVERR, f"partial write to {memory.name}: {answer.resp!r} (seed {SEED})"
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


@cocotb.test(**LIMIT)
async def tvalid_high_from_before_reset(dut: Any) -> None:
    """A source that offers its first beat all through reset, loading and priming loses nothing."""
    tb = await TB.open(dut)
    case = tb.cases[0]
    tb.send(case.inputs)
    await ClockCycles(dut.clk, 3)
    await tb.reset(4, drop=False)
    await tb.load(case)
    assert dut.s_axis_tvalid.value == 1
    assert dut.s_axis_tready.value == 0, "TREADY of an array that does not run"
    await tb.start()
    await tb.receive(case, case.expected)
    await tb.finish()


@cocotb.test(**LIMIT)
async def back_pressure_stops_the_array_and_loses_nothing(dut: Any) -> None:
    tb = await TB.open(dut)
    case = tb.cases[0]
    await tb.load(case)
    await tb.start()
    tb.sink.pause = True
    tb.send(case.inputs)
    await ClockCycles(dut.clk, 10 * case.cycles.latency)
    assert dut.m_axis_tvalid.value == 1, "nothing is offered"
    assert dut.s_axis_tready.value == 0, f"input is taken without end (seed {SEED})"
    await tb.expect_register(reg.STATUS, reg.STATUS_RUNNING | reg.STATUS_READY | reg.STATUS_BUSY, "STATUS under back-pressure")
    tb.sink.pause = False
    await tb.receive(case, case.expected)
    await tb.finish()


@cocotb.test(**LIMIT)
async def streams_have_no_combinational_path(dut: Any) -> None:
    """TREADY depends neither on TVALID nor on the other stream, nor TVALID on TREADY: changing them within a cycle changes nothing."""
    tb = await TB.open(dut)
    case = tb.cases[0]
    await tb.load(case)
    await tb.start()
    tb.pause_streams(0.4, 0.4)
    tb.send(case.inputs)
    seen = set()

    async def toggle() -> None:
        while True:
            await RisingEdge(dut.clk)
            await FallingEdge(dut.clk)
            before = int(dut.s_axis_tvalid.value), int(dut.m_axis_tready.value)
            answers = set()
            for valid, ready in ((0, 0), (0, 1), (1, 0), (1, 1), before):
                dut.s_axis_tvalid.value, dut.m_axis_tready.value = valid, ready
                await ReadOnly()
                answers.add((int(dut.s_axis_tready.value), int(dut.m_axis_tvalid.value)))
                await cocotb.triggers.Timer(100, "ps")
            assert len(answers) == 1, f"TREADY, TVALID answer within the cycle: {answers} (seed {SEED})"
            seen.update(answers)

    toggling = cocotb.start_soon(toggle())
    await tb.receive(case, case.expected)
    toggling.cancel()
    await RisingEdge(dut.clk)
    assert {ready for ready, _ in seen} == {valid for _, valid in seen} == {0, 1}, f"only {seen} was seen (seed {SEED})"
    await tb.finish()


@cocotb.test(**LIMIT)
async def tready_comes_without_tvalid_and_reads_have_no_effect(dut: Any) -> None:
    tb = await TB.open(dut)
    await tb.load(tb.cases[0])
    await tb.start()
    for _ in range(500):
        await RisingEdge(dut.clk)
        if dut.s_axis_tready.value:
            break
    assert dut.s_axis_tready.value == 1, "TREADY waits for TVALID"
    for address in (reg.STATUS, reg.ERROR, reg.LATENCY, reg.INTERVAL, reg.GROUPS):
        answer = await tb.axil.read(address, 4)
        assert answer.resp == OKAY
    await tb.compute(tb.cases[0])
    await tb.finish()
