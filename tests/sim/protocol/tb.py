"""The test bench around the top module: AXI drivers with pauses, protocol monitors, and a scoreboard."""

from __future__ import annotations

import os
import random
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiStreamBus, AxiStreamFrame, AxiStreamSink, AxiStreamSource
from cocotbext.axi.constants import AxiResp

from zeroskip.contracts import registers as reg
from zeroskip.contracts.layout import Layout
from zeroskip.contracts.network import IntArray
from zeroskip.contracts.words import Memory
from zeroskip_sim.scoreboard import Job

from .cases import Case, load_cases
from .monitors import watch_handshake

OKAY, SLVERR = AxiResp.OKAY, AxiResp.SLVERR
SEED = int(os.environ.get("COCOTB_RANDOM_SEED", "1"))

LIMIT_MS = 2
"""A test's limit of simulated time: 200 000 clock cycles."""


def pauses(rng: random.Random, share: float) -> Iterator[bool]:
    """Pause in this share of the cycles."""
    while True:
        yield rng.random() < share


class TB:
    """Drives and checks one DUT; made by :meth:`open`.

    cases : the networks of this run, all on the same hardware
    rng : seeded by the run's seed; every assertion names it
    beats_out, samples_out : taken at the output since the start
    """

    def __init__(self, dut: Any, cases: Sequence[Case]) -> None:
        self.dut, self.cases = dut, cases
        self.config = cases[0].program.config
        self.layout = Layout(self.config)
        self.rng = random.Random(SEED)
        self.interrupted = False
        self._pending = self.beats_out = self.samples_out = 0
        self.source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), dut.clk)
        self.sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), dut.clk)
        self.axil = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.clk, dut.rst)
        watch = {
            "m_axis_t": ("data", "keep", "last"), "s_axil_b": ("resp",), "s_axil_r": ("data", "resp"),
        }  # fmt: skip
        for prefix, payload in watch.items():
            cocotb.start_soon(watch_handshake(dut, prefix, payload, lambda: self.interrupted))
        cocotb.start_soon(self._count_output())

    @classmethod
    async def open(cls, dut: Any) -> TB:
        """Start the clock and reset the DUT, whose outputs are unknown before that."""
        for name in ("s_axis_tvalid", "m_axis_tready"):
            getattr(dut, name).value = 0
        for name in ("awvalid", "wvalid", "bready", "arvalid", "rready"):
            getattr(dut, f"s_axil_{name}").value = 0
        dut.rst.value = 1
        Clock(dut.clk, 10, unit="ns", impl="gpi").start(start_high=False)
        await ClockCycles(dut.clk, 3)
        dut.rst.value = 0
        await RisingEdge(dut.clk)
        return cls(dut, load_cases(Path()))

    # --- pauses and resets --------------------------------------------------------------------------------------------

    def pause_streams(self, share_in: float, share_out: float) -> None:
        self.source.set_pause_generator(pauses(self.rng, share_in))
        self.sink.set_pause_generator(pauses(self.rng, share_out))

    def pause_registers(self, share: float) -> None:
        """On each of the five channels by itself, so that address and data of a write come in either order."""
        write, read = self.axil.write_if, self.axil.read_if
        for channel in (write.aw_channel, write.w_channel, write.b_channel, read.ar_channel, read.r_channel):
            channel.set_pause_generator(pauses(self.rng, share))

    def drop_samples(self) -> None:
        """Forget what is on its way into and out of the DUT."""
        self._pending = 0
        for end in (self.source, self.sink):
            end.clear()
            end.assert_reset()

    async def _count_output(self) -> None:
        dut = self.dut
        while True:
            await RisingEdge(dut.clk)
            if self.interrupted:
                self.beats_out = self.samples_out = 0
            elif dut.m_axis_tvalid.value and dut.m_axis_tready.value:
                self.beats_out += 1
                self.samples_out += int(dut.m_axis_tlast.value)

    async def reset(self, cycles: int = 2, *, drop: bool = True) -> None:
        """Reset from the next edge on; without ``drop`` the source holds TVALID all along."""
        self.interrupted = True
        self.dut.rst.value = 1
        if drop:
            self.drop_samples()
        await ClockCycles(self.dut.clk, cycles)
        self.dut.rst.value = 0
        await RisingEdge(self.dut.clk)
        self.interrupted = False

    # --- registers and memories ---------------------------------------------------------------------------------------

    async def read(self, address: int) -> int:
        answer = await self.axil.read(address, 4)
        assert answer.resp == OKAY, f"read of {address:#x}: {answer.resp!r} (seed {SEED})"
        return int.from_bytes(answer.data, "little")

    async def write(self, address: int, value: int, *, expect: AxiResp = OKAY) -> None:
        answer = await self.axil.write(address, value.to_bytes(4, "little"))
        assert answer.resp == expect, f"write to {address:#x}: {answer.resp!r}, expected {expect!r} (seed {SEED})"

    async def expect_register(self, address: int, value: int, what: str) -> None:
        found = await self.read(address)
        assert found == value, f"{what}: expected {value:#x}, got {found:#x} (seed {SEED})"

    def address(self, memory: Memory, word: int = 0) -> int:
        return (memory.window << self.layout.window_bits) + word * memory.stride

    def bytes_of(self, memory: Memory, words: Sequence[int]) -> bytes:
        """Words as they lie in the window: each takes its stride."""
        return b"".join(value.to_bytes(memory.stride, "little") for value in words)

    async def write_words(self, memory: Memory, words: Sequence[int], *, expect: AxiResp = OKAY) -> None:
        answer = await self.axil.write(self.address(memory), self.bytes_of(memory, words))
        assert answer.resp == expect, f"write to {memory.name}: {answer.resp!r}, expected {expect!r} (seed {SEED})"

    async def load(self, case: Case, spoilt: Mapping[str, Sequence[int]] | None = None) -> None:
        """Every memory of ``case``, in random order, after the CRC of it all; ``spoilt`` are other first words, by memory."""
        memories = list(self.layout.memories)
        self.rng.shuffle(memories)
        words = {memory.name: list(case.program.images[memory.name]) for memory in memories}
        for name, first in (spoilt or {}).items():
            words[name][: len(first)] = first
        await self.expect_load(b"".join(self.bytes_of(memory, words[memory.name]) for memory in memories))
        for memory in memories:
            await self.write_words(memory, words[memory.name])

    async def expect_load(self, data: bytes) -> None:
        """State the CRC of all that will be written to memories."""
        await self.write(reg.EXPECTED_CRC, zlib.crc32(data))

    async def start(self) -> None:
        await self.write(reg.CONTROL, reg.CONTROL_RUN)

    async def stop(self) -> None:
        self.interrupted = True
        await self.write(reg.CONTROL, 0)
        self.drop_samples()
        await RisingEdge(self.dut.clk)
        self.interrupted = False

    # --- samples ------------------------------------------------------------------------------------------------------

    def send(self, samples: IntArray) -> None:
        """One frame per sample; what pads its last beat is arbitrary, for nobody may read it."""
        self._pending += len(samples)
        for sample in samples:
            self.send_bytes(bytes(np.asarray(sample).astype(np.uint8)))

    def send_bytes(self, data: bytes) -> None:
        padding = -len(data) % self.config.stream_elements
        self.source.send_nowait(AxiStreamFrame(data + self.rng.randbytes(padding)))

    async def receive(self, case: Case, expected: IntArray) -> None:
        """Wait for ``expected`` and compare: TKEEP, number of beats, values, order; bytes without TKEEP are 0."""
        elements, outputs = self.config.stream_elements, case.program.outputs
        job = Job(expected=expected, elements=elements, signed=case.signed)
        keep = [1] * outputs + [0] * (case.program.output_beats * elements - outputs)
        rows = []
        for number in range(len(expected)):
            frame = await self.sink.recv(compact=False)
            self._pending -= 1
            assert frame.tkeep == keep, f"sample {number}: TKEEP {frame.tkeep}, expected {keep} (seed {SEED})"
            assert not any(frame.tdata[outputs:]), (
                f"sample {number}: not 0 without TKEEP: {frame.tdata[outputs:]} (seed {SEED})"
            )
            rows.append(
                np.frombuffer(bytes(frame.tdata[:outputs]), dtype=np.int8 if case.signed else np.uint8).astype(np.int64)
            )
        difference = job.first_difference(rows)
        assert difference is None, f"{difference} (seed {SEED})"

    async def compute(self, case: Case) -> None:
        """All samples of ``case``, in and out."""
        self.send(case.inputs)
        await self.receive(case, case.expected)

    async def finish(self, *, errors: int = 0) -> None:
        """Nothing more comes, nothing is left, and ERROR is as expected."""
        self.source.clear_pause_generator()
        self.sink.clear_pause_generator()
        self.source.pause = self.sink.pause = False
        await ClockCycles(self.dut.clk, 40)
        assert self.sink.empty(), f"{self.sink.count()} samples too many (seed {SEED})"
        assert self.source.idle(), f"the source still holds samples (seed {SEED})"
        assert self._pending == 0, f"{self._pending} samples did not come out (seed {SEED})"
        await self.expect_register(reg.ERROR, errors, "ERROR")
