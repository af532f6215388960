"""cocotb tests of the top module's work: outputs, cycles, resets, reloads, handshakes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, FallingEdge, ReadOnly, RisingEdge, Timer

from zeroskip.contracts import registers as reg

from .tb import LIMIT_MS, OKAY, SEED, TB


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def outputs_equal_reference_at_full_speed_and_cycles_the_prediction(dut: Any) -> None:
    """Without a pause, and counted as a user would time it."""
    tb = await TB.open(dut)
    for case in tb.cases:
        await tb.load(case)
        await tb.start()
        while await tb.read(reg.STATUS) != reg.STATUS_RUNNING | reg.STATUS_READY:
            pass
        await tb.compute(case)
        await tb.expect_register(reg.LATENCY, case.cycles.latency, "LATENCY")
        await tb.expect_register(reg.INTERVAL, case.cycles.interval, "INTERVAL")
        await tb.expect_register(reg.GROUPS, len(case.inputs) // tb.layout.group_samples, "GROUPS")
        for number, (name, cycles) in enumerate(case.cycles.layers.items()):
            await tb.expect_register(reg.LAYER_CYCLES + 4 * number, cycles, f"cycles of {name}")
        await tb.expect_register(reg.STATUS, reg.STATUS_RUNNING | reg.STATUS_READY, "STATUS when all is done")
        await tb.finish()
        await tb.stop()


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def outputs_equal_reference_with_random_pauses(dut: Any) -> None:
    """On every channel by itself, with registers read all along."""
    tb = await TB.open(dut)
    case = tb.cases[0]
    tb.pause_registers(0.6)
    await tb.load(case)
    await tb.start()

    async def poll() -> None:
        while True:
            await tb.expect_register(reg.ID, reg.ID_RESET, "ID, read while the array runs")

    polling = cocotb.start_soon(poll())
    for share_in, share_out in ((0.3, 0.3), (0.9, 0.0), (0.0, 0.9), (0.7, 0.7)):
        tb.pause_streams(share_in, share_out)
        await tb.compute(case)
    polling.cancel()
    await tb.finish()


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def newly_pruned_weights_are_loaded_without_new_hardware(dut: Any) -> None:
    """Stop, load, start: from one network to the next and back."""
    tb = await TB.open(dut)
    tb.pause_streams(0.2, 0.2)
    for case in (tb.cases[0], tb.cases[1], tb.cases[0]):
        await tb.load(case)
        await tb.start()
        await tb.compute(case)
        await tb.stop()
    await tb.finish()


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
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


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
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


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
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


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def back_pressure_stops_the_array_and_loses_nothing(dut: Any) -> None:
    """Full buffers reach back to TREADY."""
    tb = await TB.open(dut)
    case = tb.cases[0]
    await tb.load(case)
    await tb.start()
    tb.sink.pause = True
    tb.send(case.inputs)
    await ClockCycles(dut.clk, 10 * case.cycles.latency)
    assert dut.m_axis_tvalid.value == 1, "nothing is offered"
    assert dut.s_axis_tready.value == 0, f"input is taken without end (seed {SEED})"
    await tb.expect_register(
        reg.STATUS, reg.STATUS_RUNNING | reg.STATUS_READY | reg.STATUS_BUSY, "STATUS under back-pressure"
    )
    await tb.expect_register(reg.GROUPS, 0, "GROUPS before one was taken")
    tb.sink.pause = False
    await tb.receive(case, case.expected)
    await tb.finish()


async def toggle(dut: Any, inputs: Sequence[str], outputs: Sequence[str], seen: list[set[int]]) -> None:
    """In the middle of every cycle give all inputs other values, one by one and together: no output may follow.

    seen : of each output, what it was
    """
    driven, watched = ([getattr(dut, name) for name in names] for names in (inputs, outputs))
    count = len(inputs)
    ones = [[int(i == one) for i in range(count)] for one in range(count)]
    while True:
        await RisingEdge(dut.clk)
        await FallingEdge(dut.clk)
        before = [int(signal.value) for signal in driven]
        answers = set()
        for values in ([0] * count, *ones, *([1 - bit for bit in one] for one in ones), [1] * count, before):
            for signal, value in zip(driven, values, strict=True):
                signal.value = value
            await ReadOnly()
            answers.add(tuple(int(signal.value) for signal in watched))
            await Timer(100, "ps")
        assert len(answers) == 1, f"{outputs} answer within the cycle: {answers} (seed {SEED})"
        for values, value in zip(seen, answers.pop(), strict=True):
            values.add(value)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def streams_have_no_combinational_path(dut: Any) -> None:
    """TREADY depends neither on TVALID nor on the other stream, nor TVALID on TREADY: changing them within a cycle changes nothing."""
    tb = await TB.open(dut)
    case = tb.cases[0]
    await tb.load(case)
    await tb.start()
    tb.pause_streams(0.4, 0.4)
    tb.send(case.inputs)
    outputs = ("s_axis_tready", "m_axis_tvalid")
    seen: list[set[int]] = [set() for _ in outputs]
    toggling = cocotb.start_soon(toggle(dut, ("s_axis_tvalid", "m_axis_tready"), outputs, seen))
    await tb.receive(case, case.expected)
    toggling.cancel()
    await RisingEdge(dut.clk)
    assert seen == [{0, 1}] * len(outputs), f"only {seen} was seen (seed {SEED})"
    await tb.finish()


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def registers_have_no_combinational_path(dut: Any) -> None:
    """The same on the five channels of AXI4-Lite (AMBA AXI A3.1.1)."""
    tb = await TB.open(dut)
    tb.pause_registers(0.4)
    inputs = [f"s_axil_{name}" for name in ("awvalid", "wvalid", "bready", "arvalid", "rready")]
    outputs = [f"s_axil_{name}" for name in ("awready", "wready", "bvalid", "arready", "rvalid")]
    seen: list[set[int]] = [set() for _ in outputs]
    toggling = cocotb.start_soon(toggle(dut, inputs, outputs, seen))
    for value in range(20):
        reading = cocotb.start_soon(tb.expect_register(reg.ID, reg.ID_RESET, "ID"))
        await tb.write(reg.ERROR, value)
        await reading
    toggling.cancel()
    await RisingEdge(dut.clk)
    assert seen == [{0, 1}] * len(outputs), f"only {seen} was seen (seed {SEED})"
    await tb.finish()


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def tready_comes_without_tvalid_and_reads_have_no_effect(dut: Any) -> None:
    """A source may wait for TREADY; a read register stays as it is."""
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
