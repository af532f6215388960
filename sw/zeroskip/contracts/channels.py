"""Bit layouts of an array whose lanes own the input channels, where they differ from those of :mod:`zeroskip.contracts.layout`."""

from __future__ import annotations

from functools import cached_property

from .config import ArrayConfig
from .layout import (
    CHANNEL_BITS,
    CLAMP_BITS,
    HIDDEN_MEMORY,
    TABLE_ENTRIES,
    WIDTH_BITS,
    Field,
    Layout,
    Memory,
    Word,
    bits_for,
)
from .network import MULTIPLIER_BITS

PART = 32
"""Bits of one part of a layer's constants, which reach the lanes part by part."""

FAR_CONSTANTS = ("far_low", "far_high", "far_height", "far_strip")
"""Fields of a layer's constants for each level of turns farther than a column."""

TAP_OFFSET_BITS = 6
"""Of a tap's place beside its window's corner, in rows or in cells, two's complement."""


class ChannelLayout(Layout):
    """A sized configuration whose ``hidden_depth`` and ``input_depth`` are those of one lane.

    epilogues : results of a column that are completed and written together, in different lanes
    reach : columns between a column and the farthest whose rows it reads
    tap_depth : taps of one lane over all layers
    load_elements : elements of the input that are stored in one cycle, in different lanes
    copy_depth : addresses of each bank of the residuals' memory, of which there are as many as epilogues
    pixel_bits : of a row's or a cell's number within a strip, with its sign
    tile_bits : of the number of tiles of a layer less one
    block_queue : a lane's sums wait in block RAM, one cycle more, and not in look-up tables
    across : whether the array can add up what the columns have of a window that covers the whole image
    """

    def __init__(
        self,
        config: ArrayConfig,
        *,
        tap_depth: int,
        epilogues: int = 1,
        reach: int = 1,
        load_elements: int = 1,
        copy_depth: int = 0,
        pixel_bits: int = 7,
        tile_bits: int = 8,
        block_queue: bool = False,
        across: bool = False,
    ) -> None:
        super().__init__(config)
        self._epilogues = epilogues
        self.across, self.reach, self.load_elements, self.copy_depth = across, reach, load_elements, copy_depth
        self.tap_depth, self.pixel_bits, self.tile_bits, self.block_queue = (
            tap_depth,
            pixel_bits,
            tile_bits,
            block_queue,
        )

    @property
    def epilogues(self) -> int:
        return self._epilogues

    @property
    def copies(self) -> bool:
        return bool(self.config.residual)

    # --- widths -------------------------------------------------------------------------------------------------------

    @cached_property
    def tap_bits(self) -> int:
        """Width of a tap's address."""
        return bits_for(max(self.tap_depth, self.config.word))

    @cached_property
    def position_bits(self) -> int:
        """Width of a position in the stream: two set bits that follow each other are less than two rows apart, more need not be told."""
        return self.tap_bits + 1

    @cached_property
    def number_bits(self) -> int:
        """Of a position, those that number the word."""
        return self.position_bits - self.index_bits

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
    def store_bits(self) -> int:
        """Width of a place: the lanes that store the result above its address there; or the address in the output buffer."""
        return max(self.config.lanes + self.operand_bits, bits_for(self.config.output_depth))

    @property
    def write_enables(self) -> int:
        return self.config.columns

    @property
    def finished_distances(self) -> tuple[int, int]:
        """The start waits until the first operand, whose address waits for it, can be read: four cycles of the writer, two registers,
        the memory, less the two from the start to the read.
        """
        return 5, 4

    @cached_property
    def hidden_depths(self) -> tuple[int, ...]:
        """Of a bank of the residuals' memory, as in the other arrays that of all hidden activations."""
        whole, rest = divmod(self.copy_depth, HIDDEN_MEMORY)
        return (HIDDEN_MEMORY,) * whole + ((rest,) if rest else ())

    @cached_property
    def copy_bits(self) -> int:
        """Width of an address in a bank of the residuals' memory."""
        return bits_for(self.copy_depth)

    @cached_property
    def far_levels(self) -> int:
        """Turns by one, three, nine … columns up or down that reach wants, without that by one."""
        levels = 0
        while (3 ** (levels + 1) - 1) // 2 < self.reach:
            levels += 1
        return levels

    # --- words --------------------------------------------------------------------------------------------------------

    @cached_property
    def header(self) -> Word:
        """Before a layer's mask words: the address of their first; whether that is the only one, or else the address before the last; the
        number of the tiles less one.
        """
        address = bits_for(self.config.mask_depth)
        return Word((
            Field("last", 1), Field("empty", 1), Field("begin", address), Field("single", 1), Field("before_last", address),
            Field("tiles", self.tile_bits),
        ))  # fmt: skip

    @cached_property
    def tap(self) -> Word:
        """Where a row's bit finds its operand, from the window's corner: in addresses, rows and cells."""
        return Word((
            Field("offset", self.operand_bits),
            Field("dy", TAP_OFFSET_BITS, signed=True), Field("dx", TAP_OFFSET_BITS, signed=True),
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
        address, pixel, columns = self.operand_bits, self.pixel_bits, self.config.columns
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
    def merge(self) -> Word:
        """One turn: for each epilogue the lanes that give it their sums, and whether the bundle is complete with it."""
        lanes = [Field(f"lanes{number}", self.config.lanes) for number in range(self.epilogues)]
        return Word((*lanes, Field("complete", 1)))

    @cached_property
    def row(self) -> Word:
        """As in the other arrays. With residuals: its place in the residuals' memory, and whether the epilogue has a row in this bundle."""
        residual = [Field("residual_place", self.copy_bits), Field("used", 1)] if self.copies else []
        return Word((*(field for field in super().row if field.name != "residual_place"), *residual))

    @cached_property
    def band(self) -> Word:
        """As in the other arrays."""
        residual = [Field("residual", self.copy_bits)] if self.copies else []
        return Word((*self._lists(self.config.pass_depth), *residual))

    @cached_property
    def passes(self) -> Word:
        """As in the other arrays, without padding; with residuals, the address in the residuals' memory."""
        copy = [Field("copy", self.copy_bits)] if self.copies else []
        return Word((*(field for field in super().passes if field.name != "constant"), *copy))

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
            Field("turns", self.row_bits), Field("tiles", self.tile_bits), Field("width", WIDTH_BITS),
            Field("write_step", self.store_bits), Field("band", bits_for(self.config.band_depth)),
        ]  # fmt: skip
        if self.across:
            fields += [Field("across", 1), *([Field("maximum", 1)] if self.config.maximum else [])]
        if self.copies:
            fields += [
                Field("residual", 1), Field("residual_signed", 1), Field("residual_zero", CLAMP_BITS, signed=True),
                Field("residual_multiplier", MULTIPLIER_BITS), Field("residual_step", self.copy_bits), Field("copied", 1),
            ]  # fmt: skip
        if self.config.table_depth:
            fields += [Field("tabled", 1), Field("table", bits_for(self.config.table_depth))]
        return Word(tuple(fields))

    @cached_property
    def channel(self) -> Word:
        """The channels of one step of the input: of each the lanes that store it, and its place within a cell."""
        return Word(tuple(
            Field(f"{name}{element}", width) for element in range(self.load_elements)
            for name, width in (("lanes", self.config.lanes), ("offset", self.operand_bits))
        ))  # fmt: skip

    @cached_property
    def input_row(self) -> Word:
        """One row of an input image: whether it is its group's last, its sample's; its columns and its place there; cells, and steps
        through the channels of one, less one; elements of a step; addresses from cell to cell.
        """
        return Word((
            Field("last", 1), Field("sample_last", 1), Field("columns", self.config.columns), Field("base", self.operand_bits),
            Field("width", WIDTH_BITS), Field("steps", CHANNEL_BITS), Field("elements", bits_for(self.config.stream_elements + 1)),
            Field("x_step", self.operand_bits),
        ))  # fmt: skip

    # --- memories -----------------------------------------------------------------------------------------------------

    @cached_property
    def memories(self) -> tuple[Memory, ...]:
        c = self.config
        shared = [
            ("program", self.program.width, c.layer_depth), ("constants", PART, c.layer_depth * self.constant_parts),
            ("merge", self.merge.width, c.row_depth),
            *((f"rows{number}", self.row.width, c.row_depth) for number in range(self.epilogues)),
            ("bands", self.band.width, c.band_depth), ("passes", self.passes.width, c.pass_depth),
            ("input_rows", self.input_row.width, c.input_band_depth), ("channels", self.channel.width, c.input_pass_depth),
            ("taps", self.tap.width, self.tap_depth),
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
