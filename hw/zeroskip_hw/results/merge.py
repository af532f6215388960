"""Grants rows in order, and adds up what the lanes have of each."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib.wiring import Component, In, Out

from zeroskip.contracts.channels import ChannelLayout
from zeroskip.contracts.layout import PASSES_BITS
from zeroskip_hw.lane.sums import grant_to_sums
from zeroskip_hw.primitives.load import LoadableRam, load_bus

from .across import Across, across_levels
from .adder import Adder
from .waiting import Waiting


def tree_levels(layout: ChannelLayout) -> int:
    """Adders between a lane's sum and the whole row, one register behind each."""
    return (layout.config.lanes - 1).bit_length()


def across_members(layout: ChannelLayout) -> tuple[str, ...]:
    """What an array that adds up columns is told of a layer."""
    return () if not layout.across else ("across", "maximum") if layout.config.maximum else ("across",)


class Merge(Component):
    """One row per cycle, in the order of the rows, tile after tile, as soon as every lane that contributes has its sum.

    The words that tell who contributes are read ahead. From the decision the lanes hear one cycle later. Their sums, which are 0 in all
    lanes that were not granted, enter the tree ``grant_to_sums`` later, and leave it ``tree_levels`` later; where columns may be added up,
    ``across_levels`` more. After every row ``hold`` further cycles pass without a grant, and at least one after the last row of a tile.

    Members
    -------
    load : In(load_bus)
    start : In(1), rows : In, tiles : In, rewind : In(1)
        A layer begins: its rows and tiles less one; it is the program's first.
    hold : In
        Of the tile that is collected.
    across, maximum : In(1)
        As far as the array has them: of the layer, see :class:`~zeroskip_hw.results.across.Across`.
    tile : Out(1)
        The tile has been collected.
    pushed : In(lanes), grant : Out(lanes), sums : In(lanes · columns · acc_bits)
    valid : Out(1), total : Out(columns · acc_bits), tile_end, layer_end : Out(1)
        A whole row; it is the tile's last, the layer's last.
    next_row : Out
        The number of ``total``'s row over all layers, one cycle ahead.
    granted : Out(1)
        There is progress.
    """

    def __init__(self, layout: ChannelLayout) -> None:
        self._layout = layout
        c = layout.config
        width = c.acc_bits * c.columns
        super().__init__({
            "load": In(load_bus(layout)), "start": In(1), "rewind": In(1), "rows": In(layout.row_bits), "tiles": In(layout.tile_bits),
            "hold": In(PASSES_BITS), "tile": Out(1), **dict.fromkeys(across_members(layout), In(1)),
            "pushed": In(c.lanes), "grant": Out(c.lanes), "sums": In(c.lanes * width),
            "valid": Out(1), "total": Out(width), "next_row": Out(layout.row_bits),
            "tile_end": Out(1), "layer_end": Out(1), "granted": Out(1),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        c = self._layout.config
        grant, advance, free = Signal(), Signal(), Signal(init=1)
        valid, lanes, tags = self._read_ahead(m, advance)
        take = Signal(c.lanes)
        m.d.comb += [
            grant.eq(valid & free & (~lanes | self._available(m, take)).all()), advance.eq(~valid | grant),
            take.eq(lanes & grant.replicate(c.lanes)), self.tile.eq(grant & tags[-2]), self.granted.eq(grant),
        ]  # fmt: skip
        m.d.sync += self.grant.eq(take)
        # A tile's hold is there one cycle after the former tile's last row, and so in these registers when the next row may be granted.
        left, more, held = Signal(PASSES_BITS), Signal(PASSES_BITS, reset_less=True), Signal(reset_less=True)
        m.d.sync += [more.eq(Mux(self.hold.any(), self.hold - 1, 0)), held.eq(self.hold.any())]
        m.d.sync += [left.eq(Mux(free, more, left - 1)), free.eq(free | ~left.any())]
        with m.If(free & grant):
            m.d.sync += free.eq(~(held | tags[-2]))

        total = self._tree(m)
        flags, row = Cat(grant, tags[-2:] & grant.replicate(2)), tags[:-2]
        if self._layout.across:
            m.submodules.across = across = Across(self._layout)
            m.d.comb += [
                across.total.eq(total),
                *(getattr(across, n).eq(getattr(self, n)) for n in across_members(self._layout)),
            ]
            total = across.result
        stages = 1 + grant_to_sums(self._layout) + tree_levels(self._layout) + across_levels(self._layout)
        for stage in range(stages):
            later, row_later = Signal(3, name=f"flags{stage}"), Signal(len(row), name=f"row{stage}", reset_less=True)
            m.d.sync += [later.eq(flags), row_later.eq(row)]
            m.d.comb += self.next_row.eq(row) if stage == stages - 1 else []
            flags, row = later, row_later
        m.d.comb += [Cat(self.valid, self.tile_end, self.layer_end).eq(flags), self.total.eq(total)]
        return m

    def _read_ahead(self, m: Module, advance: Value) -> tuple[Value, Value, Value]:
        """Walks rows and tiles; returns (there is a row, its lanes, (its number, ends its tile, ends its layer))."""
        layout = self._layout
        m.submodules.words = words = LoadableRam(layout, "merge", block=True)
        words.connect_load(m, self.load)
        running, row, begin = Signal(), Signal(layout.row_bits), Signal(layout.row_bits)
        left, tiles = Signal(layout.row_bits), Signal(layout.tile_bits)
        row_last, tile_last = Signal(), Signal()
        following = row + 1
        m.d.comb += [row_last.eq(~left.any()), tile_last.eq(~tiles.any())]
        m.d.comb += [words.read_enable.eq(advance), words.read_address.eq(row)]
        with m.If(advance & running):
            m.d.sync += [row.eq(following), left.eq(left - 1)]
            with m.If(row_last):
                m.d.sync += [left.eq(self.rows), tiles.eq(tiles - 1)]
                with m.If(tile_last):
                    m.d.sync += [running.eq(0), begin.eq(following)]
                with m.Else():
                    m.d.sync += row.eq(begin)
        with m.If(self.start):
            m.d.sync += [running.eq(1), left.eq(self.rows), tiles.eq(self.tiles)]
        with m.If(self.rewind):
            m.d.sync += [row.eq(0), begin.eq(0)]
        lanes, valid, tags = (
            Signal(layout.config.lanes, reset_less=True),
            running,
            Cat(row, row_last, row_last & tile_last),
        )
        for stage in (1, 2):
            valid_later, tags_later = (
                Signal(name=f"valid{stage}"),
                Signal(len(tags), name=f"tags{stage}", reset_less=True),
            )
            with m.If(advance):
                m.d.sync += [valid_later.eq(valid), tags_later.eq(tags)]
            valid, tags = valid_later, tags_later
        with m.If(advance):
            m.d.sync += lanes.eq(words.read_data)
        return valid, lanes, tags

    def _available(self, m: Module, take: Value) -> Value:
        """Lanes whose sum of the row that comes next is in their queue; registers."""
        some = []
        for lane in range(self._layout.config.lanes):
            m.submodules[f"waiting{lane:02}"] = waiting = Waiting()
            m.d.comb += [waiting.pushed.eq(self.pushed[lane]), waiting.taken.eq(take[lane])]
            some.append(waiting.some)
        return Cat(*some)

    def _tree(self, m: Module) -> Value:
        c = self._layout.config
        width = c.acc_bits * c.columns
        values: list[Value] = [self.sums.word_select(lane, width) for lane in range(c.lanes)]
        level = 0
        while len(values) > 1:
            sums: list[Value] = []
            for number in range(0, len(values), 2):
                m.submodules[f"level{level}_{number // 2}"] = adder = Adder(c.columns, c.acc_bits)
                m.d.comb += Cat(adder.a, adder.b).eq(Cat(*values[number : number + 2]))  # without a partner: plus 0
                sums.append(adder.total)
            values, level = sums, level + 1
        return values[0]
