"""How a driver reaches an array: a bus to its register port, and its two streams. A transport implements one or both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable


class Bus(Protocol):
    """32-bit accesses to the register port. Addresses are bytes from the port's base, multiples of four."""

    def read(self, address: int) -> int:
        """One word. Raises DeviceError where the bus answers with an error."""
        ...

    def write(self, address: int, values: Sequence[int]) -> None:
        """Consecutive words from ``address`` on, in this order. Raises DeviceError where the bus answers with an error."""
        ...


class Streams(Protocol):
    """The two streams, a sample at a time."""

    def transfer(self, sample: bytes, outputs: int) -> bytes:
        """Send ``sample`` as one packet and return the ``outputs`` bytes of its result. Raises DeviceError where they do not come."""
        ...


@runtime_checkable
class GroupStreams(Streams, Protocol):
    """Streams that can send a next sample before the result of the one before has come.

    Arrays that compute several samples side by side need it, and the interval between samples is only then what it should be.
    """

    def transfer_all(self, samples: Sequence[bytes], outputs: int) -> list[bytes]:
        """Send every sample as a packet of its own, receive meanwhile, and return as many results of ``outputs`` bytes."""
        ...
