"""Registers in the memory of this machine: ``/dev/mem`` and UIO devices, mapped, on a board with Linux, with or without PYNQ."""

from __future__ import annotations

import mmap
import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from zeroskip.contracts.errors import InputError

SYSTEM = Path("/sys/class/uio")


class MappedBus:
    """A :class:`~zeroskip.drivers.bus.Bus` on a stretch of a file that can be mapped. Every access is one aligned load or store of 32 bits.

    path : the file
    offset : where the stretch begins, a multiple of four
    size : its bytes, a multiple of four

    An access outside the stretch is an InputError. What the hardware answers with an error, the processor reports as it pleases: often
    SIGBUS. The driver asks for nothing that an array refuses.
    """

    def __init__(self, path: str | Path, offset: int, size: int) -> None:
        self._path, self.size = Path(path), size
        if offset < 0 or size <= 0 or offset % 4 or size % 4:
            raise InputError(f"{path}: offset and size must be positive multiples of 4, not {offset:#x} and {size:#x}")
        begin = offset - offset % mmap.ALLOCATIONGRANULARITY
        try:
            file = os.open(path, os.O_RDWR | os.O_SYNC)
            try:
                self._map = mmap.mmap(file, offset - begin + size, offset=begin)
            finally:
                os.close(file)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise InputError(f"{path}: cannot be mapped: {reason}") from error
        self._words = np.frombuffer(self._map, dtype=np.uint32, count=size // 4, offset=offset - begin)

    @classmethod
    def memory(cls, base: int, size: int) -> MappedBus:
        """Physical addresses from ``base`` on, through /dev/mem, which takes root and a kernel that allows it."""
        return cls("/dev/mem", base, size)

    @classmethod
    def uio(
        cls, device: int | str, region: int = 0, *, system: Path = SYSTEM, devices: Path = Path("/dev")
    ) -> MappedBus:
        """A region of a UIO device, by the device's number or by its name in the device tree. The kernel knows the region's size."""
        number = device if isinstance(device, int) else _named(device, system)
        entry = system / f"uio{number}" / "maps" / f"map{region}" / "size"
        try:
            size = int(entry.read_text(), 16)
        except (OSError, ValueError) as error:
            raise InputError(f"/dev/uio{number}: has no region {region}: {entry} cannot be read") from error
        return cls(devices / f"uio{number}", region * mmap.PAGESIZE, size)

    def read(self, address: int) -> int:
        return int(self._words[self._index(address, 1)])

    def write(self, address: int, values: Sequence[int]) -> None:
        first = self._index(address, len(values))
        for position, value in enumerate(
            values, first
        ):  # one by one: a copy of the whole could be done in other widths
            self._words[position] = value

    def _index(self, address: int, count: int) -> int:
        if address % 4 or address < 0 or address + 4 * count > self.size:
            raise InputError(
                f"{self._path}: address must be a multiple of 4 within {self.size:#x} bytes, not {address:#x}"
            )
        return address // 4


def _named(name: str, system: Path) -> int:
    found = {path.parent.name: path.read_text().strip() for path in sorted(system.glob("uio*/name"))}
    for entry, stated in found.items():
        if stated == name and (number := re.fullmatch(r"uio(\d+)", entry)):
            return int(number[1])
    raise InputError(f"no UIO device is named {name!r}; there are {', '.join(sorted(found.values())) or 'none'}")
