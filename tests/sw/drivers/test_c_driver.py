"""The C driver's small helpers, and its default register access, called from here."""

from __future__ import annotations

import ctypes
import zlib
from pathlib import Path

import numpy as np
import pytest

from zeroskip.contracts import registers as reg
from zeroskip.contracts.ends import End
from zeroskip.contracts.payload import Payload
from zeroskip.contracts.tensor import QuantizedTensor
from zeroskip.drivers.files import driver_files


class Format(ctypes.Structure):
    _fields_ = [
        ("scale", ctypes.c_double),
        ("zero_point", ctypes.c_int32),
        ("low", ctypes.c_int32),
        ("high", ctypes.c_int32),
    ]


class Device(ctypes.Structure):
    _fields_ = [
        ("base", ctypes.c_size_t),
        ("polls", ctypes.c_uint32),
        ("transfer", ctypes.c_void_p),
        ("context", ctypes.c_void_p),
    ]


@pytest.fixture
def driver(payload: Payload, gcc, tmp_path: Path) -> ctypes.CDLL:
    for name, text in driver_files(payload).items():
        (tmp_path / name).write_text(text)
    gcc(tmp_path, "-shared", "-fPIC", "-ffreestanding", "zeroskip.c", "zeroskip_fifo.c", "-o", "driver.so")
    library = ctypes.CDLL(str(tmp_path / "driver.so"))
    library.zeroskip_quantize.argtypes = [ctypes.POINTER(Format), ctypes.c_double]
    library.zeroskip_quantize.restype = ctypes.c_uint8
    library.zeroskip_dequantize.argtypes = [ctypes.POINTER(Format), ctypes.c_uint8]
    library.zeroskip_dequantize.restype = ctypes.c_double
    library.zeroskip_crc32.restype = ctypes.c_uint32
    library.zeroskip_status_text.restype = ctypes.c_char_p
    return library


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("zero_point", [-128, -3, 0, 77, 255])
def test_numbers_become_bytes_and_come_back_as_in_python(driver: ctypes.CDLL, signed: bool, zero_point: int) -> None:
    """Ties above all, and what lies beyond the format's ends."""
    for scale in (0.25, 1 / 255, 0.1):
        tensor = QuantizedTensor(scale=scale, zero_point=zero_point, signed=signed)
        end = End(what="input", shape=(1,), planes=(1, 1, 1), format=tensor)
        format = ctypes.byref(Format(scale, zero_point, tensor.low, tensor.high))
        halves = np.arange(-1200, 1200) * scale / 2
        values = np.concatenate(
            [halves, np.random.default_rng(1).normal(size=300) * 60 * scale, [1e30, -1e30, np.inf, -np.inf, -0.0]]
        )
        wanted = [sample[0] for sample in end.to_bytes(end.quantize(values[:, None]))]
        assert [driver.zeroskip_quantize(format, value) for value in values] == wanted
        floats = [driver.zeroskip_dequantize(format, byte) for byte in range(256)]
        assert floats == end.dequantize(end.from_bytes([bytes([byte]) for byte in range(256)]))[:, 0].tolist()


def test_crc_is_that_of_zlib_in_one_piece_or_in_several(driver: ctypes.CDLL) -> None:
    values = np.random.default_rng(2).integers(0, 1 << 32, size=100, dtype=np.uint32)
    first, rest = values[:37].copy(), values[37:].copy()
    crc = driver.zeroskip_crc32(0, first.ctypes, 37)
    assert crc == zlib.crc32(first.tobytes())
    assert driver.zeroskip_crc32(ctypes.c_uint32(crc), rest.ctypes, 63) == zlib.crc32(values.tobytes())
    assert driver.zeroskip_crc32(0, values.ctypes, 0) == 0


def test_the_largest_output(driver: ctypes.CDLL) -> None:
    for signed, bytes_ in ((True, b"\x80\x05\xff\x05"), (False, b"\x04\xff\x05\xff")):
        format = Format(1.0, 0, -128 if signed else 0, 127 if signed else 255)
        assert driver.zeroskip_largest(ctypes.byref(format), bytes_, 4) == 1


def test_registers_are_reached_through_volatile_pointers_by_default(driver: ctypes.CDLL) -> None:
    memory = np.zeros(256, np.uint32)
    memory[[reg.ID // 4, reg.VERSION // 4, reg.CONFIG_ID // 4, reg.SHAPE // 4]] = [
        reg.ID_RESET,
        reg.VERSION_RESET,
        0xABC,
        0x08200102,
    ]
    identity = np.zeros(3, np.uint32)
    device = Device(memory.ctypes.data, 3, None, None)
    assert driver.zeroskip_identify(ctypes.byref(device), identity.ctypes) == 0
    assert identity.tolist() == [reg.VERSION_RESET, 0xABC, 0x08200102]
    memory[reg.STATUS // 4] = reg.STATUS_RUNNING
    memory[reg.CONTROL // 4] = 1
    assert driver.zeroskip_status_text(driver.zeroskip_stop(ctypes.byref(device))) == b"no answer in time"
    assert memory[reg.CONTROL // 4] == 0


def test_every_status_has_its_words(driver: ctypes.CDLL) -> None:
    texts = [driver.zeroskip_status_text(status) for status in range(11)]
    assert len(set(texts)) == 11
    assert b"unknown status" not in texts
    assert driver.zeroskip_status_text(11) == b"unknown status"
