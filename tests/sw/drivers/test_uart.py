"""The host's side of the serial line, against a line that says what the test wants. The simulated board is in tests/sim/board."""

from __future__ import annotations

import os
import pty
import tty
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

from zeroskip.contracts import frames
from zeroskip.contracts.errors import DeviceError, InputError
from zeroskip.contracts.frames import FAILED, REPLY, Fault, Frame, Kind, Link
from zeroskip.drivers import uart as module
from zeroskip.drivers.uart import Uart

LINK = Link(payload=128, clock_khz=12_000, elements=4)
Answer = Callable[[Frame], bytes]


class Scripted:
    """A line on which ``answer`` gives the bytes that come back. Nothing comes after a time of silence, and the clock does not wait."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.requests: list[Frame] = []
        self._came = b""

    def read(self, size: int) -> bytes:
        taken, self._came = self._came[:size], self._came[size:]
        return taken

    def write(self, data: bytes) -> None:
        request = Frame.from_bytes(data)
        if request.kind == Kind.INFO:
            self._came += Frame(kind=Kind.INFO | REPLY, count=LINK.payload, address=LINK.address).to_bytes()
            return
        self.requests.append(request)
        self._came += self._answer(request)

    def reset_input_buffer(self) -> None:
        self._came = b""

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(1_000_000))
    quick = SimpleNamespace(sleep=lambda seconds: None, monotonic=lambda: float(next(clock)))
    monkeypatch.setattr(module, "time", quick)


def opened(answer: Answer, *, group: int = 1) -> tuple[Uart, Scripted]:
    line = Scripted(answer)
    return Uart(line, 1_000_000, group=group), line


def done(request: Frame, payload: bytes = b"", count: int = 0) -> bytes:
    return Frame(kind=request.kind | REPLY, count=count, payload=payload).to_bytes()


def memory(request: Frame) -> bytes:
    """Words that are their own addresses; every write is done."""
    if request.kind == Kind.READ:
        words = (request.address + 4 * i for i in range(request.count))
        return done(request, b"".join(word.to_bytes(4, "little") for word in words), request.count)
    return done(request, count=len(request.payload) // 4)


def test_registers_and_blocks_in_frames_that_the_board_takes() -> None:
    uart, line = opened(memory)
    assert uart.link == LINK
    assert uart.read(0x24) == 0x24
    assert uart.read_block(0x100, 70) == [0x100 + 4 * i for i in range(70)]
    assert [(r.address, r.count) for r in line.requests[1:]] == [(0x100, 32), (0x180, 32), (0x200, 6)]
    line.requests.clear()
    uart.write(0x1000, range(40))
    assert [(r.kind, r.address, len(r.payload)) for r in line.requests] == [
        (Kind.WRITE, 0x1000, 128), (Kind.WRITE, 0x1080, 32),
    ]  # fmt: skip
    assert b"".join(r.payload for r in line.requests) == b"".join(i.to_bytes(4, "little") for i in range(40))


class Doubler:
    """An array whose result is its sample, each byte doubled: what a board answers, ``room`` bytes of outputs at a time."""

    def __init__(self, group: int, room: int) -> None:
        self.group, self.room = group, room
        self.sample, self.waiting, self.ready = b"", [], b""

    def __call__(self, request: Frame) -> bytes:
        assert request.kind == Kind.STREAM
        period = 4 * request.address
        if not period:
            self.sample += request.payload
        else:
            for first in range(0, len(request.payload), period):
                self.waiting.append(self.sample + request.payload[first : first + period])
                self.sample = b""
        while len(self.waiting) >= self.group:
            group, self.waiting = self.waiting[: self.group], self.waiting[self.group :]
            self.ready += b"".join(bytes(2 * byte & 0xFF for byte in sample[: self.size]) for sample in group)
        wanted = min(request.count * self.size, self.room) if request.count else 0
        given, self.ready = self.ready[:wanted], self.ready[wanted:]
        return done(request, bytes(16) + given)

    size = 0


@pytest.mark.parametrize("group", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 4, 9, 28, 29, 112, 113, 128, 129, 300])
def test_samples_of_all_sizes(group: int, size: int) -> None:
    board = Doubler(group, 112)
    board.size = size
    uart, line = opened(board, group=group)
    samples = [bytes((7 * i + j) & 0x7F for j in range(size)) for i in range(4 * group)]
    assert uart.transfer_all(samples, size) == [bytes(2 * byte for byte in sample) for sample in samples]
    assert all(len(request.payload) <= LINK.payload for request in line.requests)
    assert uart.transfer_all([], size) == []


def test_frames_are_few_and_even() -> None:
    uart, _ = opened(memory)
    assert uart.at_once(16, 10) == 8
    assert uart.at_once(16, 50) == 2
    assert uart.at_once(16, 113) == 0
    assert uart.at_once(129, 10) == 0
    assert uart.batches(10, 16, 10) == [5, 5]
    assert uart.batches(8, 16, 10) == [8]
    assert uart.batches(3, 129, 10) == [1, 1, 1]
    grouped, _ = opened(memory, group=3)
    assert grouped.at_once(16, 10) == 6
    assert grouped.batches(12, 16, 10) == [6, 6]
    for count, size in ((1, 16), (9, 16), (12, 60)):
        sizes = uart.batches(count, size, 10)
        assert sum(sizes) == count
        assert all(first >= second for first, second in pairwise(sizes))


@pytest.mark.parametrize("fault", [Fault.SYNC, Fault.CRC, Fault.TIMEOUT, Fault.LINE])
def test_a_request_that_arrived_damaged_is_sent_again(fault: Fault) -> None:
    answers = [Frame(kind=FAILED + fault).to_bytes()] * 2
    uart, line = opened(lambda request: answers.pop() if answers else memory(request))
    assert uart.read(8) == 8
    assert len(line.requests) == 3
    answers += [Frame(kind=FAILED + fault).to_bytes()] * 3
    with pytest.raises(DeviceError, match=rf"^READ: the request arrived damaged 3 times, the last time: {fault.name}$"):
        uart.read(8)


@pytest.mark.parametrize(
    "answer, message",
    [
        (Frame(kind=FAILED + Fault.BUS, address=0x3C), r"READ: the register port refuses address 0x3c"),
        (Frame(kind=FAILED + Fault.STALLED), r"READ: the array takes no input and gives no output"),
        (Frame(kind=FAILED + Fault.KIND), r"READ: the board refuses the request: KIND"),
        (Frame(kind=FAILED + Fault.LENGTH), r"READ: the board refuses the request: LENGTH"),
        (Frame(kind=Kind.WRITE | REPLY), r"READ: the board answers with a frame of kind 0x83, not 0x82"),
        (Frame(kind=Kind.READ | REPLY, payload=b"12345"), r"the board answers with 5 bytes, not 4"),
    ],
)
def test_refusals(answer: Frame, message: str) -> None:
    uart, line = opened(lambda request: answer.to_bytes())
    with pytest.raises(DeviceError, match=f"^{message}$"):
        uart.read(0x3C)
    assert len(line.requests) == 1


def test_answers_that_are_no_frames() -> None:
    whole = Frame(kind=Kind.READ | REPLY, payload=bytes(4)).to_bytes()
    said = b""
    uart, _ = opened(lambda request: said)
    for said, message in (  # noqa: B007 - the line reads it
        (b"", r"the board does not answer: nothing came in time"),
        (whole[:-1], r"the board does not answer: after 17 of 18 bytes nothing more came in time"),
        (b"\0" + whole, r"the board's answer arrived damaged: a frame begins with 0x5a, not with 00"),
        (whole[:-1] + b"!", r"the board's answer arrived damaged: CRC is 0x\w+, but header and payload give 0x\w+"),
    ):
        with pytest.raises(DeviceError, match=f"^{message}"):
            uart.read(0)
        uart._line.reset_input_buffer()


def test_a_write_or_a_result_that_is_not_whole() -> None:
    uart, _ = opened(lambda request: done(request, count=1))
    with pytest.raises(DeviceError, match=r"^the board wrote 1 words, not 2$"):
        uart.write(0, [1, 2])
    with pytest.raises(DeviceError, match=r"^the board answers with 0 bytes; counters alone take 16$"):
        uart.transfer(b"1234", 4)
    short, _ = opened(lambda request: done(request, bytes(16 + (3 if request.payload else 0))))
    with pytest.raises(DeviceError, match=r"^the array gave 3 bytes, not 1 × 4$"):
        short.transfer(b"1234", 4)


def test_another_version_of_the_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "VERSION", frames.VERSION + 1)
    with pytest.raises(DeviceError, match=r"^the board speaks version 1 of the protocol; this host knows 2$"):
        opened(memory)


def test_ports_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^/dev/none: cannot be opened: No such file or directory$"):
        Uart.open("/dev/none", 115200)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=rf"^{tmp_path}/file: cannot be opened: .+$"):
        Uart.open(str(tmp_path / "file"), 115200)


def test_nobody_at_the_port() -> None:
    ours, theirs = pty.openpty()
    try:
        tty.setraw(theirs)
        with pytest.raises(DeviceError, match=r"^the board does not answer: nothing came in time$"):
            Uart.open(os.ttyname(theirs), 115200)
    finally:
        os.close(ours)
        os.close(theirs)
