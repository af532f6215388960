"""An array on a board, driven from Python over any transport. The C driver, ``c/zeroskip.c``, does the same in the same order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from zeroskip.contracts import registers as reg
from zeroskip.contracts.cycles import Cycles
from zeroskip.contracts.errors import DeviceError, ImageError, InputError
from zeroskip.contracts.graph import FloatArray
from zeroskip.contracts.network import IntArray
from zeroskip.contracts.payload import Described, Payload
from zeroskip.storage.payload_folder import read_payload

from .bus import Bus, GroupStreams, Streams

POLLS = 100_000
"""Looks at a register before a driver gives up."""

LOOKS = 16
"""Looks at LOAD_CRC: a value enters it a few clock cycles after its write was answered."""

ERRORS = {
    "EARLY_LAST": reg.ERROR_EARLY_LAST, "LATE_LAST": reg.ERROR_LATE_LAST, "LOAD_WHILE_RUNNING": reg.ERROR_LOAD_WHILE_RUNNING,
    "ADDRESS": reg.ERROR_ADDRESS, "WATCHDOG": reg.ERROR_WATCHDOG, "CRC": reg.ERROR_CRC,
}  # fmt: skip
"""Flags of ERROR by name."""

RUN_FAILURES = ("WATCHDOG", "EARLY_LAST", "LATE_LAST")
"""Those that spoil a run, the gravest first."""


@dataclass(frozen=True)
class Identity:
    """What an array says of itself. version : major in the upper half; the others are those of its configuration."""

    version: int
    config_id: int
    lanes: int
    columns: int
    word: int
    weight_bits: int


@dataclass(frozen=True)
class Counters:
    """latency : of the first group since the start; interval : between the latest two groups, 0 before the second; groups : delivered"""

    latency: int
    interval: int
    groups: int


class Device:
    """One array.

    bus : its register port
    streams : its streams; without them everything but :meth:`run` works
    polls : looks at a register before it gives up

    ``load``, ``reload`` and ``attach`` take a design (compiled or read), a :class:`Payload`, or the folder of either: one that
    ``zeroskip build`` or ``zeroskip images`` wrote. Every method raises DeviceError, in one line, for a device that does not answer as it
    must, and whatever the transport raises.
    """

    def __init__(self, bus: Bus, streams: Streams | None = None, *, polls: int = POLLS) -> None:
        self._bus, self._streams, self._polls = bus, streams, polls
        self._payload: Payload | None = None

    # --- who is there -------------------------------------------------------------------------------------------------

    def identify(self) -> Identity:
        """What the array says of itself. DeviceError where it is not one that this driver knows."""
        found = self._bus.read(reg.ID)
        if found != reg.ID_RESET:
            raise DeviceError(f"no zeroskip array at this address: ID reads {found:#010x}, not {reg.ID_RESET:#010x}")
        version = self._bus.read(reg.VERSION)
        if version >> 16 != reg.VERSION_RESET >> 16 or version < reg.VERSION_RESET:
            raise DeviceError(
                f"the array has version {version:#010x}; this driver knows {reg.VERSION_RESET:#010x} and later ones of major version"
                f" {reg.VERSION_RESET >> 16}"
            )
        shape = self._bus.read(reg.SHAPE).to_bytes(4, "little")
        return Identity(version, self._bus.read(reg.CONFIG_ID), *shape)

    def check(self, source: Source) -> Payload:
        """The payload of ``source``, if it was made for this array; else DeviceError with both CONFIG_IDs."""
        payload = payload_of(source)
        found, wanted = self.identify().config_id, payload.config.digest
        if found != wanted:
            raise DeviceError(
                f"the images were made for another array: CONFIG_ID reads {found:#010x}, theirs is {wanted:#010x}"
            )
        return payload

    # --- loading and starting -----------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Hold the array in reset. Samples on their way are lost, counters are cleared, memories stay."""
        self._bus.write(reg.CONTROL, [0])
        for _ in range(self._polls):
            if not self._status() & reg.STATUS_RUNNING:
                return
        raise DeviceError("the array does not stop: STATUS.RUNNING stays")

    def load(self, source: Source) -> None:
        """Write all images, and LAYER_LIMIT, into the stopped array.

        DeviceError where it runs, where the images are for another array, and where the hardware's CRC of what arrived is not that of
        the images; it will then not start until a whole image has been loaded.
        """
        payload = self.check(source)
        if self._status() & reg.STATUS_RUNNING:
            raise DeviceError("the array runs; stop it before loading")
        self._payload = None
        self._bus.write(reg.LAYER_LIMIT, [payload.layer_limit])
        self._bus.write(reg.EXPECTED_CRC, [payload.crc])
        for write in payload.writes():
            self._bus.write(write.address, write.values)
        for _ in range(LOOKS):
            if (found := self._bus.read(reg.LOAD_CRC)) == payload.crc:
                self._payload = payload
                return
        raise DeviceError(f"the images arrived damaged: LOAD_CRC reads {found:#010x}, not {payload.crc:#010x}")

    def start(self) -> None:
        """Clear all error flags, start the array and wait until it is READY. An array that runs already is left running."""
        self.clear_errors()
        self._bus.write(reg.CONTROL, [reg.CONTROL_RUN])
        for _ in range(self._polls):
            status, errors = self._status(), self._bus.read(reg.ERROR)
            if errors & reg.ERROR_CRC:
                raise DeviceError("the array refuses to start: its images are damaged (ERROR.CRC)")
            if errors & reg.ERROR_WATCHDOG:
                raise DeviceError("the array does not become ready: its images are no program (ERROR.WATCHDOG)")
            if status & reg.STATUS_READY:
                return
        raise DeviceError("the array does not become ready: STATUS.READY stays low")

    def reload(self, source: Source) -> None:
        """New masks and weights for the same array: stop, load, start. Images of another array are refused while it still runs."""
        payload = self.check(source)
        self.stop()
        self.load(payload)
        self.start()

    def attach(self, source: Source) -> None:
        """Take it that the array holds these images already, as from a bitstream. DeviceError where they are for another array."""
        self._payload = self.check(source)

    # --- running ------------------------------------------------------------------------------------------------------

    def run(self, x: npt.ArrayLike) -> IntArray:
        """Float samples (N, …) → integer outputs (N, …), as ``Design.reference`` gives them.

        Where several columns hold samples, the last group is filled up with its last sample, and those results are dropped; GROUPS counts
        them. DeviceError where the array does not run, refuses a packet or stands still.
        """
        payload = self._loaded()
        samples = payload.input.to_bytes(payload.input.quantize(x))
        return payload.output.from_bytes(self.run_bytes(samples))

    def run_bytes(self, samples: Sequence[bytes]) -> list[bytes]:
        """Samples as they stand on the input stream → results as they stand on the output stream."""
        payload, streams = self._loaded(), self._streams
        if streams is None:
            raise InputError("run: the device was made without streams")
        if payload.group > 1 and not isinstance(streams, GroupStreams):
            raise InputError(
                f"run: the array computes {payload.group} samples side by side, and this transport sends one at a time"
            )
        if not samples:
            return []
        if not self._status() & reg.STATUS_RUNNING:
            raise DeviceError("the array does not run; start it first")
        filled = [*samples, *(samples[-1],) * (-len(samples) % payload.group)]
        outputs = payload.output.size
        try:
            if isinstance(streams, GroupStreams):
                results = streams.transfer_all(filled, outputs)
            else:
                results = [streams.transfer(sample, outputs) for sample in filled]
        except DeviceError as error:  # a flag says more than a transport that waited in vain
            self._require_no_failure(error)
            raise
        self._require_no_failure()
        if len(results) != len(filled) or any(len(result) != outputs for result in results):
            raise DeviceError(
                f"the transport gave {len(results)} results of {sorted(set(map(len, results)))} bytes, not {len(filled)} of"
                f" {outputs}"
            )
        return results[: len(samples)]

    def dequantize(self, y: npt.ArrayLike) -> FloatArray:
        """Integer outputs → floats, same shape."""
        return self._loaded().output.dequantize(np.asarray(y))

    # --- counters and errors ------------------------------------------------------------------------------------------

    def counters(self) -> Counters:
        return Counters(*(self._bus.read(address) for address in (reg.LATENCY, reg.INTERVAL, reg.GROUPS)))

    def cycles(self) -> Cycles:
        """What the array counted, in the form of the prediction: equal to it where neither stream pauses."""
        layers = {name: self._bus.read(reg.LAYER_CYCLES + 4 * i) for i, name in enumerate(self._loaded().cycles.layers)}
        counted = self.counters()
        return Cycles(latency=counted.latency, interval=counted.interval, layers=layers)

    def errors(self) -> tuple[str, ...]:
        """Names of the error flags that are set. They stay until they are cleared."""
        flags = self._bus.read(reg.ERROR)
        return tuple(name for name, bit in ERRORS.items() if flags & bit)

    def clear_errors(self) -> None:
        self._bus.write(reg.ERROR, [sum(ERRORS.values())])

    # ------------------------------------------------------------------------------------------------------------------

    def _require_no_failure(self, cause: Exception | None = None) -> None:
        flags = self.errors()
        found = [name for name in RUN_FAILURES if name in flags]
        if found:
            raise DeviceError(f"the run failed: ERROR.{found[0]} is set") from cause

    def _status(self) -> int:
        return self._bus.read(reg.STATUS)

    def _loaded(self) -> Payload:
        if self._payload is None:
            raise InputError("no images: load a design, or attach the one that the array holds")
        return self._payload


Source = Described | Payload | Path | str
"""Where images come from."""


def payload_of(source: Source) -> Payload:
    """The payload of a design, of itself, or of a folder. Raises ImageError for a folder that is incomplete or altered."""
    if isinstance(source, Payload):
        return source
    if isinstance(source, str | Path):
        return read_payload(Path(source))
    if not hasattr(source, "program"):
        raise ImageError(f"images must come from a design, a payload or a folder, not {type(source).__name__}")
    return Payload.of(source)
