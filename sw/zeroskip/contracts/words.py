"""Words of named bit fields, and the memories that hold them. What fields there are, :mod:`.layout` says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass


def bits_for(count: int) -> int:
    """Width of an index below ``count``; at least 1."""
    return max(1, (count - 1).bit_length())


@dataclass(frozen=True)
class Field:
    """One field of a word.

    name : unique in the word
    width : in bits
    signed : True for two's complement, else unsigned
    """

    name: str
    width: int
    signed: bool = False


@dataclass(frozen=True)
class Word:
    """A memory word: named fields, the first at the least significant bit."""

    fields: tuple[Field, ...]

    @property
    def width(self) -> int:
        return sum(field.width for field in self.fields)

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def encode(self, values: Mapping[str, int]) -> int:
        """One integer from the fields' values. Raises ValueError when a value does not fit its field."""
        word, offset = 0, 0
        for field in self.fields:
            value = int(values[field.name])
            low = -(1 << (field.width - 1)) if field.signed else 0
            if not low <= value < low + (1 << field.width):
                raise ValueError(f"field {field.name!r} holds {low} … {low + (1 << field.width) - 1}, not {value}")
            word |= (value & ((1 << field.width) - 1)) << offset
            offset += field.width
        return word

    def decode(self, word: int) -> dict[str, int]:
        """The inverse of :meth:`encode`."""
        values, offset = {}, 0
        for field in self.fields:
            value = (word >> offset) & ((1 << field.width) - 1)
            if field.signed and value >> (field.width - 1):
                value -= 1 << field.width
            values[field.name] = value
            offset += field.width
        return values


@dataclass(frozen=True)
class Memory:
    """One loadable memory.

    A word takes ``stride`` bytes of the window, in 32-bit parts from the lowest; writing the last part commits the word.

    name : its name in the manifest, and the name of its image
    width : bits of a word
    depth : words
    window : its number in the register map
    per_lane : True where every lane has a memory of this kind, for masks or weights; all others exist once
    """

    name: str
    width: int
    depth: int
    window: int
    per_lane: bool

    @property
    def parts(self) -> int:
        return -(-self.width // 32)

    @property
    def stride(self) -> int:
        return 4 << (self.parts - 1).bit_length()
