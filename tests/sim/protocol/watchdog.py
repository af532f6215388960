"""cocotb tests of what ends a run that would not end by itself, and never one that would."""

from __future__ import annotations

from typing import Any

import cocotb
from cocotb.triggers import ClockCycles

from zeroskip.contracts import registers as reg
from zeroskip.contracts.timing import longest_silence
from zeroskip.contracts.words import Memory

from .cases import Case
from .tb import LIMIT_MS, SEED, TB

ICARUS = cocotb.SIM_NAME.startswith("Icarus")
"""Garbage reads what was never written, which are unknown bits there, and spread."""

WATCHED = reg.STATUS_RUNNING | reg.STATUS_READY | reg.STATUS_BUSY


def masks(tb: TB) -> list[Memory]:
    """Of all lanes."""
    return [memory for memory in tb.layout.memories if memory.name.endswith("masks")]


def header(tb: TB, values: dict[str, int]) -> list[int]:
    """The words of a lane's header."""
    word = tb.layout.header.encode(values)
    return [word >> (tb.config.word * i) & ((1 << tb.config.word) - 1) for i in range(tb.layout.header_words)]


async def wait_until_ready(tb: TB) -> None:
    while await tb.read(reg.STATUS) != reg.STATUS_RUNNING | reg.STATUS_READY:
        pass


async def expect_halt(tb: TB, samples_out: int) -> None:
    """The flag is set, once; nothing goes in any more, and nothing comes out but what was complete."""
    await tb.expect_register(reg.ERROR, reg.ERROR_WATCHDOG, "ERROR of a run that was ended")
    await tb.write(reg.ERROR, reg.ERROR_WATCHDOG)
    for _ in range(20):
        await ClockCycles(tb.dut.clk, 20)
        assert tb.dut.s_axis_tready.value == 0, f"TREADY behind the end (seed {SEED})"
    assert tb.samples_out == samples_out, f"{tb.samples_out} samples came out (seed {SEED})"
    await tb.expect_register(reg.STATUS, WATCHED, "STATUS of a run that was ended")
    await tb.expect_register(reg.ERROR, 0, "ERROR after it was cleared")


