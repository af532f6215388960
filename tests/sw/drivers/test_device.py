"""What the Python driver does when a device is not as it should be: on a bus of this file, register by register."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from zeroskip.contracts import registers as reg
from zeroskip.contracts.errors import DeviceError, ImageError, InputError
from zeroskip.contracts.payload import Payload
from zeroskip.drivers.device import Device


class Registers:
    """Registers that keep what is written, but for those in ``fixed``, which always read so. Loads count as done right."""

    def __init__(self, payload: Payload, **fixed: int) -> None:
        config = payload.config
        shape = config.lanes | config.columns << 8 | config.word << 16 | config.weight_bits << 24
        self.values = {
            reg.ID: reg.ID_RESET, reg.VERSION: reg.VERSION_RESET, reg.CONFIG_ID: config.digest, reg.SHAPE: shape,
            reg.LOAD_CRC: payload.crc,
        }  # fmt: skip
        self.fixed = {getattr(reg, name): value for name, value in fixed.items()}
        self.written: list[tuple[int, int]] = []

    def read(self, address: int) -> int:
        if address == reg.STATUS and address not in self.fixed:
            return 0b11 * self.values.get(reg.CONTROL, 0)
        return self.fixed.get(address, self.values.get(address, 0))

    def write(self, address: int, values: Sequence[int]) -> None:
        for i, value in enumerate(values):
            self.written.append((address + 4 * i, value))
            self.values[address + 4 * i] = 0 if address == reg.ERROR else value


class Single:
    """Streams that answer each sample with as many zeros as asked for, or with ``answer``."""

    def __init__(self, answer: bytes | None = None) -> None:
        self.answer = answer

    def transfer(self, sample: bytes, outputs: int) -> bytes:
        return bytes(outputs) if self.answer is None else self.answer


class Many(Single):
    def transfer_all(self, samples: Sequence[bytes], outputs: int) -> list[bytes]:
        return [self.transfer(sample, outputs) for sample in samples]


def test_loading_writes_limit_crc_and_then_every_part(payload: Payload) -> None:
    bus = Registers(payload)
    Device(bus).load(payload)
    parts = [(write.address + 4 * i, value) for write in payload.writes() for i, value in enumerate(write.values)]
    assert bus.written == [
        (reg.LAYER_LIMIT, max(payload.cycles.layers.values())),
        (reg.EXPECTED_CRC, payload.crc),
        *parts,
    ]


@pytest.mark.parametrize(
    "fixed, call, expected",
    [
        ({"ID": 0}, "identify", "no zeroskip array at this address: ID reads 0x00000000, not 0x5a534b50"),
        (
            {"VERSION": 0x00020002},
            "identify",
            "the array has version 0x00020002; this driver knows 0x00030000 and later ones of major version 3",
        ),
        ({"VERSION": 0x00040000}, "identify", "the array has version 0x00040000; this driver knows 0x00030000 and"),
        ({"CONFIG_ID": 5}, "load", "the images were made for another array: CONFIG_ID reads 0x00000005, theirs is "),
        ({"CONFIG_ID": 5}, "attach", "the images were made for another array: CONFIG_ID reads 0x00000005, theirs is "),
        ({"STATUS": 1}, "load", "the array runs; stop it before loading"),
        ({"STATUS": 1}, "stop", "the array does not stop: STATUS.RUNNING stays"),
        ({"STATUS": 1}, "start", "the array does not become ready: STATUS.READY stays low"),
        ({"LOAD_CRC": 7}, "load", "the images arrived damaged: LOAD_CRC reads 0x00000007, not "),
        ({"ERROR": 0x20}, "start", "the array refuses to start: its images are damaged (ERROR.CRC)"),
        ({"ERROR": 0x10}, "start", "the array does not become ready: its images are no program (ERROR.WATCHDOG)"),
    ],
)
def test_a_device_that_is_not_in_order(payload: Payload, fixed: dict[str, int], call: str, expected: str) -> None:
    device = Device(Registers(payload, **fixed), polls=3)
    with pytest.raises(DeviceError) as refused:
        getattr(device, call)(*((payload,) if call in ("load", "attach") else ()))
    assert str(refused.value).startswith(expected)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "error, streams, expected",
    [
        (0x12, Many(), "the run failed: ERROR.WATCHDOG is set"),
        (0x02, Many(), "the run failed: ERROR.LATE_LAST is set"),
        (0x00, Many(b"abc"), "the transport gave 4 results of [3] bytes, not 4 of 5"),
    ],
)
def test_a_run_that_fails(payload: Payload, error: int, streams: Many, expected: str) -> None:
    bus = Registers(payload)
    device = Device(bus, streams)
    device.reload(payload)
    bus.fixed[reg.ERROR] = error
    with pytest.raises(DeviceError) as refused:
        device.run(np.zeros((3, 11)))
    assert str(refused.value) == expected


def test_uses_that_cannot_be(payload: Payload) -> None:
    bus = Registers(payload)
    with pytest.raises(InputError, match=r"^no images: load a design, or attach the one that the array holds$"):
        Device(bus, Many()).run(np.zeros((1, 11)))
    with pytest.raises(InputError, match=r"^run: the device was made without streams$"):
        attached(Device(bus), payload).run(np.zeros((1, 11)))
    with pytest.raises(
        InputError, match=r"^run: the array computes 2 samples side by side, and this transport sends one at a time$"
    ):
        attached(Device(bus, Single()), payload).run(np.zeros((1, 11)))
    with pytest.raises(DeviceError, match=r"^the array does not run; start it first$"):
        attached(Device(bus, Many()), payload).run(np.zeros((1, 11)))
    with pytest.raises(ImageError, match=r"^images must come from a design, a payload or a folder, not int$"):
        Device(bus).load(5)  # type: ignore[arg-type]
    assert attached(Device(bus, Many()), payload).run(np.zeros((0, 11))).shape == (0, 5)


def attached(device: Device, payload: Payload) -> Device:
    device.attach(payload)
    return device


def test_a_load_that_failed_leaves_no_images_behind(payload: Payload) -> None:
    bus = Registers(payload)
    device = Device(bus, Many())
    device.load(payload)
    bus.fixed[reg.LOAD_CRC] = 1
    with pytest.raises(DeviceError, match="damaged"):
        device.load(payload)
    with pytest.raises(InputError, match="no images"):
        device.dequantize(np.zeros((1, 5), int))


def test_a_transport_that_fails_is_explained_by_the_flag(payload: Payload) -> None:
    class Silent(Many):
        def transfer_all(self, samples: Sequence[bytes], outputs: int) -> list[bytes]:
            raise DeviceError("nothing came")

    bus = Registers(payload)
    device = Device(bus, Silent())
    device.reload(replace(payload))
    with pytest.raises(DeviceError, match=r"^nothing came$"):
        device.run(np.zeros((2, 11)))
    bus.fixed[reg.ERROR] = reg.ERROR_WATCHDOG
    with pytest.raises(DeviceError, match=r"^the run failed: ERROR.WATCHDOG is set$"):
        device.run(np.zeros((2, 11)))
