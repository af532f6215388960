"""Writes each result into the strips that need it, and into the residuals' memory."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib.wiring import Component, In, Out, Signature

from zeroskip.contracts.layout import Layout
from zeroskip_hw.primitives.load import LoadableRam, load_bus
from zeroskip_hw.primitives.words import fields

from .tiles import place_queue, tile_place


def result_write(layout: Layout) -> Signature:
    """One result of every epilogue and column.

    enable : one bit per column; address, data : of each epilogue, 8 bits per column
    copy, used : address in each epilogue's bank of the residuals' memory, and whether it has a result; where the array has them
    """
    number = layout.config.epilogues
    copies = {"copy": Out(layout.copy_bits * number), "used": Out(number)} if layout.config.residual else {}
    return Signature({
        "enable": Out(layout.config.columns), "address": Out(layout.place_bits * number),
        "data": Out(layout.config.columns * 8 * number), **copies,
    })  # fmt: skip


class Writer(Component):
    """One write of every epilogue per cycle: results are written as often as their tile's list of passes says, the first time four cycles
    after ``enable``.

    A pass moves every column's activation ``turn`` columns up, into the columns of its mask.

    Members
    -------
    load : In(load_bus)
    tile : In(tile_place)
    enable : In(1), place : In, data : In(8 · columns · epilogues), tile_end, layer_end : In(1)
        Results from the requantizers, as many cycles apart as the list is long.
    copy_place : In, used : In(epilogues)
        Where the array has residuals: the place in their memory, and which epilogues have a result.
    write : Out(result_write)
    written : Out(1)
        The last write of the layer's last result is under way: four cycles later it leaves.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        number = layout.config.epilogues
        super().__init__({
            "load": In(load_bus(layout)), "tile": In(tile_place(layout)),
            "enable": In(1), "place": In(layout.place_bits * number), "data": In(8 * layout.config.columns * number),
            **({"copy_place": In(layout.copy_bits * number), "used": In(number)} if layout.config.residual else {}),
            "tile_end": In(1), "layer_end": In(1),
            "write": Out(result_write(layout)), "written": Out(1),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        layout, c = self._layout, self._layout.config
        m.submodules.passes = passes = LoadableRam(layout, "passes")
        passes.connect_load(m, self.load)
        places = [self.tile.begin, self.tile.more, self.tile.write, *([self.tile.copy] if c.residual else [])]
        begin, more, offset, *copy_offset = place_queue(
            m, "places", self.tile.fresh, places, self.enable & self.tile_end
        )

        # Stage 0: which pass. Stages 1 and 2: memory and its register; the result keeps step, and is held while it is written.
        following = Signal(len(begin), reset_less=True)
        left = Signal(len(more))
        ends = Signal(reset_less=True)
        address = Signal(len(begin))
        active = Signal()
        final = Signal()
        m.d.comb += [
            address.eq(Mux(self.enable, begin, following)), active.eq(self.enable | left.any()),
            final.eq(Mux(self.enable, ~more.any(), left == 1)),
            self.written.eq(final & Mux(self.enable, self.layer_end, ends)),
            passes.read_enable.eq(1), passes.read_address.eq(address),
        ]  # fmt: skip
        with m.If(active):
            m.d.sync += [following.eq(address + 1), left.eq(left - 1)]
        with m.If(self.enable):
            m.d.sync += [left.eq(more), ends.eq(self.layer_end)]
        valid1, valid2, valid3 = (Signal(name=f"valid{i}") for i in (1, 2, 3))
        entry2 = Signal(layout.passes.width, reset_less=True)
        m.d.sync += [valid1.eq(active), valid2.eq(valid1), valid3.eq(valid2), entry2.eq(passes.read_data)]

        # Stage 3: address, and the turn by multiples of four; stage 4: the rest of the turn.
        entry = fields(layout.passes, entry2)
        turn3 = Signal(2, reset_less=True)
        mask3 = Signal(c.columns, reset_less=True)
        m.d.sync += [
            mask3.eq(entry["mask"]), turn3.eq(entry["turn"]), self.write.enable.eq(mask3 & valid3.replicate(c.columns)),
        ]  # fmt: skip
        for number in range(c.epilogues):
            data = self._kept(m, self.data.word_select(number, 8 * c.columns), f"data{number}")
            data3 = Signal(8 * c.columns, name=f"data3_{number}", reset_less=True)
            m.d.sync += [
                data3.eq(_turned(data, entry["turn"][2:], 4)),
                self.write.data.word_select(number, 8 * c.columns).eq(_turned(data3, turn3, 1)),
            ]  # fmt: skip
            place = self.place.word_select(number, layout.place_bits)
            self._address(m, place, offset, entry["base"], self.write.address, number, "base")
            if c.residual:
                place = self.copy_place.word_select(number, layout.copy_bits)
                self._address(m, place, copy_offset[0], entry["copy"], self.write.copy, number, "copy")
        if c.residual:
            used3 = Signal(c.epilogues, reset_less=True)
            m.d.sync += [used3.eq(self._kept(m, self.used, "used")), self.write.used.eq(used3)]
        return m

    def _kept(self, m: Module, value: Value, name: str) -> Signal:
        """Stages 1 and 2 of what comes with a result."""
        kept, later = (Signal(len(value), name=f"{name}_{stage}", reset_less=True) for stage in (1, 2))
        with m.If(self.enable):
            m.d.sync += kept.eq(value)
        m.d.sync += later.eq(kept)
        return later

    def _address(self, m: Module, place: Value, offset: Value, base: Value, to: Value, number: int, name: str) -> None:
        """All four stages of an address: place of the row and of the tile, and then the pass's base. What is above it stays."""
        bits = len(base)
        kept = self._kept(m, Cat((place + offset)[:bits], place[bits:]), f"{name}{number}")
        address3 = Signal(len(place), name=f"{name}{number}_3", reset_less=True)
        m.d.sync += [
            address3.eq(Cat((kept + base)[:bits], kept[bits:])),
            to.word_select(number, len(place)).eq(address3),
        ]


def _turned(data: Value, turn: Value, step: int) -> Value:
    """``data`` in bytes, each moved ``turn`` · ``step`` columns up, the last ones coming in at the bottom."""
    for bit in range(len(turn)):
        count = (step << bit) * 8 % len(data)
        data = Mux(turn[bit], Cat(data[len(data) - count :], data[: len(data) - count]), data)
    return data
