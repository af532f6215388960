"""Frames from the bytes of a line; what is no frame is told once, when the line has fallen silent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib.wiring import Component, In, Out

from zeroskip.contracts.frames import CRC, HEADER, SYNC, Fault
from zeroskip_hw.primitives.ram import Ram


class FrameReader(Component):
    """One frame at a time: header in registers, payload in a memory of ``payload`` bytes.

    ``whole`` rises two cycles after the frame's last byte. Until ``next`` the frame stays; bytes that come meanwhile are lost. A frame that
    breaks a rule makes ``fault`` rise, but only when no byte has come for ``silence`` cycles: so every burst of bytes gets one verdict, and
    whatever a host has sent, a pause brings the reader back to the begin of a frame. A frame too short is noticed by the same silence.

    The memory is read in words of a beat. One word per cycle; ``read_data`` follows its address by one cycle and stays while
    ``read_enable`` is low. Words behind the payload's end, and bytes behind it in its last word, hold anything.

    Parameters
    ----------
    payload : bytes of the memory, a power of two
    elements : bytes of a beat, a power of two
    silence : cycles

    Members
    -------
    valid : In(1), data : In(8), broken : In(1)
        Of a :class:`~zeroskip_hw.board.serial.Receiver`.
    whole : Out(1)
        A frame is there, and its CRC is right.
    kind : Out(8), length : Out(16), count : Out(16), address : Out(32)
        Its header.
    fault : Out(8)
        A :class:`~zeroskip.contracts.frames.Fault`, or 0.
    next : In(1)
        One cycle: done with the frame or the fault.
    active : Out(1)
        A frame has begun, or is there.
    read_enable : In(1), read_address : In, read_data : Out(8 * elements)
    crc_start, crc_valid : Out(1), crc_data : Out(8), crc_match : In(1)
        To a CRC-32 processor of bytes; used while no frame is there.

    """

    def __init__(self, *, payload: int, elements: int, silence: int) -> None:
        self._payload, self._elements, self._silence = payload, elements, silence
        words = payload // elements
        super().__init__({
            "valid": In(1), "data": In(8), "broken": In(1),
            "whole": Out(1), "kind": Out(8), "length": Out(16), "count": Out(16), "address": Out(32),
            "fault": Out(8), "next": In(1), "active": Out(1),
            "read_enable": In(1), "read_address": In(range(words)), "read_data": Out(8 * elements),
            "crc_start": Out(1), "crc_valid": Out(1), "crc_data": Out(8), "crc_match": In(1),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        # Written by the byte: each is one part of a word.
        m.submodules.memory = memory = Ram(
            width=8 * self._elements, depth=self._payload // self._elements, parts=self._elements, block=True
        )
        lane_bits = self._elements.bit_length() - 1
        place = Signal(range(self._payload))
        left = Signal(16)
        verdict = Signal(8)
        silence = Signal(range(self._silence + 1))
        silent = Signal()
        header = Cat(self.kind, self.length, self.count, self.address)
        m.d.comb += [
            memory.read_enable.eq(self.read_enable), memory.read_address.eq(self.read_address), self.read_data.eq(memory.read_data),
            memory.write_address.eq(place >> lane_bits), memory.write_data.eq(self.data.replicate(self._elements)),
            self.crc_data.eq(self.data), silent.eq(silence == self._silence),
        ]  # fmt: skip
        with m.If(self.valid):
            m.d.sync += silence.eq(0)
        with m.Elif(~silent):
            m.d.sync += silence.eq(silence + 1)

        def refuse(fault: Fault) -> None:
            """Wait until nothing more comes, so that the answer does not stand among what was sent."""
            m.d.sync += verdict.eq(fault)
            m.next = "drain"

        @contextmanager
        def byte() -> Iterator[None]:
            """What is done with the next byte of the frame, if it comes in time and whole."""
            with m.If(self.valid & self.broken):
                refuse(Fault.LINE)
            with m.Elif(self.valid):
                yield
            with m.Elif(silent):
                m.d.sync += verdict.eq(Fault.TIMEOUT)
                m.next = "fault"

        with m.FSM() as fsm:
            m.d.comb += self.active.eq(~fsm.ongoing("begin"))
            with m.State("begin"):
                m.d.comb += self.crc_start.eq(1)
                m.d.sync += [left.eq(HEADER.size - 1), place.eq(0)]
                with m.If(self.valid):
                    m.next = "header"
                    with m.If(self.broken):
                        refuse(Fault.LINE)
                    with m.Elif(self.data != SYNC):
                        refuse(Fault.SYNC)
            with m.State("header"), byte():
                m.d.comb += self.crc_valid.eq(1)
                m.d.sync += [header.eq(Cat(header[8:], self.data)), left.eq(left - 1)]
                with m.If(left == 0):
                    m.next = "length"
            with m.State("length"):
                # The next byte is many cycles away.
                m.d.sync += left.eq(self.length - 1)
                m.next = "payload"
                with m.If(self.length > self._payload):
                    refuse(Fault.LENGTH)
                with m.Elif(self.length == 0):
                    m.d.sync += left.eq(CRC.size - 1)
                    m.next = "crc"
            with m.State("payload"), byte():
                m.d.comb += [self.crc_valid.eq(1), memory.write_enable.eq(1 << place[:lane_bits])]
                m.d.sync += [place.eq(place + 1), left.eq(left - 1)]
                with m.If(left == 0):
                    m.d.sync += left.eq(CRC.size - 1)
                    m.next = "crc"
            with m.State("crc"), byte():
                m.d.comb += self.crc_valid.eq(1)
                m.d.sync += left.eq(left - 1)
                with m.If(left == 0):
                    m.next = "check"
            with m.State("check"):
                m.next = "whole"
                with m.If(~self.crc_match):
                    refuse(Fault.CRC)
            with m.State("whole"):
                m.d.comb += self.whole.eq(1)
                with m.If(self.next):
                    m.next = "begin"
            with m.State("drain"):
                with m.If(silent & ~self.valid):
                    m.next = "fault"
            with m.State("fault"):
                m.d.comb += self.fault.eq(verdict)
                with m.If(self.next):
                    m.next = "begin"
        return m
