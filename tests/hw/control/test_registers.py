"""The AXI4-Lite slave: what each register gives, what a write does to the load bus, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from tests.hw.bench import FULL, PLAIN, layout_of, simulate

from zeroskip.contracts import registers as reg
from zeroskip.contracts.layout import Layout
from zeroskip.contracts.timing import longest_silence
from zeroskip_hw.control.registers import OKAY, SLVERR, Control

ANSWER, DECISION = 2, 3
"""Cycles from a request to its answer; more of them before the answer to a start."""


class Master:
    """One transfer at a time; commits on the load bus are noted along the way."""

    def __init__(self, dut: Control, rng: Random) -> None:
        self.dut, self.rng = dut, rng
        self.commits: list[tuple[int, int, int]] = []

    async def step(self, ctx: Any) -> None:
        load = self.dut.load
        if ctx.get(load.commit):
            self.commits.append((ctx.get(load.window), ctx.get(load.offset), ctx.get(load.data)))
        await ctx.tick()

    async def write(self, ctx: Any, address: int, data: int, strobes: int = 15) -> int:
        """Address and data come in either order, and each is taken at once; returns the response."""
        dut = self.dut
        for name, value in (("awaddr", address), ("wdata", data), ("wstrb", strobes)):
            ctx.set(getattr(dut, name), value)
        delays = {"aw": self.rng.randrange(3), "w": self.rng.randrange(3)}
        for cycle in range(1 + max(delays.values())):
            for name, delay in delays.items():
                ctx.set(getattr(dut, f"{name}valid"), cycle == delay)
                assert ctx.get(getattr(dut, f"{name}ready")) == (cycle <= delay), f"{name}, {cycle} of {delays}"
            await self.step(ctx)
        ctx.set(dut.awvalid, 0)
        ctx.set(dut.wvalid, 0)
        starts = (address, strobes, data & 1, ctx.get(dut.run)) == (reg.CONTROL, 15, 1, 0)
        return await self._answer(ctx, dut.bvalid, dut.bready, lambda: ctx.get(dut.bresp), ANSWER + DECISION * starts)

    async def read(self, ctx: Any, address: int) -> tuple[int, int]:
        """Data and response."""
        dut = self.dut
        ctx.set(dut.araddr, address)
        ctx.set(dut.arvalid, 1)
        assert ctx.get(dut.arready)
        await self.step(ctx)
        ctx.set(dut.arvalid, 0)
        return await self._answer(ctx, dut.rvalid, dut.rready, lambda: (ctx.get(dut.rdata), ctx.get(dut.rresp)), ANSWER)

    async def _answer(self, ctx: Any, valid: Any, ready: Any, payload: Callable[[], Any], wait: int) -> Any:
        for cycle in range(1, wait):
            assert not ctx.get(valid), f"an answer after {cycle} cycles"
            await self.step(ctx)
        assert ctx.get(valid), "no answer"
        answer = payload()
        for _ in range(self.rng.randrange(3)):
            await self.step(ctx)
            assert ctx.get(valid)
            assert payload() == answer, "the answer changed before it was taken"
        ctx.set(ready, 1)
        await self.step(ctx)
        ctx.set(ready, 0)
        assert not ctx.get(valid)
        return answer

    async def run(self, ctx: Any, on: bool) -> None:
        assert await self.write(ctx, reg.CONTROL, on) == OKAY
        assert ctx.get(self.dut.run) == on

    async def errors(self, ctx: Any) -> int:
        return (await self.read(ctx, reg.ERROR))[0]


def bench_of(layout: Layout, body: Any) -> None:
    dut = Control(layout)
    master = Master(dut, Random(1))

    async def bench(ctx: Any) -> None:
        await ctx.tick()
        await body(ctx, dut, master)

    simulate(dut, bench)


def test_registers() -> None:
    layout = layout_of(lanes=3, columns=2, word=16, weight_bits=4)

    async def body(ctx: Any, dut: Control, master: Master) -> None:
        for name, value in (("latency", 0x12345678), ("interval", 99), ("groups", 7), ("ready", 1), ("busy", 1)):
            ctx.set(getattr(dut, name), value)
        expected = {
            reg.ID: 0x5A534B50, reg.VERSION: 0x00030000, reg.CONFIG_ID: layout.config.digest,
            reg.SHAPE: 3 | 2 << 8 | 16 << 16 | 4 << 24, reg.CONTROL: 0, reg.STATUS: 0b110, reg.ERROR: 0,
            reg.LATENCY: 0x12345678, reg.INTERVAL: 99, reg.GROUPS: 7,
            reg.WATCHDOG: longest_silence(layout.config), reg.LAYER_LIMIT: 0xFFFFFFFF, reg.EXPECTED_CRC: 0, reg.LOAD_CRC: 0,
        }  # fmt: skip
        for address, value in expected.items():
            assert await master.read(ctx, address) == (value, OKAY), f"{address:#x}"
        await master.run(ctx, True)
        assert await master.read(ctx, reg.CONTROL) == (1, OKAY)
        assert await master.read(ctx, reg.STATUS) == (0b111, OKAY)

    bench_of(layout, body)


def test_limits_are_kept_while_the_array_starts_and_stops() -> None:
    async def body(ctx: Any, dut: Control, master: Master) -> None:
        limits = {reg.WATCHDOG: dut.silence_limit, reg.LAYER_LIMIT: dut.layer_limit}
        for number, (address, limit) in enumerate(limits.items()):
            assert await master.write(ctx, address, 0x89ABCDEF + number) == OKAY
            assert await master.write(ctx, address, 5, 0b0111) == SLVERR
            assert ctx.get(limit) == 0x89ABCDEF + number
        for on in (True, False):
            await master.run(ctx, on)
            for number, address in enumerate(limits):
                assert await master.read(ctx, address) == (0x89ABCDEF + number, OKAY)
        assert await master.errors(ctx) == 0

    bench_of(layout_of(), body)


@pytest.mark.parametrize("layer_depth", [1, 5, 64])
def test_layer_cycles(layer_depth: int) -> None:
    layout = layout_of(layer_depth=layer_depth)

    async def body(ctx: Any, dut: Control, master: Master) -> None:
        for layer in range(layer_depth):
            ctx.set(dut.layer_cycles, 1000 + layer)
            assert await master.read(ctx, reg.LAYER_CYCLES + 4 * layer) == (1000 + layer, OKAY)
            assert ctx.get(dut.layer_cycles_address) == layer
        assert (await master.read(ctx, reg.LAYER_CYCLES + 4 * layer_depth))[1] == SLVERR

    bench_of(layout, body)


@pytest.mark.parametrize("features", [PLAIN, FULL], ids=["plain", "full"])
@pytest.mark.parametrize("acc_bits, word", [(8, 8), (24, 32), (40, 64)])
def test_every_memory_through_its_window(features: dict[str, Any], acc_bits: int, word: int) -> None:
    """First and last word, of one part and of several; the first part behind the memory is refused."""
    layout = layout_of(**features, lanes=3, columns=16, epilogues=2, acc_bits=acc_bits, word=word)
    rng = Random(acc_bits)

    async def body(ctx: Any, dut: Control, master: Master) -> None:
        for memory in layout.memories:
            base = memory.window << layout.window_bits
            for address in (0, memory.depth - 1):
                value = rng.getrandbits(memory.width)
                for part in range(memory.parts):
                    where = base + address * memory.stride + 4 * part
                    assert await master.write(ctx, where, value >> (32 * part) & 0xFFFFFFFF) == OKAY, memory.name
                await master.step(ctx)
                window, offset, data = master.commits[-1]
                assert (window, offset) == (memory.window, address * memory.stride // 4 + memory.parts - 1), memory.name
                # The latest part lies lowest.
                found = sum(
                    (data >> (32 * i) & 0xFFFFFFFF) << (32 * (memory.parts - 1 - i)) for i in range(memory.parts)
                )
                assert found == value, memory.name
            count = len(master.commits)
            if memory.depth * memory.stride < 1 << layout.window_bits:
                assert await master.write(ctx, base + memory.depth * memory.stride, 0) == SLVERR, memory.name
                assert await master.errors(ctx) == reg.ERROR_ADDRESS, memory.name
                assert await master.write(ctx, reg.ERROR, reg.ERROR_ADDRESS) == OKAY
            assert await master.read(ctx, base) == (0, SLVERR), memory.name
            assert len(master.commits) == count, memory.name

    bench_of(layout, body)


def test_refused_writes_have_no_effect() -> None:
    layout = layout_of()
    program = layout.memory("program").window << layout.window_bits
    nowhere = (1 << layout.address_bits) - 4

    async def body(ctx: Any, dut: Control, master: Master) -> None:
        for strobes in (0b0000, 0b0001, 0b0111, 0b1110):
            for address in (program, reg.CONTROL):
                assert await master.write(ctx, address, 0xFFFFFFFF, strobes) == SLVERR
        assert await master.errors(ctx) == 0
        assert not ctx.get(dut.run)
        for address in (reg.ID, reg.STATUS, reg.LAYER_CYCLES, 0x40, nowhere):
            assert await master.write(ctx, address, 1) == SLVERR
            assert await master.errors(ctx) == reg.ERROR_ADDRESS
            assert await master.write(ctx, reg.ERROR, reg.ERROR_ADDRESS, 0b0001) == SLVERR
            assert await master.errors(ctx) == reg.ERROR_ADDRESS, "cleared by a partial write"
            assert await master.write(ctx, reg.ERROR, 63) == OKAY
        await master.run(ctx, True)
        assert await master.write(ctx, program, 1) == SLVERR
        assert await master.errors(ctx) == reg.ERROR_LOAD_WHILE_RUNNING
        await master.step(ctx)
        assert master.commits == []
        await master.run(ctx, False)
        assert await master.write(ctx, program, 1) == OKAY
        await master.step(ctx)
        assert len(master.commits) == 1

    bench_of(layout, body)


def test_what_is_refused_is_no_part_of_a_word() -> None:
    """Between the parts of a word: writes that are refused for every reason, starts that are, and writes of registers."""
    layout = layout_of(acc_bits=40, slopes=True)
    rows = layout.memory("rows0")
    assert rows.parts == 3
    base, nowhere = rows.window << layout.window_bits, (1 << layout.address_bits) - 4
    parts = [0x01234567, 0x89ABCDEF, 0x12345678]

    async def body(ctx: Any, dut: Control, master: Master) -> None:
        async def disturb(where: int) -> None:
            for strobes in (0b0000, 0b0111, 0b1000):
                assert await master.write(ctx, where, 0xFFFFFFFF, strobes) == SLVERR
            for address in (reg.ID, reg.STATUS, nowhere):
                assert await master.write(ctx, address, 0xFFFFFFFF) == SLVERR
            assert await master.write(ctx, reg.CONTROL, 1) == OKAY
            loaded = len(master.commits) > 0
            assert ctx.get(dut.run) == (not loaded), "nothing starts in the midst of a load"
            if not loaded:
                assert await master.write(ctx, where, 0xFFFFFFFF) == SLVERR
                await master.run(ctx, False)
            expected = reg.ERROR_ADDRESS | (reg.ERROR_CRC if loaded else reg.ERROR_LOAD_WHILE_RUNNING)
            assert await master.errors(ctx) == expected
            assert await master.write(ctx, reg.ERROR, 0xFFFFFFFF) == OKAY

        for number, value in enumerate(parts):
            await disturb(base + 4 * number)
            assert await master.write(ctx, base + 4 * number, value) == OKAY
        await master.step(ctx)
        window, offset, data = master.commits[-1]
        assert (window, offset) == (rows.window, 2)
        assert data & ((1 << 96) - 1) == parts[0] << 64 | parts[1] << 32 | parts[2]
        assert len(master.commits) == len(parts)

    bench_of(layout, body)


def test_errors_stay_until_each_is_cleared() -> None:
    async def body(ctx: Any, dut: Control, master: Master) -> None:
        for name in ("early_last", "late_last", "expired"):
            ctx.set(getattr(dut, name), 1)
            await master.step(ctx)
            ctx.set(getattr(dut, name), 0)
        assert await master.errors(ctx) == reg.ERROR_EARLY_LAST | reg.ERROR_LATE_LAST | reg.ERROR_WATCHDOG
        assert await master.write(ctx, reg.ERROR, reg.ERROR_WATCHDOG) == OKAY
        assert await master.write(ctx, reg.ERROR, reg.ERROR_EARLY_LAST) == OKAY
        assert await master.errors(ctx) == reg.ERROR_LATE_LAST
        # An error that comes in the very cycle in which it is cleared, the one after the write was taken, is not lost.
        for name, value in (("awaddr", reg.ERROR), ("wdata", 15), ("wstrb", 15), ("awvalid", 1), ("wvalid", 1)):
            ctx.set(getattr(dut, name), value)
        await master.step(ctx)
        for name, value in (("awvalid", 0), ("wvalid", 0), ("late_last", 1), ("bready", 1)):
            ctx.set(getattr(dut, name), value)
        await master.step(ctx)
        ctx.set(dut.late_last, 0)
        await master.step(ctx)
        ctx.set(dut.bready, 0)
        assert await master.errors(ctx) == reg.ERROR_LATE_LAST

    bench_of(layout_of(), body)
