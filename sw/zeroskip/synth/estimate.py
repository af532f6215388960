"""What an array takes of a part, before it is built: block RAMs and multipliers counted, look-up tables and flip-flops estimated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..spec.config import ArrayConfig
from ..spec.layout import Layout, bits_for
from .area import Area
from .targets import Target


@dataclass(frozen=True)
class Store:
    """One memory as synthesis sees it: ``parts`` can be written by themselves; ``block``: it must be block RAM; ``count`` of its kind."""

    width: int
    depth: int
    parts: int = 1
    block: bool = False
    count: int = 1


def stores(config: ArrayConfig) -> Iterator[Store]:
    """Every memory of the array that is an instance of ``zs_ram``."""
    layout, c = Layout(config), config
    parts = c.columns if c.strips else 1
    yield Store(8 * c.columns, c.hidden_depth, parts, True, c.lanes + bool(c.residual))
    position = bits_for(layout.beat_depth)
    yield Store(8 * c.columns, 2 << position, c.columns, True, c.lanes * c.stream_elements)
    yield Store(8 * layout.group_samples, 2 << bits_for(-(-c.output_depth // c.stream_elements)), 1, False, c.stream_elements)
    copies = {"offsets": c.lanes, "tables": c.columns}
    for memory in layout.memories:
        yield Store(memory.width, memory.depth, 1, memory.name.startswith("lane"), copies.get(memory.name, 1))


def estimate(config: ArrayConfig, target: Target) -> Area:
    """Of a sized ``config`` on ``target``. Block RAMs as yosys maps them; the coefficients of the rest are fitted to its results."""
    lut4 = ff = bram = 0
    for store in stores(config):
        blocks = target.memories.blocks(store.width, store.depth, store.parts)
        cells = target.memories.distributed(store.width, store.depth)
        if store.block or cells is None or target.memories.prefers_block(blocks, cells):
            bram += store.count * blocks
        else:
            lut4 += store.count * target.memories.distributed_lut4 * cells
    logic = _logic(config)
    dsp = multipliers(config)
    return Area(lut4=lut4 + logic.lut4, ff=ff + logic.ff, bram=bram, dsp=dsp)


def multipliers(config: ArrayConfig) -> int:
    """One per MAC, one per limb and column of the requantizer, and one per column for residuals."""
    limbs = -(-config.acc_bits // 17)
    return config.columns * (config.lanes + limbs + int(bool(config.residual)))


def _logic(config: ArrayConfig) -> Area:
    return Area()