async def run_again(tb: TB, case: Case) -> None:
    """Stop, load and start: nothing is left of what was before."""
    await tb.stop()
    await tb.expect_register(reg.STATUS, 0, "STATUS of a stopped array")
    await tb.load(case)
    await tb.start()
    await tb.compute(case)
    await tb.finish()
    await tb.stop()


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def a_layer_may_take_its_limit_and_no_more(dut: Any) -> None:
    """The limit may be the prediction itself, since pauses of the streams cost a layer nothing."""
    tb = await TB.open(dut)
    case = tb.cases[0]
    longest = max(case.cycles.layers.values())
    await tb.load(case)
    await tb.expect_register(reg.LAYER_LIMIT, reg.LAYER_LIMIT_RESET, "LAYER_LIMIT after reset")
    await tb.write(reg.LAYER_LIMIT, longest)
    await tb.start()
    for share_in, share_out in ((0.0, 0.0), (0.5, 0.8), (0.8, 0.2)):
        tb.pause_streams(share_in, share_out)
        await tb.compute(case)
    await tb.finish()
    await tb.stop()
    await tb.write(reg.LAYER_LIMIT, longest - 1)
    await tb.start()
    tb.send(case.inputs)
    await ClockCycles(dut.clk, 2 * case.cycles.latency)
    await expect_halt(tb, 0)
    await tb.write(reg.LAYER_LIMIT, longest)
    await run_again(tb, case)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def waiting_for_streams_is_no_silence(dut: Any) -> None:
    """Neither at the output, with all buffers full, nor at the input, between samples and in the middle of one."""
    tb = await TB.open(dut)
    case = tb.cases[0]
    limit = longest_silence(tb.config)
    await tb.expect_register(reg.WATCHDOG, limit, "WATCHDOG after reset")
    await tb.load(case)
    await tb.start()
    await wait_until_ready(tb)
    # Far less than the default, and less than the longest layer takes, since each of its results is progress.
    await tb.write(reg.WATCHDOG, max(case.cycles.layers.values()) - 2)
    await ClockCycles(dut.clk, 2 * limit)
    tb.sink.pause = True
    receiving = cocotb.start_soon(tb.compute(case))
    await ClockCycles(dut.clk, 2 * limit)
    tb.sink.pause = False
    for _ in range(4):
        await ClockCycles(dut.clk, tb.rng.randint(1, case.cycles.interval))
        tb.source.pause = True
        await ClockCycles(dut.clk, 3 * case.cycles.interval)
        tb.source.pause = False
    await receiving
    await tb.finish()


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def a_lane_without_results_is_noticed(dut: Any) -> None:
    """Its headers say that it has no weights, but the program waits for it."""
    tb = await TB.open(dut)
    case = tb.cases[0]
    empty = header(tb, {**tb.layout.header.decode(0), "last": 1, "empty": 1})
    await tb.load(case, {masks(tb)[0].name: empty})
    await tb.start()
    await wait_until_ready(tb)
    tb.send(case.inputs[: tb.layout.group_samples])  # half of the input buffer stays free
    await ClockCycles(dut.clk, longest_silence(tb.config) // 2)
    await tb.expect_register(reg.ERROR, 0, "ERROR before the limit")
    await ClockCycles(dut.clk, longest_silence(tb.config))
    await expect_halt(tb, 0)
    await run_again(tb, case)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms", skip=ICARUS)
async def lanes_that_go_on_are_noticed(dut: Any) -> None:
    """They have results of tiles that the program does not know: these are no progress of a group that waits for the lanes."""
    tb = await TB.open(dut)
    case, layout = tb.cases[0], tb.layout
    if not tb.config.strips:
        return  # a layer is one tile there, and does not end before the lane
    program = layout.program.encode(
        {**layout.program.decode(case.program.images["program"][0]), "last": 1, "release": 1}
    )
    spoilt = {"program": [program]}
    for memory in masks(tb):
        first = sum(
            part << (tb.config.word * i)
            for i, part in enumerate(case.program.images[memory.name][: layout.header_words])
        )
        spoilt[memory.name] = header(
            tb, {**layout.header.decode(first), "last": 1, "tiles": (1 << tb.config.tile_bits) - 1}
        )
    await tb.load(case, spoilt)
    await tb.start()
    tb.send(case.inputs)
    await ClockCycles(dut.clk, 3 * longest_silence(tb.config))
    await tb.expect_register(reg.ERROR, reg.ERROR_WATCHDOG, "ERROR of a run that was ended")
    await tb.write(reg.ERROR, reg.ERROR_WATCHDOG)
    await run_again(tb, case)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def an_array_that_is_never_ready_is_noticed(dut: Any) -> None:
    """Its lanes read one word again and again, in which no bit is set."""
    tb = await TB.open(dut)
    case = tb.cases[0]
    endless = [*header(tb, {**tb.layout.header.decode(0), "last": 1, "single": 1, "begin": tb.layout.header_words}), 0]
    await tb.load(case, {memory.name: endless for memory in masks(tb)})
    await tb.start()
    await ClockCycles(dut.clk, longest_silence(tb.config) - 20)
    await tb.expect_register(reg.ERROR, 0, "ERROR before the limit")
    await ClockCycles(dut.clk, 40)
    await tb.expect_register(reg.ERROR, reg.ERROR_WATCHDOG, "ERROR behind the limit")
    await tb.write(reg.ERROR, reg.ERROR_WATCHDOG)
    await run_again(tb, case)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def complete_output_still_leaves(dut: Any) -> None:
    """The first group waits at the output when the second is ended."""
    tb = await TB.open(dut)
    case = tb.cases[0]
    samples = tb.layout.group_samples
    await tb.load(case)
    await tb.start()
    tb.sink.pause = True
    tb.send(case.inputs[:samples])
    while await tb.read(reg.STATUS) != WATCHED or not dut.m_axis_tvalid.value:
        pass
    await tb.write(reg.LAYER_LIMIT, 1)
    tb.send(case.inputs[samples:])
    await ClockCycles(dut.clk, 2 * case.cycles.latency)
    tb.sink.pause = False
    await tb.receive(case, case.expected[:samples])
    await expect_halt(tb, samples)
    await tb.write(reg.LAYER_LIMIT, reg.LAYER_LIMIT_RESET)
    await run_again(tb, case)


@cocotb.test(timeout_time=10 * LIMIT_MS, timeout_unit="ms", skip=ICARUS)
async def garbage_ends(dut: Any) -> None:
    """Whatever the memories hold, all of them or one: the flag is set, or BUSY falls; and the registers answer all along."""
    tb = await TB.open(dut)
    case = tb.cases[0]
    memories = tb.layout.memories
    kinds = [*([memories] * 10), *([memory] for memory in memories), *([memory] for memory in memories)]
    ended = 0
    await tb.write(reg.LAYER_LIMIT, 2 * max(case.cycles.layers.values()))
    for number, spoilt in enumerate(kinds):
        garbage = {m.name: [tb.rng.getrandbits(m.width) for _ in range(m.depth)] for m in spoilt}
        await tb.load(case, garbage)
        await tb.start()
        tb.send(case.inputs)
        quiet = 0
        for _ in range(300):
            await ClockCycles(dut.clk, 100)
            await tb.expect_register(reg.ID, reg.ID_RESET, "ID")
            errors, status = await tb.read(reg.ERROR), await tb.read(reg.STATUS)
            quiet = 0 if status & reg.STATUS_BUSY else quiet + 1
            if errors & reg.ERROR_WATCHDOG or quiet == 30:
                break
        names = [memory.name for memory in spoilt]
        assert errors & reg.ERROR_WATCHDOG or quiet == 30, (
            f"busy without end, garbage {number} in {names} (seed {SEED})"
        )
        ended += bool(errors & reg.ERROR_WATCHDOG)
        await tb.stop()
        await tb.write(reg.ERROR, errors)
        await tb.expect_register(reg.ERROR, 0, f"ERROR after garbage {number} in {names}")
    assert ended >= 5, f"{ended} of {len(kinds)} were ended (seed {SEED})"
    tb.drop_samples()
    await run_again(tb, case)
