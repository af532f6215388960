"""cocotb tests of what the registers tell while the array runs: GROUPS, BUSY, LAYER_CYCLES."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from zeroskip.contracts import registers as reg
from zeroskip.contracts.timing import END_TO_FIRST_OUTPUT

from .tb import LIMIT_MS, SEED, TB


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def groups_counts_what_was_taken(dut: Any) -> None:
    """Groups that are computed but wait at the output do not count."""
    tb = await TB.open(dut)
    case = tb.cases[0]
    await tb.load(case)
    await tb.start()
    tb.send(case.inputs)
    receiving = cocotb.start_soon(tb.receive(case, case.expected))
    seen = set()
    while not receiving.done():
        tb.sink.clear_pause_generator()
        tb.sink.pause = True
        await ClockCycles(dut.clk, tb.rng.choice([5, 5, case.cycles.interval]))
        groups = tb.samples_out // tb.layout.group_samples
        await tb.expect_register(reg.GROUPS, groups, f"GROUPS after {tb.samples_out} samples")
        seen.add(groups)
        tb.pause_streams(0.3, 0.5)
        await ClockCycles(dut.clk, tb.rng.randint(1, case.cycles.interval))
    await receiving
    assert len(seen) > 3, f"only {seen} was seen (seed {SEED})"
    await tb.finish()


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def busy_in_every_cycle(dut: Any) -> None:
    """From the cycle in which a half of the input is full, the one before the group's start, to that of the last output beat."""
    tb = await TB.open(dut)
    case = tb.cases[0]
    samples, cycles = tb.layout.group_samples, case.cycles
    full = cycles.latency - samples * case.program.output_beats - END_TO_FIRST_OUTPUT - cycles.compute
    await tb.load(case)
    await tb.start()
    await ClockCycles(dut.clk, 200)
    now = begun = asked = 0

    async def note() -> None:
        nonlocal now, begun, asked
        while True:
            await RisingEdge(dut.clk)
            now += 1
            if not begun and dut.s_axis_tvalid.value and dut.s_axis_tready.value:
                begun = now
            if dut.s_axil_arvalid.value and dut.s_axil_arready.value:
                asked = now

    noting = cocotb.start_soon(note())
    looked = set()
    for when in (*range(full - 9, full + 3), *range(cycles.latency - 9, cycles.latency + 3)):
        begun = 0
        tb.send(case.inputs[:samples])
        while not begun or now < begun + when:
            await RisingEdge(dut.clk)
        busy = bool(await tb.read(reg.STATUS) & reg.STATUS_BUSY)
        at = asked + 1 - begun  # the cycle whose value is read
        assert busy == (full <= at <= cycles.latency), f"BUSY is {busy}, {at} cycles after the first beat (seed {SEED})"
        looked.add(at)
        await tb.receive(case, case.expected[:samples])
    noting.cancel()
    assert looked >= {full - 1, full, cycles.latency, cycles.latency + 1}, f"{looked} around {full}, {cycles.latency}"
    await tb.finish()


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def busy_until_the_last_beat_is_taken(dut: Any) -> None:
    """However long it waits."""
    tb = await TB.open(dut)
    case = tb.cases[0]
    samples = tb.layout.group_samples
    beats = samples * case.program.output_beats
    await tb.load(case)
    await tb.start()
    tb.sink.set_pause_generator(cycle([True, True, True, False]))
    tb.send(case.inputs[:samples])
    while tb.beats_out < beats - 1:
        await RisingEdge(dut.clk)
    tb.sink.clear_pause_generator()
    tb.sink.pause = True
    idle = reg.STATUS_RUNNING | reg.STATUS_READY
    for _ in range(5):
        await ClockCycles(dut.clk, 10)
        await tb.expect_register(reg.STATUS, idle | reg.STATUS_BUSY, "STATUS before the last beat is taken")
    assert tb.beats_out == beats - 1
    tb.sink.pause = False
    while tb.beats_out < beats:
        await RisingEdge(dut.clk)
    await tb.expect_register(reg.STATUS, idle, "STATUS after the last beat was taken")
    await tb.receive(case, case.expected[:samples])
    await tb.finish()


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def layer_cycles_are_whole_while_the_next_group_runs(dut: Any) -> None:
    """At any time what a layer took when it was computed last."""
    tb = await TB.open(dut)
    case = tb.cases[0]
    await tb.load(case)
    await tb.start()
    tb.pause_streams(0.2, 0.2)
    await tb.compute(case)
    receiving = cocotb.start_soon(tb.compute(case))
    while not receiving.done():
        for number, (name, cycles) in enumerate(case.cycles.layers.items()):
            await tb.expect_register(reg.LAYER_CYCLES + 4 * number, cycles, f"cycles of {name}")
    await receiving
    await tb.finish()
