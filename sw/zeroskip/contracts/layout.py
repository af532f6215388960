"""Bit layouts of every memory word, derived from the configuration. Software and hardware agree on them in this one place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from .config import ArrayConfig
from .network import MULTIPLIER_BITS
from .timing import WHOLE_ROW, timing

SHIFT_BITS = 6
CLAMP_BITS = 9
"""Clamp limits and zero-points are signed and hold both an int8 and a uint8 range."""

TILE_BITS = 16
"""Tiles of one layer."""

WIDTH_BITS = 12
"""Tiles in a band; pixels of an input row."""

CHANNEL_BITS = 16
"""Channels of the input."""

REPEAT_BITS = 12
"""Rows that read the same channels."""

PASSES_BITS = 8
"""Writes of one result, less one."""

BAND_POSITIONS = ("first", "middle", "last")
"""Tiles or pixels of a band: its first, all others, its last; a band of one has only a first."""

HIDDEN_MEMORY = 2048
"""Addresses in one memory of the hidden buffer, a power of two: the depth of an ECP5 block RAM that holds a byte of every word."""

TABLE_ENTRIES = 256
"""Entries of a pointwise function's table."""


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


class Layout:
    """Everything that follows from a sized :class:`ArrayConfig`."""

    def __init__(self, config: ArrayConfig) -> None:
        self.config = config

    # --- widths -------------------------------------------------------------------------------------------------------

    @cached_property
    def index_bits(self) -> int:
        """Width of a bit position in a mask word."""
        return bits_for(self.config.word)

    @cached_property
    def group_bits(self) -> int:
        """Width of the number of a mask word: its place in the buffers of a flat array, its place among the stored offsets with strips."""
        if self.config.strips:
            return bits_for(self.config.offset_depth)
        deepest = max(self.config.input_depth, self.config.hidden_depth)
        return bits_for(-(-deepest // self.config.word))

    @cached_property
    def operand_bits(self) -> int:
        """Width of the address of an activation that a lane reads: place · word + index in a flat array, a sum of addresses with strips."""
        return self.store_bits if self.config.strips else self.group_bits + self.index_bits

    @cached_property
    def lane_bits(self) -> int:
        return bits_for(self.config.lanes)

    @cached_property
    def column_bits(self) -> int:
        return bits_for(self.config.columns)

    @cached_property
    def layer_bits(self) -> int:
        return bits_for(self.config.layer_depth)

    @cached_property
    def row_bits(self) -> int:
        """Width of a row number over all layers."""
        return bits_for(self.config.row_depth)

    @cached_property
    def store_bits(self) -> int:
        """Width of the address of an activation: in the hidden buffer, the output buffer or, with strips, half of the input buffer."""
        c = self.config
        return bits_for(
            max(c.hidden_depth, c.output_depth, *((c.input_depth, 2 * c.stream_elements) if c.strips else ()))
        )

    @cached_property
    def output_bits(self) -> int:
        """Width of the number of outputs of one sample.

        It is so wide that no comparison with the elements of a beat is constant, however few the outputs are.
        """
        return bits_for(max(self.config.output_depth, 2 * self.config.stream_elements) + 1)

    @cached_property
    def bank_bits(self) -> int:
        """Width of a bank number: the input and output buffers have one bank per element of a stream beat."""
        return (self.config.stream_elements - 1).bit_length()

    @cached_property
    def beat_depth(self) -> int:
        """Words of one half of one input bank. In a flat array, also the beats of the longest input sample."""
        return -(-self.config.input_depth // self.config.stream_elements)

    @cached_property
    def hidden_depths(self) -> tuple[int, ...]:
        """Depths of the memories that make up the hidden buffer. Each has its own register behind it; only then is one chosen."""
        whole, rest = divmod(self.config.hidden_depth, HIDDEN_MEMORY)
        return (HIDDEN_MEMORY,) * whole + ((rest,) if rest else ())

    @property
    def epilogues(self) -> int:
        """Results of a column that are completed together."""
        return 1

    @property
    def copies(self) -> bool:
        """Whether results are also written to a residuals' memory, at addresses of its own."""
        return False

    @cached_property
    def copy_bits(self) -> int:
        """Width of an address of what additions read."""
        return self.store_bits

    @property
    def write_enables(self) -> int:
        """Parts of a word of results that can be written by themselves."""
        return self.config.columns if self.config.strips else 1

    @property
    def finished_distances(self) -> tuple[int, int]:
        """From the sequencer's ``finished`` to the next layer's start, and to the group's end."""
        distance = timing(self.config)
        passed = WHOLE_ROW + (distance.requantize if self.config.strips else 0)
        return distance.collect_to_start - passed, distance.collect_to_end - passed

    @cached_property
    def group_samples(self) -> int:
        """Samples that are computed side by side."""
        return 1 if self.config.strips else self.config.columns

    # --- words --------------------------------------------------------------------------------------------------------

    @cached_property
    def header(self) -> Word:
        """The word that precedes a layer's mask words in each lane. It is cut into mask words from the lowest bit.

        ``empty`` is set when the lane has no mask words. Else ``left`` is their number in one tile less two, so that -1 marks the last in a
        counter. With strips the word also holds: the number of tiles less one; the address that is added for the lane's first row; the step
        to the next rows' address after every ``repeat`` + 1 rows; how many of these rows are left when the lane begins.
        """
        group = self.group_bits
        fields = [
            Field("last", 1), Field("empty", 1), Field("left", bits_for(self.config.mask_depth) + 1, signed=True),
            Field("first", group), Field("start", group), Field("end", group),
        ]  # fmt: skip
        if self.config.strips:
            fields += [
                Field("tiles", TILE_BITS), Field("row_base", self.store_bits), Field("row_step", self.store_bits),
                Field("repeat", REPEAT_BITS), Field("repeat_left", REPEAT_BITS),
            ]  # fmt: skip
        return Word(tuple(fields))

    @cached_property
    def header_words(self) -> int:
        return -(-self.header.width // self.config.word)

    @cached_property
    def program(self) -> Word:
        """One layer, as sequencer, lanes, collector and requantizer need it.

        ``lanes`` has a bit for every lane that holds a weight of the layer. With strips a layer is a raster of tiles, ``width`` + 1 in each
        band. A lane's operands move by ``x_step`` and ``y_step``, results by ``write_step`` along a band.
        """
        fields = [
            Field("last", 1), Field("signed", 1), Field("from_input", 1), Field("release", 1), Field("to_output", 1),
            Field("lanes", self.config.lanes), Field("outputs", self.output_bits),
            Field("zero_point", CLAMP_BITS, signed=True), Field("low", CLAMP_BITS, signed=True), Field("high", CLAMP_BITS, signed=True),
        ]  # fmt: skip
        if self.config.strips:
            address = self.store_bits
            fields += [
                Field("width", WIDTH_BITS), Field("x_step", address), Field("y_step", address), Field("write_step", address),
                Field("band", bits_for(self.config.band_depth)), Field("padding", 8),
            ]  # fmt: skip
        if self.config.maximum:
            fields += [Field("maximum", 1)]
        if self.config.residual:
            fields += [
                Field("residual", 1), Field("residual_signed", 1), Field("residual_zero", CLAMP_BITS, signed=True),
                Field("residual_multiplier", MULTIPLIER_BITS), Field("residual_step", self.store_bits),
            ]  # fmt: skip
        if self.config.table_depth:
            fields += [Field("tabled", 1), Field("table", bits_for(self.config.table_depth))]
        return Word(tuple(fields))

    @cached_property
    def merge(self) -> Word:
        """One lane's share of one layer: its first row, and the number of lanes that share its first and its last row."""
        lane = self.lane_bits
        return Word((
            Field("row", self.row_bits), Field("slot", lane), Field("head_others", lane), Field("tail_others", lane),
        ))  # fmt: skip

    @cached_property
    def row(self) -> Word:
        """Bias, requantization and place of one output row. ``shift`` is stored less one; with a residual, less its fraction."""
        fields = [
            Field("bias", self.config.acc_bits, signed=True), Field("multiplier", MULTIPLIER_BITS), Field("shift", SHIFT_BITS),
            Field("place", self.store_bits),
        ]  # fmt: skip
        if self.config.slopes:
            fields += [Field("slope", MULTIPLIER_BITS)]
        if self.config.residual:
            fields += [Field("residual_place", self.store_bits)]
        return Word(tuple(fields))

    @cached_property
    def beat(self) -> Word:
        """One input beat of a flat array: whether it is the sample's last, and which of its elements are stored."""
        return Word((Field("last", 1), Field("keep", self.config.stream_elements)))

    @cached_property
    def band(self) -> Word:
        """One row of tiles: whether it is the layer's last, the runs of ``passes`` that write its tiles, and its place in the residual."""
        residual = [Field("residual", self.store_bits)] if self.config.residual else []
        return Word((*self._lists(self.config.pass_depth), *residual))

    @cached_property
    def input_band(self) -> Word:
        """One row of the input image, in the same form, with its pixels and its channels (each less one) and the steps between them."""
        return Word((
            *self._lists(self.config.input_pass_depth),
            Field("width", WIDTH_BITS), Field("channels", CHANNEL_BITS),
            Field("x_step", self.store_bits), Field("channel_step", self.store_bits),
        ))  # fmt: skip

    def _lists(self, depth: int) -> tuple[Field, ...]:
        lists = (
            Field(f"{position}_{what}", width)
            for position in BAND_POSITIONS
            for what, width in (("begin", bits_for(depth)), ("more", PASSES_BITS))
        )
        return (Field("last", 1), *lists)

    @cached_property
    def passes(self) -> Word:
        """One write of a result, to ``base`` + place of row and tile, into the columns of ``mask``. Results go ``turn`` columns up."""
        return Word((
            Field("base", self.store_bits), Field("turn", self.column_bits), Field("mask", self.config.columns), Field("constant", 1),
        ))  # fmt: skip

    @cached_property
    def input_passes(self) -> Word:
        """One write of an input element. With ``constant`` it is a write of padding with this value."""
        return Word((
            Field("base", self.store_bits), Field("mask", self.config.columns), Field("constant", 1), Field("value", 8),
        ))  # fmt: skip

    # --- memories -----------------------------------------------------------------------------------------------------

    @cached_property
    def memories(self) -> tuple[Memory, ...]:
        """Every loadable memory in the order of the windows. Window 0 holds the registers."""
        c = self.config
        shapes = [
            ("program", self.program.width, c.layer_depth),
            ("merge", self.merge.width, c.layer_depth << self.lane_bits),
            ("rows", self.row.width, c.row_depth),
        ]
        if c.strips:
            shapes += [
                ("bands", self.band.width, c.band_depth), ("passes", self.passes.width, c.pass_depth),
                ("input_bands", self.input_band.width, c.input_band_depth), ("input_passes", self.input_passes.width, c.input_pass_depth),
                ("offsets", self.store_bits, c.offset_depth),
            ]  # fmt: skip
        else:
            shapes.append(("input", self.beat.width, self.beat_depth))
        if c.table_depth:
            shapes.append(("tables", 8, TABLE_ENTRIES * c.table_depth))
        shared = len(shapes)
        for lane in range(c.lanes):
            shapes.append((f"lane{lane:02}.masks", c.word, c.mask_depth))
            shapes.append((f"lane{lane:02}.weights", c.weight_bits, c.weight_depth))
        return tuple(
            Memory(name, width, depth, window=1 + i, per_lane=i >= shared)
            for i, (name, width, depth) in enumerate(shapes)
        )

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
