"""What a host loads into an array, and has to know of the network in it. No weights but those in the images, no torch, no Verilog."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from .config import ArrayConfig
from .cycles import Cycles
from .ends import End
from .layout import Layout
from .network import QuantizedNetwork
from .program import Program
from .words import Memory


class Described(Protocol):
    """A design, whether it has just been compiled or was read from its folder."""

    @property
    def network(self) -> QuantizedNetwork: ...
    @property
    def program(self) -> Program: ...
    @property
    def cycles(self) -> Cycles: ...


@dataclass(frozen=True)
class Write:
    """Consecutive 32-bit values from a byte address on."""

    address: int
    values: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Payload:
    """Images of one network for one array.

    config : the array, sized
    input : floats to bytes
    output : bytes to floats
    cycles : predicted
    images : words by memory name, from address 0
    """

    config: ArrayConfig
    input: End
    output: End
    cycles: Cycles
    images: Mapping[str, Sequence[int]]

    @classmethod
    def of(cls, design: Described) -> Payload:
        return cls(
            config=design.program.config, input=End.input_of(design.network), output=End.output_of(design.network),
            cycles=design.cycles, images=design.program.images,
        )  # fmt: skip

    @cached_property
    def layout(self) -> Layout:
        return Layout(self.config)

    @property
    def group(self) -> int:
        """Samples that are computed side by side: results come only when so many have been sent."""
        return self.layout.group_samples

    @property
    def layer_limit(self) -> int:
        """The longest layer: what LAYER_LIMIT may be set to."""
        return max(self.cycles.layers.values())

    @cached_property
    def crc(self) -> int:
        """CRC-32, as zlib's, over all parts in the order of loading, each as four bytes, the least significant first."""
        crc = 0
        for memory in self.layout.memories:
            crc = zlib.crc32(parts_of(self.images[memory.name], memory).tobytes(), crc)
        return crc

    def writes(self) -> Iterator[Write]:
        """All parts of all images in the order of loading: memories by window, words from 0, parts from the lowest.

        A word whose parts do not fill its stride is a write of its own: padding is not written, because it is not part of the CRC.
        """
        for memory in self.layout.memories:
            parts = parts_of(self.images[memory.name], memory)
            base = memory.window << self.layout.window_bits
            size = len(parts) if 4 * memory.parts == memory.stride else memory.parts
            for start in range(0, len(parts), max(size, 1)):
                address = base + start // memory.parts * memory.stride
                yield Write(address, tuple(parts[start : start + size].tolist()))


def parts_of(words: Sequence[int], memory: Memory) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    """The 32-bit parts of ``words``, ``memory.parts`` for each, the lowest first."""
    data = b"".join(word.to_bytes(4 * memory.parts, "little") for word in words)
    return np.frombuffer(data, dtype="<u4")
