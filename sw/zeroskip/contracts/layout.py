"""Bit layouts of every memory word, derived from the configuration. Software and hardware agree on them in this one place."""

from __future__ import annotations

from functools import cached_property

from .config import ArrayConfig
from .network import MULTIPLIER_BITS
from .words import Field, Memory, Word, bits_for

PART = 32
"""Bits of one part of a layer's constants, which reach the lanes part by part."""

FAR_CONSTANTS = ("far_low", "far_high", "far_height", "far_strip")
"""Fields of a layer's constants for each level of turns farther than a column."""

SHIFT_BITS = 6
CLAMP_BITS = 9
"""Clamp limits and zero-points are signed and hold both an int8 and a uint8 range."""

WIDTH_BITS = 12
"""Tiles in a band; pixels of an input row."""

CHANNEL_BITS = 16
"""Channels of the input."""

MORE_BITS = 8
"""A result is written 256 times at most."""

COPY_MEMORY = 2048
"""Addresses in one memory of the residuals, a power of two: the depth of an ECP5 block RAM that holds a byte of every word."""

LEAF_BITS = 2
LEAF = 1 << LEAF_BITS
"""Mask bits of a leaf: what a lane chooses bits from, and what has one flag where a share is stored in two levels."""

CHUNKS = 4
"""Words of mask bits that a word of flags stands for."""

