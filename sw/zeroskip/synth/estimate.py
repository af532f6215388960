"""The area that an array takes of a part, before it is built. Block RAMs and multipliers are counted, LUTs and flip-flops estimated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.layout import Layout
from zeroskip.contracts.timing import ROWS_IN_FLIGHT
from zeroskip.contracts.words import bits_for

from .area import Area
from .targets import Target

LIMB = 17
"""Accumulator bits that one multiplier of the requantizer takes."""

MULTIPLIER_LUT4 = 140
"""LUT4 that replace a multiplier of 9 × 8 bits where the part has none, carry cells included."""


LUT4 = {
    "lane": 0.0, "lane_bit": 13.2, "packed_bit": 9.9, "mac": 12.1, "mac_bit": 1.4, "maximum_bit": 3.6,
    "merged_bit": 0.8, "sorted_bit": 1.0, "column": 346.6, "added": 198.1, "rest": 2048.6,
}  # fmt: skip
FF = {
    "lane": 153.8, "lane_bit": 13.4, "packed_bit": 1.8, "mac": 56.7, "mac_bit": 2.9, "maximum_bit": 0.0,
    "merged_bit": 0.7, "sorted_bit": 0.0, "column": 199.0, "added": 282.7, "rest": 2007.1,
}  # fmt: skip
"""Look-up tables and flip-flops beside the memories, for one of each of :func:`terms`; fitted by ``benchmarks/areas.py --terms``.

Later corrected for arrays of 8 × 8 and 16 × 8: ``packed_bit``, and the flip-flops of ``lane``, ``mac`` and ``column``, of
which many lie in an ECP5's multipliers now.
"""


@dataclass(frozen=True)
class Store:
    """Memories as synthesis sees them.

    width : bits of a word
    depth : words
    parts : parts of a word that can be written alone
    block : True where the memory must be block RAM
    count : number of such memories
    """

    width: int
    depth: int
    parts: int = 1
    block: bool = False
    count: int = 1


def stores(config: ArrayConfig) -> Iterator[Store]:
    """Every memory of the array that is an instance of ``zs_ram``."""
    layout, c = Layout(config), config
    yield Store(8 * c.columns, layout.share_depth, c.columns, True, c.lanes)
    yield Store(8 * c.columns, 2 << layout.half_bit, c.columns, True, c.lanes)
    for depth in layout.copy_depths if c.residual else ():
        yield Store(8 * c.columns, depth, c.columns, True, c.epilogues)
    if c.block_queue:
        yield Store(c.acc_bits * c.columns, ROWS_IN_FLIGHT, 1, True, c.lanes)
    output_depth = 2 << bits_for(-(-c.output_depth // c.stream_elements))
    yield Store(8 * layout.group_samples, output_depth, count=c.stream_elements)
    copies = {"taps": c.lanes, "tables": c.columns * c.epilogues}
    for memory in layout.memories:
        block = memory.per_lane or memory.name in ("taps", "merge", "constants")
        yield Store(memory.width, memory.depth, block=block, count=copies.get(memory.name, 1))


def estimate(config: ArrayConfig, target: Target) -> Area:
    """Area of a sized ``config`` on ``target``, as ``zeroskip synth`` reports it for the whole design without the measuring wrapper.

    Block RAMs follow the rules by which yosys maps memories. Multipliers are counted. Look-up tables and flip-flops come from a linear
    model, fitted to mapped arrays; docs/05-measurements.md says how far it is off.
    """
    area, dsp = stored(config, target), multipliers(config)
    instead = 0 if target.available.dsp else dsp * MULTIPLIER_LUT4
    logic = [sum(model[name] * count for name, count in terms(config).items()) for model in (LUT4, FF)]
    return area.plus(Area(lut4=round(logic[0]) + instead, ff=round(logic[1]), dsp=0 if instead else dsp))


def stored(config: ArrayConfig, target: Target) -> Area:
    """What the memories take."""
    lut4, ff, bram = 0, 0, 0
    for store in stores(config):
        small = None if store.block else target.memories.small(store.width, store.depth)
        if small is None:
            bram += store.count * target.memories.blocks(store.width, store.depth, store.parts)
        else:
            lut4, ff = lut4 + store.count * small[0], ff + store.count * small[1]
    return queue(config, target).plus(Area(lut4=lut4, ff=ff, bram=bram))


def queue(config: ArrayConfig, target: Target) -> Area:
    """What the lanes' queues of sums take, where they are no block RAM."""
    if config.block_queue:
        return Area()
    lut4, ff = target.memories.logic(config.acc_bits * config.columns, ROWS_IN_FLIGHT)
    return Area(lut4=config.lanes * lut4, ff=config.lanes * ff)


def terms(config: ArrayConfig) -> dict[str, float]:
    """How often an array has what look-up tables and flip-flops are spent on.

    lane : without MACs; lane_bit : a bit of its addresses and positions; mac : one column of a lane
    packed_bit : a bit of a lane's mask word, where masks may be stored in two levels
    mac_bit : a bit of its accumulator; maximum_bit : the same, where maxima are taken
    merged_bit : a bit of an adder in the merge, or across the columns
    sorted_bit : a bit of a lane's sum that goes to one of several epilogues
    column : of an epilogue; added : the same, where residuals are added
    rest : everything else
    """
    c = config
    macs, sums, width = c.lanes * c.columns, c.epilogues * c.columns, c.acc_bits
    return {
        "lane": c.lanes, "lane_bit": c.lanes * _lane_bits(Layout(config)), "packed_bit": c.lanes * c.word if c.two_level else 0,
        "mac": macs, "mac_bit": macs * width,
        "maximum_bit": macs * width if c.maximum else 0,
        "merged_bit": ((c.lanes - 1) * sums + (c.columns - 1 if c.across else 0)) * width,
        "sorted_bit": c.lanes * sums * width if c.epilogues > 1 else 0,
        "column": sums, "added": sums if c.residual else 0, "rest": 1,
    }  # fmt: skip


def _lane_bits(layout: Layout) -> int:
    """Widths of what a lane counts and adds up: operands, positions, rows and cells, mask words, weights."""
    depths = layout.config.mask_depth, layout.config.weight_depth
    return layout.operand_bits + layout.position_bits + layout.config.pixel_bits + sum(map(bits_for, depths))


def multipliers(config: ArrayConfig) -> int:
    """One per MAC; for every epilogue, one per limb and column of the requantizer, and one per column for residuals."""
    return config.columns * (config.lanes + config.epilogues * (-(-config.acc_bits // LIMB) + bool(config.residual)))
