"""Frames of the serial protocol, and the parameters of the bridge that speaks it."""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zeroskip.contracts import registers as reg
from zeroskip.contracts.bridge import BridgeConfig
from zeroskip.contracts.errors import InputError
from zeroskip.contracts.frames import FAILED, REPLY, SYNC, Fault, Frame, Kind, Link, payload_length

PAGE = Path(__file__).parents[3] / "docs" / "boards" / "uart.md"


def documented(who: str) -> list[bytes]:
    """The frames of the documentation's example that ``host`` or ``board`` sends."""
    return [bytes.fromhex(line) for line in re.findall(rf"^{who} +([0-9A-F ]+)$", PAGE.read_text(), re.MULTILINE)]


def test_the_example_of_the_documentation() -> None:
    words = reg.ID_RESET.to_bytes(4, "little") + reg.VERSION_RESET.to_bytes(4, "little")
    assert documented("host") == [Frame(kind=Kind.READ, count=2).to_bytes()]
    assert documented("board") == [
        Frame(kind=Kind.READ | REPLY, count=2, address=8, payload=words).to_bytes(),
        Frame(kind=FAILED + Fault.CRC).to_bytes(),
    ]


frames = st.builds(
    Frame, kind=st.integers(0, 255), count=st.integers(0, 0xFFFF), address=st.integers(0, 0xFFFFFFFF), payload=st.binary(max_size=600)
)  # fmt: skip


@given(frames)
def test_round_trip(frame: Frame) -> None:
    data = frame.to_bytes()
    assert Frame.from_bytes(data) == frame
    assert data[0] == SYNC
    assert payload_length(data) == len(frame.payload)
    assert int.from_bytes(data[-4:], "little") == zlib.crc32(data[1:-4])


def test_what_is_no_frame() -> None:
    data = Frame(kind=1, payload=b"abc").to_bytes()
    for broken, message in (
        (b"", r"a frame begins with 0x5a, not with nothing"),
        (b"\x01" + data, r"a frame begins with 0x5a, not with 01"),
        (data[:13], r"a frame has at least 14 bytes, not 13"),
        (data[:-1], r"a payload of 3 bytes makes a frame of 17, not 16"),
        (data[:-1] + b"\x00", r"CRC is 0x\w{8}, but header and payload give 0x\w{8}"),
    ):
        with pytest.raises(ValueError, match=f"^{message}$"):
            Frame.from_bytes(broken)


def test_faults() -> None:
    assert [Frame(kind=FAILED + fault).fault for fault in Fault] == list(Fault)
    assert Frame(kind=Kind.READ | REPLY).fault is None
    assert Frame(kind=0xFF).fault is None


@pytest.mark.parametrize("elements", [1, 2, 4, 8])
def test_link(elements: int) -> None:
    link = Link(payload=512, clock_khz=27_000, elements=elements)
    assert Link.of(Frame(kind=0x81, count=512, address=link.address)) == link


@pytest.mark.parametrize(
    "values, message",
    [
        ({"baud": 0}, r"baud must be 1 … 3,000,000 at a clock of 12,000,000 Hz, not 0"),
        ({"baud": 3_000_001}, r"baud must be 1 … 3,000,000 at a clock of 12,000,000 Hz, not 3,000,001"),
        ({"baud": 1_750_000}, r"baud 1,750,000: a clock of 12,000,000 Hz gives 1,714,286, which is more than 2% off"),
        ({"baud": 2_000_000, "payload": 500}, r"payload must be a power of two of 128 … 32768 bytes, not 500"),
        ({"baud": 2_000_000, "payload": 64}, r"payload must be a power of two of 128 … 32768 bytes, not 64"),
        ({"baud": 1_000_000, "silence": 100}, r"silence must be at least 16 bits, 192 clock cycles, not 100"),
        ({"baud": 1_000_000, "lamps": ("alive", "sun")}, r"lamps must be of alive, busy, fault, not 'sun'"),
    ],
)
def test_refused_bridges(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}$"):
        BridgeConfig(clock_hz=12_000_000, **values)


def test_times_of_a_bridge() -> None:
    bridge = BridgeConfig(clock_hz=12_000_000, baud=115_200)
    assert (bridge.divisor, bridge.silence_cycles, bridge.patience_cycles) == (104, 600_000, 48_000_000)
    assert bridge.baud_error == pytest.approx(0.0016, abs=1e-4)
    # On a slow line the silence is that of some bits.
    assert BridgeConfig(clock_hz=1_000_000, baud=300).silence_cycles == 16 * 3333
