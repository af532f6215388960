"""The other end of the serial line: raw bytes for what breaks the protocol, and a Line for the host's own code."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.task import resume
from cocotb.triggers import ClockCycles
from cocotbext.uart import UartSink, UartSource
from tests.sim.board.cases import CLOCK_HZ, Case, load_cases

from zeroskip.contracts.bridge import BridgeConfig
from zeroskip.contracts.frames import HEADER, OVERHEAD, Frame, payload_length
from zeroskip.drivers import uart

uart.MARGIN = 3600.0  # seconds of this machine, while the board's pass in the simulation

POLL = 200
"""Clock cycles between two looks at what has come."""

WAKE = 1100
"""Clock cycles until the board has ended its reset."""


class Host:
    """One end of the line; made by :meth:`open`.

    bridge : the board's parameters
    cases : the networks
    rng : seeded by the run's seed
    """

    def __init__(self, dut: Any, bridge: BridgeConfig, cases: list[Case]) -> None:
        self.dut, self.bridge, self.cases = dut, bridge, cases
        self.rng = random.Random(cocotb.RANDOM_SEED)
        baud = CLOCK_HZ // bridge.divisor
        self.source, self.sink = UartSource(dut.rx, baud=baud), UartSink(dut.tx, baud=baud)

    @classmethod
    async def open(cls, dut: Any) -> Host:
        """Start the clock. The board wakes up once, before the first test."""
        Clock(dut.clk, 1_000_000_000 // CLOCK_HZ, unit="ns", impl="gpi").start(start_high=False)
        bridge, cases = load_cases(Path())
        host = cls(dut, bridge, cases)
        await ClockCycles(dut.clk, WAKE)
        return host

    def arrived(self) -> bytes:
        return bytes(self.sink.read_nowait(self.sink.count()))

    async def pause(self, cycles: int) -> None:
        await ClockCycles(self.dut.clk, cycles)

    async def silence(self) -> None:
        """So long that a broken frame ends."""
        await self.pause(self.bridge.silence_cycles + 40 * self.bridge.divisor)

    async def answers(self, data: bytes) -> list[Frame]:
        """Everything that comes back when ``data`` are sent, until the board has had time for more than one answer."""
        await self.source.write(data)
        await self.source.wait()
        await self.silence()
        came = bytearray()
        quiet = 0
        while quiet < 12 * self.bridge.divisor + 2 * POLL:
            await self.pause(POLL)
            new = self.arrived()
            came += new
            busy = bool(self.dut.lamp_busy.value) and self._working()
            quiet = 0 if new or busy else quiet + POLL
        return _frames(bytes(came))

    def _working(self) -> bool:
        # The lamp stays lit for long after a request: what counts is that the line moves or an answer is missing.
        return not self.dut.tx.value

    async def ask(self, frame: Frame) -> Frame:
        """The answer to a good frame, as soon as it is there."""
        await self.source.write(frame.to_bytes())
        came = bytearray()
        for _ in range(self.bridge.patience_cycles * 4 // POLL):
            await self.pause(POLL)
            came += self.arrived()
            try:
                return Frame.from_bytes(bytes(came))
            except ValueError:
                continue
        raise AssertionError(f"no answer to {frame}, but {bytes(came).hex()} (seed {cocotb.RANDOM_SEED})")


class SimulatedLine:
    """A Line for :class:`zeroskip.drivers.uart.Uart`, which runs in a thread of its own while the simulation waits for it."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def read(self, size: int) -> bytes:
        return resume(self._read)(size)

    async def _read(self, size: int) -> bytes:
        for _ in range(50):
            if self._host.sink.count():
                break
            await self._host.pause(POLL)
        return bytes(self._host.sink.read_nowait(min(size, self._host.sink.count())))

    def write(self, data: bytes) -> None:
        resume(self._write)(data)

    async def _write(self, data: bytes) -> None:
        await self._host.source.write(data)
        await self._host.source.wait()

    def reset_input_buffer(self) -> None:
        resume(self._host.silence)()
        self._host.arrived()

    def close(self) -> None:
        pass


def _frames(data: bytes) -> list[Frame]:
    """Whole frames, one after the other. Raises ValueError for anything else."""
    frames = []
    while data:
        size = OVERHEAD + payload_length(data) if len(data) > HEADER.size else len(data)
        frames.append(Frame.from_bytes(data[:size]))
        data = data[size:]
    return frames
