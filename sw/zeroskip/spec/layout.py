"""Bit layouts of every memory word, derived from the configuration: the one place where software and hardware agree on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from .config import ArrayConfig
from .network import MULTIPLIER_BITS

SHIFT_BITS = 6
CLAMP_BITS = 9
"""Clamp limits are signed and hold both an int8 and a uint8 range."""


def bits_for(count: int) -> int:
    """Width of an index below ``count``; at least 1."""
    return max(1, (count - 1).bit_length())


@dataclass(frozen=True)
class Field:
    """``width`` bits of a word, two's complement when ``signed``."""

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
    """One loadable memory: its name in the manifest, its shape, and its window in the register map.

    A word takes ``stride`` bytes of the window, in 32-bit parts from the lowest; writing the last part commits the word.
    """

    name: str
    width: int
    depth: int
    window: int

    @property
    def parts(self) -> int:
        return -(-self.width // 32)

    @property
    def stride(self) -> int:
        return 4 << (self.parts - 1).bit_length()


class Layout:
    """Everything that follows from a sized :class:`ArrayConfig`."""

    def __init__(self, config: ArrayConfig) -> None:
        self.config = config

    # --- widths -------------------------------------------------------------------------------------------------------

    @cached_property
    def index_bits(self) -> int:
        """Bit position in a mask word."""
        return bits_for(self.config.word)

    @cached_property
    def group_bits(self) -> int:
        """Number of a mask word within a row; activation address = group · word + index."""
        deepest = max(self.config.input_depth, self.config.hidden_depth)
        return bits_for(-(-deepest // self.config.word))

    @cached_property
    def lane_bits(self) -> int:
        return bits_for(self.config.lanes)

    @cached_property
    def layer_bits(self) -> int:
        return bits_for(self.config.layer_depth)

    @cached_property
    def row_bits(self) -> int:
        """Row number over all layers."""
        return bits_for(self.config.row_depth)

    @cached_property
    def store_bits(self) -> int:
        """Address of a written activation, hidden or output."""
        return bits_for(max(self.config.hidden_depth, self.config.output_depth, self.config.row_depth))

    @cached_property
    def bank_bits(self) -> int:
        """The input and output buffers have one bank per element of a stream beat."""
        return (self.config.stream_elements - 1).bit_length()

    @cached_property
    def beat_depth(self) -> int:
        """Beats of the longest input sample."""
        return -(-self.config.input_depth // self.config.stream_elements)

    # --- words --------------------------------------------------------------------------------------------------------

    @cached_property
    def header(self) -> Word:
        """Precedes a layer's mask words in each lane, cut into mask words from the lowest bit.

        ``empty`` when the lane has none; else ``left`` is their number less two, so that -1 marks the last in a counter.
        """
        group = self.group_bits
        return Word((
            Field("last", 1), Field("empty", 1), Field("left", bits_for(self.config.mask_depth) + 1, signed=True),
            Field("first", group), Field("start", group), Field("end", group),
        ))  # fmt: skip

    @cached_property
    def header_words(self) -> int:
        return -(-self.header.width // self.config.word)

    @cached_property
    def program(self) -> Word:
        """One layer, for the sequencer and the requantizer."""
        return Word((
            Field("last", 1), Field("signed", 1), Field("rows", self.row_bits + 1), Field("offset", self.store_bits),
            Field("zero_point", 8, signed=True), Field("low", CLAMP_BITS, signed=True), Field("high", CLAMP_BITS, signed=True),
        ))  # fmt: skip

    @cached_property
    def merge(self) -> Word:
        """One lane's share of one layer: its first row, and with how many lanes its first and last row are shared."""
        lane = self.lane_bits
        return Word((
            Field("row", self.row_bits), Field("slot", lane), Field("head_others", lane), Field("tail_others", lane),
        ))  # fmt: skip

    @cached_property
    def row(self) -> Word:
        """Bias and requantization of one output row; ``shift`` is stored less one."""
        return Word((
            Field("bias", self.config.acc_bits, signed=True), Field("multiplier", MULTIPLIER_BITS), Field("shift", SHIFT_BITS),
        ))  # fmt: skip

    @cached_property
    def beat(self) -> Word:
        """One input beat: whether it is the sample's last, and which of its elements are stored."""
        return Word((Field("last", 1), Field("keep", self.config.stream_elements)))

    # --- memories -----------------------------------------------------------------------------------------------------

    @cached_property
    def memories(self) -> tuple[Memory, ...]:
        """Every loadable memory in window order; window 0 is the registers."""
        c = self.config
        shapes = [
            ("program", self.program.width, c.layer_depth),
            ("merge", self.merge.width, c.layer_depth << self.lane_bits),
            ("rows", self.row.width, c.row_depth),
            ("input", self.beat.width, self.beat_depth),
        ]
        for lane in range(c.lanes):
            shapes.append((f"lane{lane:02}.masks", c.word, c.mask_depth))
            shapes.append((f"lane{lane:02}.weights", c.weight_bits, c.weight_depth))
        return tuple(Memory(name, width, depth, 1 + i) for i, (name, width, depth) in enumerate(shapes))

    def memory(self, name: str) -> Memory:
        """The loadable memory of that name."""
        return next(memory for memory in self.memories if memory.name == name)

    @cached_property
    def most_parts(self) -> int:
        """32-bit parts of the widest memory word."""
        return max(memory.parts for memory in self.memories)

    @cached_property
    def window_bits(self) -> int:
        """log2 of the bytes of one window; the registers need 512."""
        return max(9, *(bits_for(memory.depth * memory.stride) for memory in self.memories))

    @cached_property
    def address_bits(self) -> int:
        """Width of the AXI4-Lite addresses."""
        return self.window_bits + bits_for(1 + len(self.memories))
