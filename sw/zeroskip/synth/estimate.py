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


@dataclass(frozen=True)
class Model:
    """A linear model of look-up tables or flip-flops. Each member is a number of them.

    lane : one lane without its MACs
    mac : one MAC
    mac_bit : one bit of a MAC's accumulator
    rest : everything else
    column : added for each column
    residual_column : added for each column where residuals are added
    """

    lane: float
    mac: float
    mac_bit: float
    rest: float
    column: float
    residual_column: float = 0.0


FLAT = (Model(250, 60, 6.3, 700, 400), Model(344, 15, 5, 1000, 400))
STRIPS = (Model(530, 50, 4.4, 1700, 380, 260), Model(750, 20, 5, 2300, 350, 147))
"""Models of (look-up tables, flip-flops), fitted to arrays of 1 … 16 lanes and columns mapped to ECP5."""


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
    lut4, ff, bram = 0, 0, 0
    for store in stores(config):
        small = None if store.block else target.memories.small(store.width, store.depth)
        if small is None:
            bram += store.count * target.memories.blocks(store.width, store.depth, store.parts)
        else:
            lut4, ff = lut4 + store.count * small[0], ff + store.count * small[1]
    dsp = multipliers(config)
    if not target.available.dsp:
        lut4, dsp = lut4 + dsp * MULTIPLIER_LUT4, 0
    more_lut4, more_ff = (_logic(config, model) for model in (STRIPS if config.strips else FLAT))
    return Area(lut4=round(lut4 + more_lut4), ff=round(ff + more_ff), bram=bram, dsp=dsp)


def _logic(config: ArrayConfig, model: Model) -> float:
    lane = model.lane + config.columns * (model.mac + model.mac_bit * config.acc_bits)
    column = model.column + (model.residual_column if config.residual else 0.0)
    return model.rest + config.lanes * lane + config.columns * column


def multipliers(config: ArrayConfig) -> int:
    """One per MAC; for every epilogue, one per limb and column of the requantizer, and one per column for residuals."""
    return config.columns * (config.lanes + config.epilogues * (-(-config.acc_bits // LIMB) + bool(config.residual)))
