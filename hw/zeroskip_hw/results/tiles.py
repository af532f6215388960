"""Follows the tiles of the layer that is being collected."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
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
    """Raster of the layer's tiles, band after band. A tile's ``hold`` is there from the third cycle after ``start``, the next tile's in
    the cycle after ``step``, and its place is announced one cycle later. Steps are two cycles apart or more.

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
        index = Signal.like(self.band, reset_less=True)
        m.d.comb += [bands.read_enable.eq(1), bands.read_address.eq(index)]
        following = fields(layout.band, bands.read_data)
        x = Signal(WIDTH_BITS, reset_less=True)
        band_last = Signal(reset_less=True)
        # Found one cycle late, but for a layer's first tile: steps are two cycles apart.
        last = Signal()
        begun = Signal(2)
        take = Signal()
        m.d.comb += take.eq(begun[1] | (self.step & last))
        m.d.sync += [begun.eq(Cat(self.start, begun)), last.eq(Mux(begun[1], ~self.width.any(), x == self.width))]
        with m.If(begun[0] | (self.step & last)):
            m.d.sync += index.eq(index + 1)
        with m.If(self.start):
            m.d.sync += index.eq(self.band)
        with m.If(self.step):
            m.d.sync += x.eq(x + 1)
        with m.If(take):
            m.d.sync += [x.eq(0), self.hold.eq(following["more"]), band_last.eq(following["last"])]
        stepped = Signal()
        taken = Signal()
        fresh = Signal()
        m.d.sync += [
            stepped.eq(self.step), taken.eq(take), fresh.eq(begun[1] | (self.step & ~(last & band_last))),
            self.place.fresh.eq(fresh),
        ]  # fmt: skip
        self._place(m, bands.read_data, stepped, taken)
        return m

    def _place(self, m: Module, band: Value, stepped: Signal, taken: Signal) -> None:
        """All that is announced, one cycle later: a step is decided late, and has many registers to go to.

        band : what the memory shows; the cycle after, ``taken`` tells that it was taken, and ``stepped`` that there was a step
        """
        layout, place = self._layout, self.place
        shown, now = (Signal(len(band), name=name, reset_less=True) for name in ("shown", "now"))
        m.d.sync += shown.eq(band)
        write = Signal(layout.result_bits, reset_less=True)
        with m.If(stepped):
            m.d.sync += write.eq(write + self.write_step)
        with m.If(taken):
            m.d.sync += [now.eq(shown), write.eq(0)]
        current = fields(layout.band, now)
        m.d.comb += [place.begin.eq(current["begin"]), place.more.eq(current["more"]), place.write.eq(write)]
        if layout.config.residual:
            residual, copy = (Signal(layout.copy_bits, name=name, reset_less=True) for name in ("residual", "copy"))
            with m.If(stepped):
                m.d.sync += [residual.eq(residual + self.residual_step), copy.eq(copy + self.residual_step)]
            with m.If(taken):
                m.d.sync += [residual.eq(fields(layout.band, shown)["residual"]), copy.eq(0)]
            m.d.comb += [place.residual.eq(residual), place.copy.eq(copy)]


def place_queue(m: Module, name: str, fresh: Any, values: list[Any], take: Any) -> list[Any]:
    """The announced ``values`` of the tile whose results pass here; ``take``: its last does."""
    widths = [len(value) for value in values]
    queue = Fifo(width=sum(widths), depth=IN_FLIGHT)
    m.submodules[name] = queue
    m.d.comb += [queue.write.eq(fresh), queue.write_data.eq(Cat(*values)), queue.take.eq(take)]
    ends = [sum(widths[: i + 1]) for i in range(len(widths))]
    return [queue.data[end - width : end] for end, width in zip(ends, widths, strict=True)]
