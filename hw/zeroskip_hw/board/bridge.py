"""Requests from a serial line, done at the array's ports, and their answers."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from amaranth.lib.wiring import Component, In, Out

from zeroskip.contracts import registers as reg
from zeroskip.contracts.bridge import BridgeConfig
from zeroskip.contracts.frames import COUNTERS, FAILED, REPLY, Fault, Kind, Link
from zeroskip.contracts.layout import Layout
from zeroskip_hw.control.registers import axil_members

from .feeder import Feeder
from .gatherer import Gatherer
from .master import Master
from .reader import FrameReader
from .writer import FrameWriter

WORD = 4
"""Bytes of a register."""


class Bridge(Component):
    """AXI4-Lite master, stream source and stream sink of one array, at the orders of :mod:`zeroskip.contracts.frames`.

    One request at a time: it is received whole, done, and answered; every burst of bytes has exactly one answer. What comes in between is
    lost. Requests and answers have a memory of ``config.payload`` bytes each, and nothing else is buffered: beats go to the array as it
    takes them, one per cycle if it can, and outputs that have no room wait in the array. A word of READ or WRITE takes about 20 cycles;
    the line takes ten bits a byte.

    Members
    -------
    rx_valid : In(1), rx_data : In(8), rx_broken : In(1)
        From a :class:`~zeroskip_hw.board.serial.Receiver`.
    tx_valid : Out(1), tx_ready : In(1), tx_data : Out(8)
        To a :class:`~zeroskip_hw.board.serial.Transmitter`.
    axil_… :
        See :class:`~zeroskip_hw.board.master.Master`.
    out_data : Out(stream_bits), out_valid, out_last : Out(1), out_ready : In(1)
        To the array's input.
    in_data : In(stream_bits), in_keep : In(stream_bits / 8), in_valid, in_last : In(1), in_ready : Out(1)
        From the array's output.
    busy : Out(1)
        A request is being received, done or answered.
    fault : Out(1)
        The latest answer was a refusal.
    """

    def __init__(self, layout: Layout, config: BridgeConfig) -> None:
        self._layout, self._config = layout, config
        bits, elements = layout.config.stream_bits, layout.config.stream_elements
        self._axil = {name: member.flip() for name, member in axil_members(layout).items()}
        super().__init__({
            "rx_valid": In(1), "rx_data": In(8), "rx_broken": In(1), "tx_valid": Out(1), "tx_ready": In(1), "tx_data": Out(8),
            **{f"axil_{name}": member for name, member in self._axil.items()},
            "out_data": Out(bits), "out_valid": Out(1), "out_ready": In(1), "out_last": Out(1),
            "in_data": In(bits), "in_keep": In(elements), "in_valid": In(1), "in_ready": Out(1), "in_last": In(1),
            "busy": Out(1), "fault": Out(1),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config, elements = self._config, self._layout.config.stream_elements
        lane_bits = elements.bit_length() - 1
        words = config.payload // elements
        m.submodules.reader = reader = FrameReader(
            payload=config.payload, elements=elements, silence=config.silence_cycles
        )
        m.submodules.writer = writer = FrameWriter(payload=config.payload, elements=elements)
        m.submodules.master = master = Master(self._layout)
        m.submodules.feeder = feeder = Feeder((words - 1).bit_length())
        m.submodules.gatherer = gatherer = Gatherer(first=COUNTERS * WORD // elements, words=words, elements=elements)
        for name, member in self._axil.items():
            port, inner = getattr(self, f"axil_{name}"), getattr(master, name)
            m.d.comb += inner.eq(port) if member.flow == In else port.eq(inner)
        m.d.comb += [
            reader.valid.eq(self.rx_valid), reader.data.eq(self.rx_data), reader.broken.eq(self.rx_broken),
            self.tx_valid.eq(writer.valid), writer.ready.eq(self.tx_ready), self.tx_data.eq(writer.data),
            self.out_valid.eq(feeder.valid), feeder.ready.eq(self.out_ready), self.out_last.eq(feeder.last),
            self.out_data.eq(reader.read_data),
            gatherer.valid.eq(self.in_valid), self.in_ready.eq(gatherer.ready), gatherer.keep.eq(self.in_keep),
            gatherer.last.eq(self.in_last),
            feeder.beats.eq((reader.length + elements - 1) >> lane_bits), feeder.period.eq(reader.address),
            gatherer.samples.eq(reader.count), self.busy.eq(reader.active),
        ]  # fmt: skip

        # The line goes one way at a time, so one processor serves both.
        m.submodules.crc = crc = CRC32_ISO_HDLC(8).create()
        m.d.comb += [
            reader.crc_match.eq(crc.match_detected), writer.crc.eq(crc.crc),
            crc.start.eq(reader.crc_start | writer.crc_start), crc.valid.eq(reader.crc_valid | writer.crc_valid),
            crc.data.eq(Mux(writer.crc_valid, writer.crc_data, reader.crc_data)),
        ]  # fmt: skip

        address = Signal(32)
        done = Signal(16)
        wanted = Signal(16)
        place = Signal(range(config.payload + 1))
        data = Signal(32)
        kind = Signal(8)
        patience = Signal(range(config.patience_cycles + 1))
        m.d.comb += [
            master.address.eq(address), master.data.eq(data), master.write.eq(kind == Kind.WRITE),
            writer.kind.eq(kind), writer.count.eq(done), writer.address.eq(address),
        ]  # fmt: skip
        # The memory of requests is read by whoever is at work, that of answers written so.
        with m.If(kind == Kind.STREAM):
            m.d.comb += [reader.read_enable.eq(feeder.read_enable), reader.read_address.eq(feeder.read_address)]
        with m.Else():
            m.d.comb += [reader.read_enable.eq(1), reader.read_address.eq(place >> lane_bits)]
        storing = Signal()
        with m.If(storing):
            m.d.comb += [
                writer.write_enable.eq(1 << place[:lane_bits]), writer.write_address.eq(place >> lane_bits),
                writer.write_data.eq(master.result.word_select(place[:2], 8).replicate(elements)),
                writer.write_keep.eq(~0),
            ]  # fmt: skip
        with m.Else():
            m.d.comb += [
                writer.write_enable.eq(gatherer.write.replicate(elements)), writer.write_address.eq(gatherer.write_address),
                writer.write_data.eq(self.in_data), writer.write_keep.eq(self.in_keep),
            ]  # fmt: skip

        def answer(length: Any = 0) -> None:
            m.d.sync += [kind.eq(kind | REPLY), writer.length.eq(length), self.fault.eq(0)]
            m.next = "answer"

        def refuse(fault: Any) -> None:
            m.d.sync += [kind.eq(FAILED + fault), writer.length.eq(0), self.fault.eq(1)]
            m.next = "answer"

        length = reader.length
        link = Link(payload=config.payload, clock_khz=config.clock_hz // 1000, elements=elements)
        with m.FSM():
            with m.State("idle"):
                m.d.sync += [
                    kind.eq(reader.kind),
                    address.eq(reader.address),
                    done.eq(0),
                    place.eq(0),
                    wanted.eq(reader.count),
                ]
                with m.If(reader.fault != 0):
                    m.d.sync += address.eq(0)
                    refuse(reader.fault)
                with m.If(reader.whole):
                    m.next = "begin"
            with m.State("begin"):
                with m.Switch(kind):
                    with m.Case(Kind.INFO):
                        with m.If(length != 0):
                            refuse(Fault.LENGTH)
                        with m.Else():
                            m.d.sync += [done.eq(config.payload), address.eq(link.address)]
                            answer()
                    with m.Case(Kind.READ):
                        m.next = "access"
                        with m.If((length != 0) | (wanted == 0) | (wanted > config.payload // WORD)):
                            refuse(Fault.LENGTH)
                    with m.Case(Kind.WRITE):
                        m.d.sync += wanted.eq(length // WORD)
                        m.next = "fetch"
                        with m.If((length == 0) | (length % WORD != 0)):
                            refuse(Fault.LENGTH)
                    with m.Case(Kind.STREAM):
                        m.d.comb += [feeder.start.eq(1), gatherer.start.eq(1)]
                        m.d.sync += patience.eq(0)
                        m.next = "stream"
                        # A part of a sample must be whole beats: what pads a beat would else be taken for activations.
                        partial = (reader.address == 0) & (length % elements != 0)
                        with m.If((reader.address[len(feeder.period) :] != 0) | partial):
                            m.d.comb += [feeder.start.eq(0), gatherer.start.eq(0)]
                            refuse(Fault.LENGTH)
                    with m.Default():
                        refuse(Fault.KIND)
            with m.State("fetch"):
                m.next = "take"
            with m.State("take"):
                m.d.sync += [
                    data.eq(Cat(data[8:], reader.read_data.word_select(place[:lane_bits], 8))),
                    place.eq(place + 1),
                ]
                m.next = "fetch"
                with m.If(place[:2] == WORD - 1):
                    m.next = "access"
            with m.State("access"):
                m.d.comb += master.start.eq(1)
                m.next = "wait"
                with m.If(address[self._layout.address_bits :] != 0):
                    m.d.comb += master.start.eq(0)
                    refuse(Fault.BUS)
            with m.State("wait"):
                with m.If(master.done):
                    with m.If(master.failed):
                        refuse(Fault.BUS)
                    with m.Elif(kind == Kind.WRITE):
                        m.next = "next"
                    with m.Else():
                        m.next = "store"
            with m.State("store"):
                m.d.comb += storing.eq(1)
                m.d.sync += place.eq(place + 1)
                with m.If(place[:2] == WORD - 1):
                    m.next = "next"
            with m.State("next"):
                m.d.sync += [done.eq(done + 1), address.eq(address + WORD)]
                m.next = "access"
                with m.If(kind == Kind.WRITE):
                    m.next = "fetch"
                with m.If(done + 1 == wanted):
                    answer(Mux(kind == Kind.WRITE, 0, place))
                    with m.If(kind == Kind.STREAM):
                        m.d.sync += [done.eq(gatherer.ended), writer.length.eq(place + gatherer.bytes)]
            with m.State("stream"):
                m.d.sync += patience.eq(patience + 1)
                with m.If((self.out_valid & self.out_ready) | gatherer.write):
                    m.d.sync += patience.eq(0)
                with m.Elif(feeder.finished & gatherer.finished):
                    m.d.sync += [address.eq(reg.ERROR), wanted.eq(COUNTERS)]
                    m.next = "access"
                with m.Elif(patience == config.patience_cycles):
                    m.d.comb += [feeder.drop.eq(1), gatherer.drop.eq(1)]
                    m.d.sync += done.eq(gatherer.ended)
                    refuse(Fault.STALLED)
            with m.State("answer"):
                m.d.comb += writer.start.eq(1)
                m.next = "sending"
            with m.State("sending"):
                with m.If(writer.done):
                    m.d.comb += reader.next.eq(1)
                    m.next = "idle"
        return m
