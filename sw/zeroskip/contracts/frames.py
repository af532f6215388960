"""The framed protocol between a host and a board over a serial line: one request, one answer. docs/boards/uart.md tells it byte by byte."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum

VERSION = 1
"""Of the protocol; the answer to INFO has it."""

SYNC = 0x5A
"""First byte of every frame."""

HEADER = struct.Struct("<BHHI")
"""Behind the sync byte: kind, length of the payload in bytes, count, address."""

CRC = struct.Struct("<I")
"""Behind the payload: CRC-32 as of zlib, over header and payload."""

OVERHEAD = 1 + HEADER.size + CRC.size
"""Bytes of a frame without payload."""

REPLY = 0x80
"""Added to a request's kind in its answer."""

FAILED = 0xE0
"""Added to a fault in the answer that reports it."""

COUNTERS = 4
"""Registers in front of the outputs in the answer to STREAM: ERROR, LATENCY, INTERVAL, GROUPS, as they follow each other in window 0."""

LEAST_PAYLOAD, MOST_PAYLOAD = 128, 32768
"""Limits of the payload that a bridge takes: a power of two of bytes."""


class Kind(IntEnum):
    """Requests.

    INFO : no payload. Answer: a :class:`Link`
    READ : ``count`` words from ``address`` on, no payload. Answer: the words
    WRITE : the payload's words to ``address`` on. Answer: count is the number of words
    STREAM : the payload's beats into the array, TLAST with every ``address``-th (0: with none); then outputs are collected until ``count``
        samples have ended or the bridge's memory is full. Answer: COUNTERS, then the outputs; count is the number of samples that ended
    """

    INFO = 1
    READ = 2
    WRITE = 3
    STREAM = 4


class Fault(IntEnum):
    """Reasons of a refusal.

    SYNC : what came did not begin with the sync byte
    CRC : the frame's CRC is wrong
    LENGTH : the payload is longer than the bridge takes, or not as this kind of request needs it
    TIMEOUT : the frame was not complete when the line fell silent
    KIND : no such request
    BUS : the register port refused; address and count say at which word, and how many were done before it
    STALLED : the array took no input and gave no output for too long
    LINE : a byte without stop bit
    """

    SYNC = 1
    CRC = 2
    LENGTH = 3
    TIMEOUT = 4
    KIND = 5
    BUS = 6
    STALLED = 7
    LINE = 8


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One frame in either direction.

    kind : a Kind; in answers with REPLY added, or FAILED plus a Fault
    count, address : as the kind says
    payload : bytes
    """

    kind: int
    count: int = 0
    address: int = 0
    payload: bytes = b""

    def to_bytes(self) -> bytes:
        body = HEADER.pack(self.kind, len(self.payload), self.count, self.address) + self.payload
        return bytes([SYNC]) + body + CRC.pack(zlib.crc32(body))

    @classmethod
    def from_bytes(cls, data: bytes) -> Frame:
        """The inverse. Raises ValueError, which says what is wrong, for anything but one whole frame."""
        if data[:1] != bytes([SYNC]):
            raise ValueError(f"a frame begins with {SYNC:#04x}, not with {data[:1].hex() or 'nothing'}")
        if len(data) < OVERHEAD:
            raise ValueError(f"a frame has at least {OVERHEAD} bytes, not {len(data)}")
        kind, length, count, address = HEADER.unpack_from(data, 1)
        if len(data) != OVERHEAD + length:
            raise ValueError(f"a payload of {length} bytes makes a frame of {OVERHEAD + length}, not {len(data)}")
        body, (crc,) = data[1 : -CRC.size], CRC.unpack(data[-CRC.size :])
        if crc != zlib.crc32(body):
            raise ValueError(f"CRC is {crc:#010x}, but header and payload give {zlib.crc32(body):#010x}")
        return cls(kind=kind, count=count, address=address, payload=body[HEADER.size :])

    @property
    def fault(self) -> Fault | None:
        """What a refusal reports; None for any other frame."""
        code = self.kind - FAILED
        return Fault(code) if code in list(Fault) else None


def payload_length(header: bytes) -> int:
    """Bytes of the payload, from the sync byte and the header behind it."""
    length: int = HEADER.unpack_from(header, 1)[1]
    return length


@dataclass(frozen=True, kw_only=True)
class Link:
    """What the answer to INFO tells.

    payload : bytes of the largest payload, in both directions; the count
    clock_khz : of the board's clock; in the address from bit 0 on
    elements : bytes of a beat; as a power of two from bit 20 on
    version : of the protocol; from bit 24 on
    """

    payload: int
    clock_khz: int
    elements: int
    version: int = VERSION

    @property
    def address(self) -> int:
        return self.clock_khz | (self.elements.bit_length() - 1) << 20 | self.version << 24

    @classmethod
    def of(cls, answer: Frame) -> Link:
        address = answer.address
        return cls(
            payload=answer.count,
            clock_khz=address & 0xFFFFF,
            elements=1 << (address >> 20 & 0xF),
            version=address >> 24,
        )