TABLE_ENTRIES = 256
"""Entries of a pointwise function's table."""


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
    def tap_bits(self) -> int:
        """Width of a tap's address."""
        return bits_for(max(self.config.tap_depth, self.config.word))

    @cached_property
    def position_bits(self) -> int:
        """Width of a position in the stream: two set bits that follow each other are less than two rows apart, more need not be told."""
        return self.tap_bits + 1

    @cached_property
    def number_bits(self) -> int:
        """Of a position, those that number the word."""
        return self.position_bits - self.index_bits

    @cached_property
    def run_bits(self) -> int:
        """Width of the number of a mask word within a lane's share of a layer. A dense share has more than the memory holds."""
        return bits_for(max(self.config.mask_depth, self.config.weight_depth // self.config.word + 1))

    @cached_property
    def operand_bits(self) -> int:
        """Width of the address of an activation within a lane: in its hidden memory, or in a half of its input buffer."""
        return max(bits_for(self.config.hidden_depth), self.half_bit)

    @cached_property
    def half_bit(self) -> int:
        """Bit of an address in the input buffer that tells its halves apart."""
        return bits_for(self.config.input_depth)

    @cached_property
    def share_depth(self) -> int:
        """Words of a lane's hidden memory: a power of two, since otherwise gates choose between the blocks that make it up."""
        return 1 << bits_for(self.config.hidden_depth)

    @cached_property
    def result_bits(self) -> int:
        """Width of a result's address: in the lanes' hidden memories, or in the output buffer."""
        return max(self.operand_bits, bits_for(self.config.output_depth))

    @cached_property
    def more_bits(self) -> int:
        """Width of the number of a result's writes, less one."""
        return min(MORE_BITS, bits_for(self.config.pass_depth))

    @cached_property
    def owner_bits(self) -> int:
        """A bit for each lane that may store a result. A single lane stores all, unless there are some that are only added."""
        return self.config.lanes if self.config.lanes > 1 or self.config.residual else 0

    @cached_property
    def place_bits(self) -> int:
        """Width of a place: a result's address, and above it the lanes that store it."""
        return self.result_bits + self.owner_bits

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
    def copy_bits(self) -> int:
        """Width of an address in a bank of the residuals' memory."""
        return bits_for(self.config.copy_depth)

    @cached_property
    def copy_depths(self) -> tuple[int, ...]:
        """Of the memories that make up a bank of the residuals' memory. Each has its own register behind it; only then is one chosen."""
        whole, rest = divmod(self.config.copy_depth, COPY_MEMORY)
        return (COPY_MEMORY,) * whole + ((rest,) if rest else ())

    @cached_property
    def far_levels(self) -> int:
        """Turns by one, three, nine … columns up or down that reach wants, without that by one."""
        levels = 0
        while (3 ** (levels + 1) - 1) // 2 < self.config.reach:
            levels += 1
        return levels

    @cached_property
    def group_samples(self) -> int:
        """Samples that are computed side by side."""
        return 1 if self.config.strips else self.config.columns

    # --- words --------------------------------------------------------------------------------------------------------

    @cached_property
    def header(self) -> Word:
        """Before a lane's mask words of a layer.

        last : the layer is the program's last; empty : the lane has no weight in it
        dense : every bit is set, and the last word stands for all; packed : in two levels, where the array can
        single : there is one word; before_last : else the number of the last but one; tiles : of the layer, less one
        """
        packed = [Field("packed", 1)] if self.config.two_level else []
        return Word((
            Field("last", 1), Field("empty", 1), Field("dense", 1), *packed, Field("single", 1),
            Field("before_last", self.run_bits), Field("tiles", self.config.tile_bits),
        ))  # fmt: skip

    @cached_property
    def header_words(self) -> int:
        return -(-self.header.width // self.config.word)

    @cached_property
    def tap(self) -> Word:
        """Where a row's bit finds its operand, from the window's corner: in addresses, rows and cells."""
        return Word((
            Field("offset", self.operand_bits),
            Field("dy", self.config.pixel_bits, signed=True), Field("dx", self.config.pixel_bits, signed=True),
        ))  # fmt: skip

    @cached_property
    def constants(self) -> Word:
        """Of a layer, alike in all lanes.

        n : bits of a row; tap_base : address of a row's first tap, and ``tap_next`` that of the tap behind its last
        height, last_height : rows of a strip, of the last used strip; above_height, both_heights : the latter less, and with, the former
        strip : addresses of a strip
        width : cells of a row; used, full : columns that are used; those whose strip has all rows
        x_last, x_stride, y_stride : the raster of the windows' corners; x_step, band_step : of their addresses, to the next one in the
        band and from the band's last to the next band's first
        row_step : added to the addresses after every ``repeat`` + 2 rows of the lane
        padding, signed, from_input : what stands outside the image; how activations are read, and from which memory
        maximum : rows are maxima, not sums; where the array can
        last : the layer is the program's last
        """
        address, pixel, columns = self.operand_bits, self.config.pixel_bits, self.config.columns
        fields = [
            Field("n", self.position_bits), Field("tap_base", self.tap_bits), Field("tap_next", self.tap_bits),
            Field("height", pixel), Field("last_height", pixel), Field("above_height", pixel), Field("both_heights", pixel),
            Field("strip", address),
            Field("width", pixel), Field("used", columns), Field("full", columns),
            *(
                Field(f"{name}{level}", address if name == "far_strip" else pixel)
                for level in range(self.far_levels) for name in FAR_CONSTANTS
            ),
            Field("x_last", pixel), Field("x_stride", pixel), Field("y_stride", pixel),
            Field("x_step", address), Field("band_step", address),
            Field("row_step", address), Field("repeat", self.row_bits + 1, signed=True),
            Field("padding", 8), Field("signed", 1), Field("from_input", 1),
            *([Field("maximum", 1)] if self.config.maximum else []), Field("last", 1),
        ]  # fmt: skip
        used = sum(field.width for field in fields)
        return Word((*fields[:-1], *([Field("unused", -used % PART)] if used % PART else []), fields[-1]))

    @cached_property
    def constant_parts(self) -> int:
        return self.constants.width // PART

    @cached_property
    def program(self) -> Word:
        """One layer, as sequencer, merge and requantizers need it; lanes have its ``constants``.

        A layer is a raster of tiles, ``width`` + 1 in each band, in which results move by ``write_step``. ``turns`` of a tile and ``tiles``
        are counted from 0. ``residual_step`` holds for the residual, and for the result's place in the residuals' memory, where it goes if
        it is ``copied``.
        """
        fields = [
            Field("last", 1), Field("release", 1), Field("to_output", 1), Field("outputs", self.output_bits),
            Field("zero_point", CLAMP_BITS, signed=True), Field("low", CLAMP_BITS, signed=True), Field("high", CLAMP_BITS, signed=True),
            Field("turns", self.row_bits), Field("tiles", self.config.tile_bits), Field("width", WIDTH_BITS),
            Field("write_step", self.result_bits), Field("band", bits_for(self.config.band_depth)),
        ]  # fmt: skip
        if self.config.across:
            fields += [Field("across", 1), *([Field("maximum", 1)] if self.config.maximum else [])]
        if self.config.residual:
            fields += [
                Field("residual", 1), Field("residual_signed", 1), Field("residual_zero", CLAMP_BITS, signed=True),
                Field("residual_multiplier", MULTIPLIER_BITS), Field("residual_step", self.copy_bits), Field("copied", 1),
            ]  # fmt: skip
        if self.config.table_depth:
            fields += [Field("tabled", 1), Field("table", bits_for(self.config.table_depth))]
        return Word(tuple(fields))

    @cached_property
    def merge(self) -> Word:
        """One turn: for each epilogue the lanes that give it their sums, and whether the bundle is complete with it."""
        lanes = [Field(f"lanes{number}", self.config.lanes) for number in range(self.config.epilogues)]
        return Word((*lanes, Field("complete", 1)))

    @cached_property
    def row(self) -> Word:
        """Bias, requantization and place of one output row. ``shift`` is stored less one; with a residual, less its fraction.

        With residuals: places of the residual and of the row itself in the residuals' memory, and whether the epilogue has a row in this
        bundle.
        """
        fields = [
            Field("bias", self.config.acc_bits, signed=True), Field("multiplier", MULTIPLIER_BITS), Field("shift", SHIFT_BITS),
            Field("place", self.place_bits),
        ]  # fmt: skip
        if self.config.slopes:
            fields += [Field("slope", MULTIPLIER_BITS)]
        if self.config.residual:
            fields += [Field("residual_place", self.copy_bits), Field("copy_place", self.copy_bits), Field("used", 1)]
        return Word(tuple(fields))

    @cached_property
    def band(self) -> Word:
        """One row of tiles: whether it is the layer's last, the run of ``passes`` that writes each of its tiles (one less in ``more``), and
        its place in the residual.
        """
        residual = [Field("residual", self.copy_bits)] if self.config.residual else []
        return Word(
            (
                Field("last", 1),
                Field("begin", bits_for(self.config.pass_depth)),
                Field("more", self.more_bits),
                *residual,
            )
        )

    @cached_property
    def passes(self) -> Word:
        """One write of a result, to ``base`` + place of row and tile, into the columns of ``mask``. Results go ``turn`` columns up.

        With residuals: ``copy`` is the same in the residuals' memory.
        """
        copy = [Field("copy", self.copy_bits)] if self.config.residual else []
        return Word((
            Field("base", self.result_bits), Field("turn", self.column_bits), Field("mask", self.config.columns), *copy,
        ))  # fmt: skip

    @cached_property
    def channel(self) -> Word:
        """Channels of the input that follow each other: of each the lanes that store it, and its place within a cell."""
        return Word(tuple(
            Field(f"{name}{element}", width) for element in range(self.config.load_elements)
            for name, width in (("lanes", self.config.lanes), ("offset", self.operand_bits))
        ))  # fmt: skip

    @cached_property
    def input_row(self) -> Word:
        """One row of an input image: whether it is its group's last, its sample's; its columns and its place there; cells, channels of
        one, and elements that a step takes at most, all less one; whether there is a channel word for every channel, or for every step;
        addresses from cell to cell.
        """
        return Word((
            Field("last", 1), Field("sample_last", 1), Field("columns", self.config.columns), Field("base", self.operand_bits),
            Field("width", WIDTH_BITS), Field("channels", CHANNEL_BITS), Field("elements", bits_for(self.config.stream_elements)),
            Field("by_channel", 1), Field("x_step", self.operand_bits),
        ))  # fmt: skip

    # --- memories -----------------------------------------------------------------------------------------------------

    @cached_property
    def memories(self) -> tuple[Memory, ...]:
        """Every loadable memory in the order of the windows. Window 0 holds the registers."""
        c = self.config
        shared = [
            ("program", self.program.width, c.layer_depth), ("constants", PART, c.layer_depth * self.constant_parts),
            ("merge", self.merge.width, c.row_depth),
            *((f"rows{number}", self.row.width, c.row_depth) for number in range(self.config.epilogues)),
            ("bands", self.band.width, c.band_depth), ("passes", self.passes.width, c.pass_depth),
            ("input_rows", self.input_row.width, c.input_row_depth), ("channels", self.channel.width, c.channel_depth),
            ("taps", self.tap.width, self.config.tap_depth),
        ]  # fmt: skip
        if c.table_depth:
            shared.append(("tables", 8, TABLE_ENTRIES * c.table_depth))
        each = [("masks", c.word, c.mask_depth), ("weights", c.weight_bits, c.weight_depth)]
        shapes = shared + [
            (f"lane{lane:02}.{name}", width, depth) for lane in range(c.lanes) for name, width, depth in each
        ]
        return tuple(
            Memory(name, width, depth, window=1 + i, per_lane=i >= len(shared))
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
