"""The registers of an AXI DMA in direct register mode, as PG021 describes them, and memory that it reaches."""

from __future__ import annotations

from collections.abc import Callable, Sequence

BASE = 0x1_2000_0000


class Memory:
    """A buffer at a physical address beyond 32 bits."""

    def __init__(self, size: int) -> None:
        self.address, self.data = BASE, bytearray(size)


class AxiDmaModel:
    """Both channels. A sample goes through ``exchange`` when MM2S has been started and S2MM waits for its result.

    exchange : packet on the stream → packet that comes back
    """

    HALTED, IDLE, SCATTER_GATHER, INTERNAL, DECODE, DONE = 1 << 0, 1 << 1, 1 << 3, 1 << 4, 1 << 6, 1 << 12

    def __init__(self, memory: Memory, exchange: Callable[[bytes], bytes]) -> None:
        self.memory, self.exchange = memory, exchange
        self.always = 0
        self._reset()

    def _reset(self) -> None:
        self.registers = {channel + offset: 0 for channel in (0x00, 0x30) for offset in (0x00, 0x18, 0x1C, 0x28)}
        self.status = {0x00: self.HALTED, 0x30: self.HALTED}
        self.armed: tuple[int, int] | None = None

    def read(self, address: int) -> int:
        channel, offset = (0x30, address - 0x30) if address >= 0x30 else (0x00, address)
        return self.status[channel] | self.always if offset == 0x04 else self.registers[address]

    def write(self, address: int, values: Sequence[int]) -> None:
        assert len(values) == 1
        value = values[0]
        channel, offset = (0x30, address - 0x30) if address >= 0x30 else (0x00, address)
        if offset == 0x04:
            self.status[channel] &= ~(value & self.DONE)
            return
        if offset == 0x00 and value & 4:
            self._reset()
            return
        self.registers[address] = value
        if offset == 0x00:
            self.status[channel] = (
                self.status[channel] & ~self.HALTED if value & 1 else self.status[channel] | self.HALTED
            )
        if offset == 0x28 and not self.status[channel] & self.HALTED:
            self._begin(channel, value)

    def _begin(self, channel: int, length: int) -> None:
        self.status[channel] &= ~self.IDLE
        place = (self.registers[channel + 0x1C] << 32 | self.registers[channel + 0x18]) - BASE
        if not 0 <= place <= len(self.memory.data) - length:
            self.status[channel] |= self.DECODE | self.HALTED
        elif channel == 0x30:
            self.armed = (place, length)
        else:
            result = self.exchange(bytes(self.memory.data[place : place + length]))
            self.status[0x00] |= self.DONE | self.IDLE
            if self.armed is not None and result:
                self._receive(result, *self.armed)

    def _receive(self, result: bytes, place: int, length: int) -> None:
        self.armed = None
        if len(result) > length:  # the packet does not end where the buffer does
            self.status[0x30] |= self.INTERNAL | self.HALTED
            return
        self.memory.data[place : place + len(result)] = result
        self.registers[0x58] = len(result)
        self.status[0x30] |= self.DONE | self.IDLE
