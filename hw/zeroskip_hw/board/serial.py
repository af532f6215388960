"""The two ends of an asynchronous serial line: 8 data bits, no parity, one stop bit, least significant bit first."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib.wiring import Component, In, Out

FRAME_BITS = 10
"""Start, 8 data, stop."""


class Receiver(Component):
    """Bytes from a line.

    Each bit is read once, in its middle. A byte is given in the cycle behind that in which its stop bit was read, so that the next start
    bit may follow the stop bit at once, and the sender's clock may be off by 4 %. A line that is low too briefly to be a start bit is
    ignored. After a byte without stop bit the line must be high before a next start bit counts.

    Parameters
    ----------
    divisor : clock cycles of a bit, at least 4

    Members
    -------
    line : In(1)
        Synchronous to the clock; high when idle.
    valid : Out(1)
        One cycle for each byte; there is no back-pressure, the line waits for nobody.
    data : Out(8)
        The byte, while ``valid``.
    broken : Out(1)
        With ``valid``: the byte had no stop bit.

    """

    def __init__(self, divisor: int) -> None:
        if divisor < 4:
            raise ValueError(f"divisor must be at least 4, not {divisor}")
        self._divisor = divisor
        super().__init__({"line": In(1), "valid": Out(1), "data": Out(8), "broken": Out(1)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        timer = Signal(range(self._divisor))
        left = Signal(range(FRAME_BITS + 1))
        # High after reset: a line that is low then must first rise.
        low_before = Signal(init=1)
        m.d.sync += [low_before.eq(~self.line), self.valid.eq(0)]
        with m.If(left == 0):
            with m.If(~self.line & ~low_before):
                m.d.sync += [left.eq(FRAME_BITS), timer.eq(self._divisor // 2 - 1)]
        with m.Elif(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.Else():
            m.d.sync += [timer.eq(self._divisor - 1), left.eq(left - 1)]
            with m.If((left == FRAME_BITS) & self.line):
                m.d.sync += left.eq(0)  # a spike, no start bit
            with m.Elif(left == 1):
                m.d.sync += [self.valid.eq(1), self.broken.eq(~self.line)]
            with m.Else():
                m.d.sync += self.data.eq(Cat(self.data[1:], self.line))
        return m


class Transmitter(Component):
    """Bytes to a line. Ten bit times a byte, and two cycles at most between two bytes.

    Parameters
    ----------
    divisor : clock cycles of a bit

    Members
    -------
    valid : In(1), ready : Out(1), data : In(8)
        The byte to send; ``ready`` is a register.
    line : Out(1)
        A register, high when idle.

    """

    def __init__(self, divisor: int) -> None:
        self._divisor = divisor
        line = Out(1, init=1)  # type: ignore[call-arg]  # the stubs do not know it
        super().__init__({"valid": In(1), "ready": Out(1), "data": In(8), "line": line})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        timer = Signal(range(self._divisor))
        left = Signal(range(FRAME_BITS + 1))
        bits = Signal(FRAME_BITS - 1)
        with m.If(self.ready):
            with m.If(self.valid):
                m.d.sync += [
                    self.ready.eq(0), self.line.eq(0), bits.eq(Cat(self.data, 1)), left.eq(FRAME_BITS - 1), timer.eq(self._divisor - 1),
                ]  # fmt: skip
        with m.Elif(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.Elif(left != 0):
            m.d.sync += [self.line.eq(bits[0]), bits.eq(bits >> 1), left.eq(left - 1), timer.eq(self._divisor - 1)]
        with m.Else():
            m.d.sync += self.ready.eq(1)
        return m
