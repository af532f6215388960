"""Follows the tiles of the layer that is being collected."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib.wiring import Component, In, Out, Signature

from zeroskip.contracts.layout import WIDTH_BITS, Layout
from zeroskip.contracts.words import bits_for
from zeroskip_hw.primitives.fifo import Fifo
from zeroskip_hw.primitives.load import LoadableRam, load_bus
from zeroskip_hw.primitives.words import fields

IN_FLIGHT = 16
"""Tiles whose results may be on their way from the merge to the buffers: every tile takes two cycles or more."""


def tile_place(layout: Layout) -> Signature:
    """Announces each tile once, when its collection begins: ``begin`` and ``more`` of its writes, ``write``, ``residual`` and ``copy``
    addresses.
    """
    copies = dict.fromkeys(("residual", "copy"), Out(layout.copy_bits)) if layout.config.residual else {}
    return Signature({
        "fresh": Out(1), "begin": Out(bits_for(layout.config.pass_depth)), "more": Out(layout.more_bits),
        "write": Out(layout.result_bits), **copies,
    })  # fmt: skip


class Tiles(Component):
    """Raster of the layer's tiles, band after band; a tile's place is there from the third cycle after ``start``, the next tile's in the
    cycle after ``step``. Steps are two cycles apart or more.

    Members
    -------
    load : In(load_bus)
    start : In(1), band, width, write_step, residual_step : In
        A layer begins; its constants, as in the program word.
    step : In(1)
        The present tile has been collected.
    hold : Out
        Further writes of each of the present tile's results.
    place : Out(tile_place)
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        super().__init__({
            "load": In(load_bus(layout)), "start": In(1),
            "band": In(bits_for(layout.config.band_depth)), "width": In(WIDTH_BITS), "write_step": In(layout.result_bits),
            **({"residual_step": In(layout.copy_bits)} if layout.config.residual else {}),
            "step": In(1), "hold": Out(layout.more_bits), "place": Out(tile_place(layout)),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        layout = self._layout
        m.submodules.bands = bands = LoadableRam(layout, "bands")
        bands.connect_load(m, self.load)
        # The memory always shows the band that comes next.
        index, now = Signal.like(self.band, name="index", reset_less=True), Signal(layout.band.width, reset_less=True)
        m.d.comb += [bands.read_enable.eq(1), bands.read_address.eq(index)]
        current, following = fields(layout.band, now), fields(layout.band, bands.read_data)
        x, write = Signal(WIDTH_BITS, reset_less=True), Signal(layout.result_bits, reset_less=True)
        last = Signal()  # found one cycle late: steps are two cycles apart
        m.d.sync += last.eq(x == self.width)

        begun = Signal(2)
        take = Signal()
        m.d.comb += take.eq(begun[1] | (self.step & last))
        m.d.sync += [
            begun.eq(Cat(self.start, begun)),
            self.place.fresh.eq(begun[1] | (self.step & ~(last & current["last"]))),
        ]
        with m.If(begun[0] | (self.step & last)):
            m.d.sync += index.eq(index + 1)
        with m.If(self.start):
            m.d.sync += index.eq(self.band)
        with m.If(self.step):
            m.d.sync += [x.eq(x + 1), write.eq(write + self.write_step)]
        with m.If(take):
            m.d.sync += [now.eq(bands.read_data), x.eq(0), write.eq(0), last.eq(~self.width.any())]
        if layout.config.residual:
            residual, copy = (Signal(layout.copy_bits, name=name, reset_less=True) for name in ("residual", "copy"))
            with m.If(self.step):
                m.d.sync += [residual.eq(residual + self.residual_step), copy.eq(copy + self.residual_step)]
            with m.If(take):
                m.d.sync += [residual.eq(following["residual"]), copy.eq(0)]
            m.d.comb += [self.place.residual.eq(residual), self.place.copy.eq(copy)]

        m.d.comb += [
            self.hold.eq(current["more"]),
            self.place.begin.eq(current["begin"]), self.place.more.eq(current["more"]), self.place.write.eq(write),
        ]  # fmt: skip
        return m


def place_queue(m: Module, name: str, fresh: Any, values: list[Any], take: Any) -> list[Any]:
    """The announced ``values`` of the tile whose results pass here; ``take``: its last does."""
    widths = [len(value) for value in values]
    queue = Fifo(width=sum(widths), depth=IN_FLIGHT)
    m.submodules[name] = queue
    m.d.comb += [queue.write.eq(fresh), queue.write_data.eq(Cat(*values)), queue.take.eq(take)]
    ends = [sum(widths[: i + 1]) for i in range(len(widths))]
    return [queue.data[end - width : end] for end, width in zip(ends, widths, strict=True)]
