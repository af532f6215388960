"""Runs a module in Amaranth's simulator."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from amaranth.hdl import Elaboratable
from amaranth.sim import Simulator

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.layout import Layout

SIZES: dict[str, Any] = {
    "lanes": 2, "columns": 1, "word": 16, "stream_bits": 16, "load_elements": 1, "strips": True, "reach": 1, "acc_bits": 24,
    "pixel_bits": 7, "tile_bits": 8, "mask_depth": 200, "weight_depth": 256, "input_depth": 16, "hidden_depth": 200, "copy_depth": 24,
    "output_depth": 12, "row_depth": 40, "layer_depth": 4, "tap_depth": 40, "band_depth": 12, "pass_depth": 12, "input_row_depth": 8,
    "channel_depth": 8,
}  # fmt: skip
"""Of a small array of strips."""

PLAIN: dict[str, Any] = {
    "maximum": False,
    "residual": False,
    "slopes": False,
    "two_level": False,
    "across": False,
    "table_depth": 0,
}
"""The array that does no more than sums of products."""

FULL: dict[str, Any] = {
    "maximum": True,
    "residual": True,
    "slopes": True,
    "two_level": True,
    "across": True,
    "table_depth": 2,
}
"""The array that does everything."""

SAMPLES: dict[str, Any] = {"strips": False, "across": False}
"""What makes any of them one whose columns hold samples."""


def simulate(dut: Elaboratable, *testbenches: Any) -> None:
    """Until every testbench, an ``async`` function of the simulator's context, has come to its end."""
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    for testbench in testbenches:
        simulator.add_testbench(testbench)
    simulator.run()


def layout_of(**options: Any) -> Layout:
    """A small array of strips without features; ``options`` replace its values."""
    return Layout(ArrayConfig(**{**SIZES, **PLAIN, **options}))


async def load(ctx: Any, bus: Any, layout: Layout, name: str, words: Sequence[int]) -> None:
    """Write a memory through the load bus, 32-bit part by part as the control does."""
    memory = layout.memory(name)
    history = 0
    for address, word in enumerate(words):
        for part in range(memory.stride // 4):
            history = (history << 32 | (word >> (32 * part)) & 0xFFFFFFFF) & ((1 << (32 * layout.most_parts)) - 1)
            ctx.set(bus.window, memory.window)
            ctx.set(bus.offset, address * memory.stride // 4 + part)
            ctx.set(bus.data, history)
            ctx.set(bus.commit, 1)
            await ctx.tick()
            ctx.set(bus.commit, 0)
            await ctx.tick()
    await ctx.tick()  # a memory of an array of several lanes writes one cycle later than parts can come


def joined(values: Iterable[int], width: int = 8) -> int:
    """The lowest ``width`` bits of each value, the first lowest."""
    return sum((value & ((1 << width) - 1)) << (width * i) for i, value in enumerate(values))


def parted(word: int, count: int, width: int = 8) -> list[int]:
    """The inverse of :func:`joined`, unsigned."""
    return [word >> (width * i) & ((1 << width) - 1) for i in range(count)]


def to_signed(value: int, width: int) -> int:
    value &= (1 << width) - 1
    return value - (1 << width) if value >> (width - 1) else value
