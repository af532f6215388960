"""The streams behind an AMD/Xilinx AXI DMA in direct register mode (PG021, "simple mode"), with a buffer that hardware and program share.

Tried against a model of its registers, not on a board.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import Protocol

from zeroskip.contracts.errors import DeviceError, InputError

from .bus import Bus

MM2S, S2MM = 0x00, 0x30
"""Registers of the two channels: from memory to the stream, and from the stream to memory."""
CONTROL, STATUS, ADDRESS, ADDRESS_HIGH, LENGTH = 0x00, 0x04, 0x18, 0x1C, 0x28
"""Offsets in a channel. Writing LENGTH begins a transfer; in S2MM it then reads as the bytes that came."""

CONTROL_RUN, CONTROL_RESET = 1 << 0, 1 << 2
STATUS_HALTED, STATUS_IDLE, STATUS_SCATTER_GATHER = 1 << 0, 1 << 1, 1 << 3
STATUS_ERRORS = {"internal error": 1 << 4, "slave error": 1 << 5, "decode error": 1 << 6}
STATUS_DONE = 1 << 12

SYSTEM = Path("/sys/class/u-dma-buf")


class Buffer(Protocol):
    """Memory that the DMA reaches. It must be coherent: mapped without caches, or on a coherent port.

    address : physical
    data : the same memory, for the program
    """

    @property
    def address(self) -> int: ...
    @property
    def data(self) -> memoryview | bytearray: ...


class UdmaBuffer:
    """A buffer of the u-dma-buf kernel module, /dev/NAME, opened O_SYNC, so that the processor does not cache it (sync_mode 1, as is)."""

    def __init__(self, name: str = "udmabuf0", *, system: Path = SYSTEM, devices: Path = Path("/dev")) -> None:
        entry = system / name
        try:
            self.address = int((entry / "phys_addr").read_text(), 16)
            size = int((entry / "size").read_text())
            file = os.open(devices / name, os.O_RDWR | os.O_SYNC)
            try:
                self._map = mmap.mmap(file, size)
            finally:
                os.close(file)
        except (OSError, ValueError) as error:
            raise InputError(f"{devices / name}: is no buffer of u-dma-buf: {error}") from error
        self.data = memoryview(self._map)


class AxiDma:
    """:class:`~zeroskip.drivers.bus.Streams` over an AXI DMA with both channels, without scatter-gather, polled.

    registers : its register port
    buffer : holds one sample, and behind it, on a multiple of 64 bytes, the result
    length_bits : width of the DMA's length register, as it was configured; 14 is what Vivado proposes
    polls : looks at STATUS before it gives up

    The receiving channel is armed before a sample is sent, so the array is never held up at its output. One sample is on its way at a
    time: an array that computes several side by side needs another transport.
    """

    def __init__(self, registers: Bus, buffer: Buffer, *, length_bits: int = 14, polls: int = 100_000) -> None:
        self._registers, self._buffer, self._polls = registers, buffer, polls
        self._most = (1 << length_bits) - 1
        for channel, name in ((MM2S, "MM2S"), (S2MM, "S2MM")):
            if self._read(channel, STATUS) & STATUS_SCATTER_GATHER:
                raise InputError(f"AXI DMA, {name}: must be configured without scatter-gather")
        self.reset()

    def reset(self) -> None:
        """Break off what is on its way, and make both channels ready. One channel's reset is the other's too."""
        self._write(MM2S, CONTROL, CONTROL_RESET)
        self._wait(MM2S, CONTROL, CONTROL_RESET, 0, "does not come out of reset")
        for channel in (MM2S, S2MM):
            self._write(channel, CONTROL, CONTROL_RUN)
            self._wait(channel, STATUS, STATUS_HALTED, 0, "does not start")

    def transfer(self, sample: bytes, outputs: int) -> bytes:
        """One sample out and its result in. After a DeviceError call :meth:`reset`, and stop and start the array."""
        place = -(-len(sample) // 64) * 64
        if not 0 < len(sample) <= self._most or not 0 < outputs <= self._most:
            raise InputError(f"AXI DMA: samples must have 1 … {self._most} bytes, not {len(sample)} and {outputs}")
        if place + outputs > len(self._buffer.data):
            raise InputError(f"AXI DMA: the buffer must have {place + outputs} bytes, not {len(self._buffer.data)}")
        self._buffer.data[: len(sample)] = sample
        self._begin(S2MM, self._buffer.address + place, outputs)
        self._begin(MM2S, self._buffer.address, len(sample))
        self._finish(MM2S, "the array does not take the sample")
        self._finish(S2MM, "the array gives no result")
        if (came := self._read(S2MM, LENGTH)) != outputs:
            raise DeviceError(f"AXI DMA: the result has {came} bytes, not {outputs}")
        return bytes(self._buffer.data[place : place + outputs])

    def _begin(self, channel: int, address: int, size: int) -> None:
        self._write(channel, STATUS, STATUS_DONE)
        self._write(channel, ADDRESS, address & 0xFFFF_FFFF)
        if address >> 32:  # the register is there only in a DMA of more than 32 address bits
            self._write(channel, ADDRESS_HIGH, address >> 32)
        self._write(channel, LENGTH, size)

    def _finish(self, channel: int, fault: str) -> None:
        status = self._wait(channel, STATUS, STATUS_DONE, STATUS_DONE, fault)
        if not status & STATUS_IDLE:
            raise DeviceError(f"AXI DMA, {_name(channel)}: is done but not idle: status {status:#x}")

    def _wait(self, channel: int, register: int, mask: int, value: int, fault: str) -> int:
        for _ in range(self._polls):
            found = self._read(channel, register)
            broken = [name for name, bit in STATUS_ERRORS.items() if register == STATUS and found & bit]
            if broken:
                raise DeviceError(f"AXI DMA, {_name(channel)}: {broken[0]}: buffer address or width is wrong")
            if found & mask == value:
                return found
        raise DeviceError(f"AXI DMA, {_name(channel)}: {fault}")

    def _read(self, channel: int, register: int) -> int:
        return self._registers.read(channel + register)

    def _write(self, channel: int, register: int, value: int) -> None:
        self._registers.write(channel + register, [value])


def _name(channel: int) -> str:
    return "MM2S" if channel == MM2S else "S2MM"
