"""Writes each result into the strips that need it: its own, those that overlap it, and padding beside it."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib.wiring import Component, In, Out

from zeroskip.contracts.layout import Layout
from zeroskip_hw.activations.store import hidden_write
from zeroskip_hw.primitives.load import LoadableRam, load_bus
from zeroskip_hw.primitives.words import fields

from .tiles import place_queue, tile_place


class Writer(Component):
    """One write per cycle: a result is written as often as its tile's list of passes says, the first time four cycles after ``enable``.

    A pass moves every column's activation ``turn`` columns up, into the columns of its mask, or writes padding there.

    Members
    -------
    load : In(load_bus)
    tile : In(tile_place)
    enable : In(1), place : In, data : In(8 · columns), tile_end, layer_end : In(1)
        Results from the requantizer, as many cycles apart as the list is long.
    padding : In(8)
        What is written as padding.
    write : Out(hidden_write)
    written : Out(1)
        The last write of the layer's last result is under way: four cycles later it leaves.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        super().__init__({
            "load": In(load_bus(layout)), "tile": In(tile_place(layout)),
            "enable": In(1), "place": In(layout.store_bits), "data": In(8 * layout.config.columns),
            "tile_end": In(1), "layer_end": In(1), "padding": In(8),
            "write": Out(hidden_write(layout)), "written": Out(1),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        layout, c = self._layout, self._layout.config
        m.submodules.passes = passes = LoadableRam(layout, "passes")
        passes.connect_load(m, self.load)
        begin, more, offset = place_queue(
            m,
            "places",
            self.tile.fresh,
            [self.tile.begin, self.tile.more, self.tile.write],
            self.enable & self.tile_end,
        )

        # Stage 0: which pass. Stages 1 and 2: memory and its register; the result keeps step, and is held while it is written.
        following, left, ends = Signal(len(begin), reset_less=True), Signal(len(more)), Signal(reset_less=True)
        address, active, final = Signal(len(begin)), Signal(), Signal()
        m.d.comb += [
            address.eq(Mux(self.enable, begin, following)), active.eq(self.enable | left.any()),
            final.eq(Mux(self.enable, ~more.any(), left == 1)),
            self.written.eq(final & Mux(self.enable, self.layer_end, ends)),
            passes.read_enable.eq(1), passes.read_address.eq(address),
        ]  # fmt: skip
        with m.If(active):
            m.d.sync += [following.eq(address + 1), left.eq(left - 1)]
        data1, base1 = Signal(8 * c.columns, reset_less=True), Signal(layout.store_bits, reset_less=True)
        with m.If(self.enable):
            m.d.sync += [left.eq(more), ends.eq(self.layer_end), data1.eq(self.data), base1.eq(self.place + offset)]
        valid1, valid2, valid3 = (Signal(name=f"valid{i}") for i in (1, 2, 3))
        data2, base2, entry2 = Signal.like(data1), Signal.like(base1), Signal(layout.passes.width, reset_less=True)
        m.d.sync += [
            valid1.eq(active), valid2.eq(valid1), valid3.eq(valid2),
            data2.eq(data1), base2.eq(base1), entry2.eq(passes.read_data),
        ]  # fmt: skip

        # Stage 3: address, and the turn by multiples of four; stage 4: the rest of the turn.
        entry = fields(layout.passes, entry2)
        data3, turn3 = Signal.like(data1, name="data3"), Signal(2, reset_less=True)
        address3, mask3 = Signal(layout.store_bits, reset_less=True), Signal(c.columns, reset_less=True)
        source = Mux(entry["constant"], self.padding.replicate(c.columns), data2)
        m.d.sync += [
            address3.eq(base2 + entry["base"]), mask3.eq(entry["mask"]), turn3.eq(entry["turn"]),
            data3.eq(_turned(source, entry["turn"][2:], 4)),
            self.write.address.eq(address3), self.write.data.eq(_turned(data3, turn3, 1)),
            self.write.enable.eq(mask3 & valid3.replicate(c.columns)),
        ]  # fmt: skip
        return m


def _turned(data: Value, turn: Value, step: int) -> Value:
    """``data`` in bytes, each moved ``turn`` · ``step`` columns up, the last ones coming in at the bottom."""
    for bit in range(len(turn)):
        count = (step << bit) * 8 % len(data)
        data = Mux(turn[bit], Cat(data[len(data) - count :], data[: len(data) - count]), data)
    return data
