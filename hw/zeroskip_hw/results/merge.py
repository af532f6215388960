"""Grants rows in order, and adds up what the lanes have of each."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib.wiring import Component, In, Out

from zeroskip.contracts.layout import Layout
from zeroskip.contracts.timing import across_levels, grant_to_sums, grant_to_total
from zeroskip_hw.primitives.load import LoadableRam, load_bus
from zeroskip_hw.primitives.words import fields

from .across import Across
from .adder import Adder
from .waiting import Waiting


def across_members(layout: Layout) -> tuple[str, ...]:
    """What an array that adds up columns is told of a layer."""
    return () if not layout.config.across else ("across", "maximum") if layout.config.maximum else ("across",)


class Merge(Component):
    """One turn per cycle, in the order of the rows, tile after tile, as soon as every lane that contributes has its sum.

    In a turn every lane gives at most one sum, to one epilogue, and every epilogue is given one row at most. A bundle of rows, one for
    each epilogue, is complete after one turn or several. Its rows may come out one after the other; they count when the bundle does.

    The words that tell who contributes are read ahead. From the decision the lanes hear one cycle later. Their sums, which are 0 in all
    lanes that were not granted, enter the trees ``grant_to_sums`` later, and leave them ``tree_levels`` later; where columns may be added
    up, ``across_levels`` more. After every bundle ``hold`` further cycles pass before the next is complete, and at least one behind a tile.

    Members
    -------
    load : In(load_bus)
    start : In(1), turns : In, tiles : In, rewind : In(1)
        A layer begins: its turns of a tile and its tiles less one; it is the program's first.
    hold : In
        Of the tile that is collected.
    across, maximum : In(1)
        As far as the array has them: of the layer, see :class:`~zeroskip_hw.results.across.Across`.
    tile : Out(1)
        The tile has been collected.
    pushed : In(lanes), grant : Out(lanes), sums : In(lanes · columns · acc_bits)
    take : Out(epilogues), total : Out(epilogues · columns · acc_bits)
        Whole rows.
    valid : Out(1), tile_end, layer_end : Out(1)
        With the last of a bundle's rows: all are there; it is the tile's last, the layer's last.
    next_bundle : Out
        The bundle's number over all layers, one cycle ahead of ``valid``.
    granted : Out(1)
        There is progress.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        c = layout.config
        width = c.acc_bits * c.columns
        super().__init__({
            "load": In(load_bus(layout)), "start": In(1), "rewind": In(1), "turns": In(layout.row_bits),
            "tiles": In(layout.config.tile_bits),
            "hold": In(layout.more_bits), "tile": Out(1), **dict.fromkeys(across_members(layout), In(1)),
            "pushed": In(c.lanes), "grant": Out(c.lanes), "sums": In(c.lanes * width),
            "take": Out(layout.config.epilogues), "total": Out(layout.config.epilogues * width),
            "valid": Out(1), "tile_end": Out(1), "layer_end": Out(1), "next_bundle": Out(layout.row_bits), "granted": Out(1),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        layout, lanes = self._layout, self._layout.config.lanes
        grant = Signal()
        advance = Signal()
        free = Signal(init=1)
        valid, word, (tile_end, layer_end) = self._read_ahead(m, advance)
        wanted = [word[f"lanes{number}"] for number in range(layout.config.epilogues)]
        contributes = Signal(lanes)
        take = Signal(lanes)
        complete = Signal()
        m.d.comb += [
            contributes.eq(Cat(*(Cat(*(one[lane] for one in wanted)).any() for lane in range(lanes)))),
            grant.eq(valid & (free | ~word["complete"]) & (~contributes | self._available(m, take)).all()),
            complete.eq(grant & word["complete"]), advance.eq(~valid | grant),
            take.eq(contributes & grant.replicate(lanes)), self.tile.eq(grant & tile_end), self.granted.eq(grant),
        ]  # fmt: skip
        m.d.sync += self.grant.eq(take)
        # A tile's hold is there one cycle after the former tile's last row, and so in these registers when the next row may be granted.
        left = Signal(layout.more_bits)
        more = Signal(layout.more_bits, reset_less=True)
        held = Signal(reset_less=True)
        m.d.sync += [more.eq(Mux(self.hold.any(), self.hold - 1, 0)), held.eq(self.hold.any())]
        m.d.sync += [left.eq(Mux(free, more, left - 1)), free.eq(free | ~left.any())]
        with m.If(complete):
            m.d.sync += free.eq(~(held | tile_end))

        given = [Cat(*(one & grant.replicate(lanes))) for one in wanted]
        has = Cat(*(grant & one.any() for one in wanted))
        self._sums(m, given)
        flags, number = (
            Cat(complete, Cat(tile_end, layer_end) & grant.replicate(2), has),
            self._bundle(m, complete, tile_end, layer_end),
        )
        stages = grant_to_total(layout)
        for stage in range(stages):
            later, number_later = (
                Signal(len(flags), name=f"flags{stage}"),
                Signal(len(number), name=f"bundle{stage}", reset_less=True),
            )
            m.d.sync += [later.eq(flags), number_later.eq(number)]
            m.d.comb += self.next_bundle.eq(number) if stage == stages - 1 else []
            flags, number = later, number_later
        m.d.comb += Cat(self.valid, self.tile_end, self.layer_end, self.take).eq(flags)
        return m

    def _read_ahead(self, m: Module, advance: Value) -> tuple[Value, dict[str, Value], tuple[Value, Value]]:
        """Walks turns and tiles; returns (there is a turn, its word, (it ends its tile, its layer))."""
        layout = self._layout
        m.submodules.words = words = LoadableRam(layout, "merge", block=True)
        words.connect_load(m, self.load)
        running = Signal()
        turn = Signal(layout.row_bits)
        begin = Signal(layout.row_bits)
        left = Signal(layout.row_bits)
        tiles = Signal(layout.config.tile_bits)
        turn_last = Signal()
        tile_last = Signal()
        following = turn + 1
        m.d.comb += [turn_last.eq(~left.any()), tile_last.eq(~tiles.any())]
        m.d.comb += [words.read_enable.eq(advance), words.read_address.eq(turn)]
        with m.If(advance & running):
            m.d.sync += [turn.eq(following), left.eq(left - 1)]
            with m.If(turn_last):
                m.d.sync += [left.eq(self.turns), tiles.eq(tiles - 1)]
                with m.If(tile_last):
                    m.d.sync += [running.eq(0), begin.eq(following)]
                with m.Else():
                    m.d.sync += turn.eq(begin)
        with m.If(self.start):
            m.d.sync += [running.eq(1), left.eq(self.turns), tiles.eq(self.tiles)]
        with m.If(self.rewind):
            m.d.sync += [turn.eq(0), begin.eq(0)]
        word = Signal(layout.merge.width, reset_less=True)
        valid = running
        tags = Cat(turn_last, turn_last & tile_last)
        for stage in (1, 2):
            valid_later, tags_later = Signal(name=f"valid{stage}"), Signal(2, name=f"tags{stage}", reset_less=True)
            with m.If(advance):
                m.d.sync += [valid_later.eq(valid), tags_later.eq(tags)]
            valid, tags = valid_later, tags_later
        with m.If(advance):
            m.d.sync += word.eq(words.read_data)
        return valid, fields(layout.merge, word), (tags[0], tags[1])

    def _bundle(self, m: Module, complete: Value, tile_end: Value, layer_end: Value) -> Value:
        """The number of the bundle that is being collected."""
        number = Signal(self._layout.row_bits)
        begin = Signal(self._layout.row_bits)
        following = number + 1
        with m.If(complete):
            m.d.sync += number.eq(Mux(tile_end & ~layer_end, begin, following))
            with m.If(layer_end):
                m.d.sync += begin.eq(following)
        with m.If(self.rewind):
            m.d.sync += [number.eq(0), begin.eq(0)]
        return number

    def _available(self, m: Module, take: Value) -> Value:
        """Lanes whose sum of the row that comes next is in their queue; registers."""
        some = []
        for lane in range(self._layout.config.lanes):
            m.submodules[f"waiting{lane:02}"] = waiting = Waiting()
            m.d.comb += [waiting.pushed.eq(self.pushed[lane]), waiting.taken.eq(take[lane])]
            some.append(waiting.some)
        return Cat(*some)

    def _sums(self, m: Module, given: list[Value]) -> None:
        """From the lanes' sums to every epilogue's; ``given``: the lanes that are granted for it."""
        layout, c = self._layout, self._layout.config
        width = c.acc_bits * c.columns
        for number, lanes in enumerate(given):
            values: list[Value] = [self.sums.word_select(lane, width) for lane in range(c.lanes)]
            if layout.config.epilogues > 1:  # a sum may be another epilogue's
                for stage in range(1 + grant_to_sums(layout)):
                    later = Signal(c.lanes, name=f"given{number}_{stage}")
                    m.d.sync += later.eq(lanes)
                    lanes = later
                values = [value & lanes[lane].replicate(width) for lane, value in enumerate(values)]
            total = self._tree(m, values, number)
            if layout.config.across:
                total = self._across(m, total, number)
            m.d.comb += self.total.word_select(number, width).eq(total)

    def _across(self, m: Module, total: Value, number: int) -> Value:
        """The columns are added up for the first epilogue only; the others keep step."""
        if number == 0:
            m.submodules.across = across = Across(self._layout)
            m.d.comb += [
                across.total.eq(total),
                *(getattr(across, n).eq(getattr(self, n)) for n in across_members(self._layout)),
            ]
            return across.result
        for level in range(across_levels(self._layout)):
            later = Signal(len(total), name=f"passing{number}_{level}", reset_less=True)
            m.d.sync += later.eq(total)
            total = later
        return total

    def _tree(self, m: Module, values: list[Value], epilogue: int) -> Value:
        c = self._layout.config
        level = 0
        while len(values) > 1:
            sums: list[Value] = []
            for number in range(0, len(values), 2):
                m.submodules[f"level{epilogue}_{level}_{number // 2}"] = adder = Adder(c.columns, c.acc_bits)
                m.d.comb += Cat(adder.a, adder.b).eq(Cat(*values[number : number + 2]))  # without a partner: plus 0
                sums.append(adder.total)
            values, level = sums, level + 1
        return values[0]
