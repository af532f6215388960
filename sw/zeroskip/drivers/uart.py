"""An array on a board, over a serial line: the host's side of :mod:`zeroskip.contracts.frames`."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Protocol

from zeroskip.contracts.bridge import PATIENCE, SILENCE
from zeroskip.contracts.errors import DeviceError, InputError, first_line
from zeroskip.contracts.extras import needs_extra
from zeroskip.contracts.frames import (
    COUNTERS,
    HEADER,
    OVERHEAD,
    REPLY,
    SYNC,
    VERSION,
    Fault,
    Frame,
    Kind,
    Link,
    payload_length,
)  # fmt: skip

WORD = 4
"""Bytes of a register."""

TRIES = 3
"""A request that arrived damaged was not done, and is sent again."""

MARGIN = 1.0
"""Seconds beyond what line and board need, for drivers and a busy host."""

SLICE = 0.05
"""Seconds in which a line gives what it has."""


class Line(Protocol):
    """An open serial port, as pyserial's ``Serial``. A read returns early, with fewer bytes, after SLICE without one."""

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes."""
        ...

    def write(self, data: bytes) -> object:
        """Every byte."""
        ...

    def reset_input_buffer(self) -> None:
        """Forget what has come."""
        ...

    def close(self) -> None:
        """No more of it."""
        ...


class Uart:
    """A board's register port and streams: a Bus and GroupStreams of :mod:`zeroskip.drivers.bus`.

    line : open
    baud : bits per second of the line, for limits of time
    group : samples that the array computes side by side; it gives no result before it has as many

    Every method raises DeviceError, in one line, for a board that does not answer, refuses, or answers what is no frame. What the line
    itself raises goes through.
    """

    def __init__(self, line: Line, baud: int, *, group: int = 1) -> None:
        self._line, self._baud, self._group = line, baud, group
        self.link = self._greet()

    @classmethod
    def open(cls, port: str, baud: int, *, group: int = 1) -> Uart:
        """Open ``port`` and ask who is there. InputError for a port that cannot be opened; ToolMissingError without pyserial."""
        with needs_extra("serial"):
            import serial
        try:
            line = serial.serial_for_url(port, baudrate=baud, timeout=SLICE, write_timeout=MARGIN + PATIENCE)
        except (serial.SerialException, ValueError, OSError) as error:
            number = getattr(error, "errno", None)
            reason = os.strerror(number) if number else first_line(error).partition(":")[0]
            raise InputError(f"{port}: cannot be opened: {reason}") from error
        try:
            return cls(line, baud, group=group)
        except BaseException:
            line.close()
            raise

    def close(self) -> None:
        self._line.close()

    def _greet(self) -> Link:
        """Bring the board back to the begin of a frame, whatever was sent to it before, and ask for its limits."""
        time.sleep(2 * SILENCE)
        self._line.reset_input_buffer()
        link = Link.of(self._exchange(Frame(kind=Kind.INFO)))
        if link.version != VERSION:
            raise DeviceError(f"the board speaks version {link.version} of the protocol; this host knows {VERSION}")
        return link

    # --- registers ----------------------------------------------------------------------------------------------------

    def read(self, address: int) -> int:
        return self.read_block(address, 1)[0]

    def read_block(self, address: int, count: int) -> list[int]:
        """``count`` words from ``address`` on."""
        most, words = self.link.payload // WORD, []
        for first in range(0, count, most):
            wanted = min(most, count - first)
            answer = self._exchange(Frame(kind=Kind.READ, count=wanted, address=address + WORD * first))
            if len(answer.payload) != WORD * wanted:
                raise DeviceError(f"the board answers with {len(answer.payload)} bytes, not {WORD * wanted}")
            words += [answer.payload[i : i + WORD] for i in range(0, len(answer.payload), WORD)]
        return [int.from_bytes(word, "little") for word in words]

    def write(self, address: int, values: Sequence[int]) -> None:
        most = self.link.payload // WORD
        for first in range(0, len(values), most):
            part = values[first : first + most]
            payload = b"".join(value.to_bytes(WORD, "little") for value in part)
            answer = self._exchange(Frame(kind=Kind.WRITE, address=address + WORD * first, payload=payload))
            if answer.count != len(part):
                raise DeviceError(f"the board wrote {answer.count} words, not {len(part)}")

    # --- streams ------------------------------------------------------------------------------------------------------

    def transfer(self, sample: bytes, outputs: int) -> bytes:
        return self.transfer_all([sample], outputs)[0]

    def transfer_all(self, samples: Sequence[bytes], outputs: int) -> list[bytes]:
        """Samples of one length. Those of a frame follow each other without a pause, see :meth:`batches`."""
        results: list[bytes] = []
        sent = 0
        for size in self.batches(len(samples), len(samples[0]), outputs) if samples else ():
            batch = samples[sent : sent + size]
            sent += size
            ready = sent // self._group * self._group - len(results)
            data = self._send(batch, ready)
            data += self._rest(ready * outputs - len(data), ready)
            if len(data) != ready * outputs:
                raise DeviceError(f"the array gave {len(data)} bytes, not {ready} × {outputs}")
            results += [data[i : i + outputs] for i in range(0, len(data), outputs)]
        return results

    def at_once(self, inputs: int, outputs: int) -> int:
        """Samples that one frame carries, and whose results one answer does, so that neither stream waits for the line.

        inputs, outputs : bytes of one sample. The number is one of whole groups; 0 where not even one group fits.
        """
        elements = self.link.elements
        room_in = self.link.payload // elements // -(-inputs // elements)
        room_out = (self.link.payload - COUNTERS * WORD) // elements // -(-outputs // elements)
        return min(room_in, room_out) // self._group * self._group

    def batches(self, count: int, inputs: int, outputs: int) -> list[int]:
        """How many of ``count`` samples each frame carries: as few frames as can be, and as even as can be."""
        most = self.at_once(inputs, outputs) or 1
        frames = -(-count // most)
        groups = -(-count // (frames * self._group))
        size = min(most, groups * self._group)
        return [min(size, count - first) for first in range(0, count, size)]

    def _send(self, batch: Sequence[bytes], ready: int) -> bytes:
        """Send samples of one length, and return what comes of the ``ready`` results."""
        elements, most = self.link.elements, self.link.payload
        padded = [sample + bytes(-len(sample) % elements) for sample in batch]
        beats = len(padded[0]) // elements
        *parts, last = [b"".join(padded)] if len(padded) * len(padded[0]) <= most else _cut(padded[0], most)
        for part in parts:
            self._exchange(Frame(kind=Kind.STREAM, payload=part))
        period = len(last) // elements if parts else beats
        return self._outputs(Frame(kind=Kind.STREAM, count=ready, address=period, payload=last))

    def _rest(self, missing: int, ready: int) -> bytes:
        """What did not fit into an answer: at most ``ready`` results, of which ``missing`` bytes are not there yet."""
        data = b""
        while len(data) < missing:
            more = self._outputs(Frame(kind=Kind.STREAM, count=ready))
            if not more:
                break
            data += more
        return data

    def _outputs(self, request: Frame) -> bytes:
        payload = self._exchange(request).payload
        if len(payload) < COUNTERS * WORD:
            raise DeviceError(f"the board answers with {len(payload)} bytes; counters alone take {COUNTERS * WORD}")
        return payload[COUNTERS * WORD :]

    # --- frames -------------------------------------------------------------------------------------------------------

    def _exchange(self, request: Frame) -> Frame:
        """The answer to ``request``."""
        for _ in range(TRIES):
            self._line.write(request.to_bytes())
            answer = self._receive(len(request.payload))
            if answer.kind == request.kind | REPLY:
                return answer
            if answer.fault not in (Fault.SYNC, Fault.CRC, Fault.TIMEOUT, Fault.LINE):
                break
            time.sleep(2 * SILENCE)
            self._line.reset_input_buffer()
        raise DeviceError(_refusal(request, answer))

    def _receive(self, sent: int) -> Frame:
        most = getattr(self, "link", None)
        longest = 2 * OVERHEAD + sent + (most.payload if most else 0)
        deadline = time.monotonic() + 10 * longest / self._baud + SILENCE + PATIENCE + MARGIN
        data = self._take(b"", 1 + HEADER.size, deadline)
        if data[0] == SYNC:  # else its length means nothing
            data = self._take(data, OVERHEAD + payload_length(data), deadline)
        try:
            return Frame.from_bytes(data)
        except ValueError as error:
            raise DeviceError(f"the board's answer arrived damaged: {error}") from error

    def _take(self, data: bytes, size: int, deadline: float) -> bytes:
        """Read until ``data`` has ``size`` bytes."""
        while len(data) < size:
            more = self._line.read(size - len(data))
            if not more and time.monotonic() > deadline:
                came = f"after {len(data)} of {size} bytes nothing more came" if data else "nothing came"
                raise DeviceError(f"the board does not answer: {came} in time")
            data += more
        return data


def _cut(sample: bytes, size: int) -> list[bytes]:
    return [sample[i : i + size] for i in range(0, len(sample), size)]


def _refusal(request: Frame, answer: Frame) -> str:
    what = Kind(request.kind).name
    match answer.fault:
        case None:
            return f"{what}: the board answers with a frame of kind {answer.kind:#04x}, not {request.kind | REPLY:#04x}"
        case Fault.BUS:
            return f"{what}: the register port refuses address {answer.address:#x}"
        case Fault.STALLED:
            return f"{what}: the array takes no input and gives no output"
        case Fault.LENGTH | Fault.KIND:
            return f"{what}: the board refuses the request: {answer.fault.name}"
        case _:
            return f"{what}: the request arrived damaged {TRIES} times, the last time: {answer.fault.name}"
