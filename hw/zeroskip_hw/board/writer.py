"""Frames to a line."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Array, Cat, Const, Module, Signal
from amaranth.lib.wiring import Component, In, Out

from zeroskip.contracts.frames import CRC, HEADER, SYNC
from zeroskip_hw.primitives.ram import Ram

PREFIX = 1 + HEADER.size
"""Bytes before the payload."""


class FrameWriter(Component):
    """Sends one frame whose payload lies in a memory of ``payload`` bytes, and then pulses ``done``.

    The memory is written in words of a beat. ``write_keep`` tells which bytes of the word belong to the payload; they are sent one behind
    the other. The line sets the pace: a byte each ten bits.

    Parameters
    ----------
    payload : bytes of the memory, a power of two
    elements : bytes of a beat, a power of two

    Members
    -------
    start : In(1), done : Out(1)
        The frame is sent from the cycle behind ``start`` on; ``done`` marks the cycle in which its last byte was handed over.
    kind : In(8), length : In(16), count : In(16), address : In(32)
        The header; constant while the frame is sent. ``length`` is the number of kept bytes.
    write_enable : In(elements), write_address : In, write_data : In(8 * elements), write_keep : In(elements)
        A word, or bytes of it, with the word's kept bytes.
    valid : Out(1), ready : In(1), data : Out(8)
        To a :class:`~zeroskip_hw.board.serial.Transmitter`.
    crc_start, crc_valid : Out(1), crc_data : Out(8), crc : In(32)
        To a CRC-32 processor of bytes; used from ``start`` to ``done``.

    """

    def __init__(self, *, payload: int, elements: int) -> None:
        self._payload, self._elements = payload, elements
        super().__init__({
            "start": In(1), "done": Out(1), "kind": In(8), "length": In(16), "count": In(16), "address": In(32),
            "write_enable": In(elements), "write_address": In(range(payload // elements)), "write_data": In(8 * elements),
            "write_keep": In(elements),
            "valid": Out(1), "ready": In(1), "data": Out(8),
            "crc_start": Out(1), "crc_valid": Out(1), "crc_data": Out(8), "crc": In(32),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        elements, words = self._elements, self._payload // self._elements
        m.submodules.memory = memory = Ram(width=8 * elements, depth=words, parts=elements, block=True)
        lane_bits = elements.bit_length() - 1
        place = Signal(range(self._payload))
        left = Signal(16)
        sent = Signal()
        m.d.comb += [
            memory.write_enable.eq(self.write_enable), memory.write_address.eq(self.write_address),
            memory.write_data.eq(self.write_data), memory.read_enable.eq(1), memory.read_address.eq(place >> lane_bits),
            sent.eq(self.valid & self.ready), self.crc_data.eq(self.data),
        ]  # fmt: skip
        kept: Any = 1
        if elements > 1:
            m.submodules.keeps = keeps = Ram(width=elements, depth=words)
            m.d.comb += [
                keeps.write_enable.eq(self.write_enable.any()), keeps.write_address.eq(self.write_address),
                keeps.write_data.eq(self.write_keep), keeps.read_enable.eq(1), keeps.read_address.eq(place >> lane_bits),
            ]  # fmt: skip
            kept = keeps.read_data.bit_select(place[:lane_bits], 1)
        prefix = Array(
            Cat(Const(SYNC, 8), self.kind, self.length, self.count, self.address).word_select(byte, 8)
            for byte in range(PREFIX)
        )
        with m.FSM():
            with m.State("idle"):
                m.d.sync += [left.eq(0), place.eq(0)]
                with m.If(self.start):
                    m.d.comb += self.crc_start.eq(1)
                    m.next = "prefix"
            with m.State("prefix"):
                m.d.comb += [self.valid.eq(1), self.data.eq(prefix[left]), self.crc_valid.eq(sent & (left != 0))]
                with m.If(sent):
                    m.d.sync += left.eq(left + 1)
                    with m.If(left == PREFIX - 1):
                        m.d.sync += left.eq(self.length - 1)
                        m.next = "look"
                        with m.If(self.length == 0):
                            m.d.sync += left.eq(0)
                            m.next = "crc"
            with m.State("look"):
                m.next = "payload"  # the memories answer a cycle later
            with m.State("payload"):
                m.d.comb += [
                    self.data.eq(memory.read_data.word_select(place[:lane_bits], 8)),
                    self.valid.eq(kept), self.crc_valid.eq(sent),
                ]  # fmt: skip
                with m.If(sent | ~self.valid):
                    m.d.sync += place.eq(place + 1)
                    m.next = "look"
                with m.If(sent):
                    m.d.sync += left.eq(left - 1)
                    with m.If(left == 0):
                        m.d.sync += left.eq(0)
                        m.next = "crc"
            with m.State("crc"):
                m.d.comb += [self.valid.eq(1), self.data.eq(self.crc.word_select(left[:2], 8))]
                with m.If(sent):
                    m.d.sync += left.eq(left + 1)
                    with m.If(left == CRC.size - 1):
                        m.d.comb += self.done.eq(1)
                        m.next = "idle"
        return m
