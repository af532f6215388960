"""Takes the lanes' results, one per cycle, and adds up the rows that straddle lanes."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib.memory import Memory as DistributedRam
from amaranth.lib.wiring import Component, In, Out

from zeroskip.contracts.layout import PASSES_BITS, Layout
from zeroskip_hw.primitives.load import LoadableRam, load_bus
from zeroskip_hw.primitives.onehot import index_of
from zeroskip_hw.primitives.words import fields


class Collector(Component):
    """Six-stage pipeline; one result per cycle, from the waiting lanes in turn.

    Stages: grant, choice of the lane's sums, merge memory, row number, addition of partial sums, whole row. A row that straddles
    k lanes comes out when its k-th part has come in.

    Tiles are collected one after the other: a lane that has given its last result of the tile waits until all others have. Between two
    tiles one cycle passes without a grant; after every grant ``hold`` further ones, in which the result is written.

    Members
    -------
    load : In(load_bus)
    start : In(1), layer : In
        A layer begins; its number.
    lanes : In(lanes)
        Those that hold a weight of the layer.
    last_tile : In(1), hold : In
        Of the tile that is collected: it is the layer's last; cycles without a grant after each (with strips).
    tile : Out(1)
        The tile has been collected.
    request, tails_waiting : In(lanes), grant : Out(lanes)
        ``grant`` is one-hot and answers in the same cycle.
    heads, tails : In(lanes), sums : In(lanes · columns · acc_bits)
        One cycle after the grant.
    valid : Out(1), row : Out, total : Out(columns · acc_bits)
        A whole row, five cycles after the last grant it needs. ``row`` counts over all layers.
    tile_end, layer_end : Out(1)
        With ``valid``: the row is the tile's last; the layer's last.
    next_row : Out
        ``row`` one cycle ahead.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        c = layout.config
        width = c.acc_bits * c.columns
        super().__init__({
            "load": In(load_bus(layout)), "start": In(1), "layer": In(layout.layer_bits), "lanes": In(c.lanes),
            "last_tile": In(1), "tile": Out(1), **({"hold": In(PASSES_BITS)} if c.strips else {}),
            "request": In(c.lanes), "tails_waiting": In(c.lanes), "grant": Out(c.lanes),
            "heads": In(c.lanes), "tails": In(c.lanes), "sums": In(c.lanes * width),
            "valid": Out(1), "row": Out(layout.row_bits), "total": Out(width), "next_row": Out(layout.row_bits),
            "tile_end": Out(1), "layer_end": Out(1),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        layout, c = self._layout, self._layout.config
        lanes, width = c.lanes, c.acc_bits * c.columns

        # Stage 1: the grant is out, the lanes present their results.
        granted = Signal(lanes)
        m.d.comb += self.grant.eq(_in_turn(m, self._eligible(m), self.start))
        m.d.sync += granted.eq(self.grant)
        lane1 = Signal(layout.lane_bits)
        m.d.comb += lane1.eq(index_of(granted))
        m.submodules.merge = merge = LoadableRam(layout, "merge")
        merge.connect_load(m, self.load)
        m.d.comb += [merge.read_enable.eq(1), merge.read_address.eq(Cat(lane1, self.layer))]
        chosen = Signal(width)
        m.d.comb += chosen.eq(
            _or([self.sums.word_select(i, width) & granted[i].replicate(width) for i in range(lanes)])
        )
        # What ends with the result of stage 1 goes along with it.
        ends = Cat(self.tile, self.tile & self.last_tile)
        for stage in (2, 3, 4):
            later = Signal(2, name=f"ends{stage}")
            m.d.sync += later.eq(ends)
            ends = later
        m.d.sync += Cat(self.tile_end, self.layer_end).eq(ends)

        # Stages 2 and 3: memory and its register; the result keeps step.
        valid2, valid3, head2, head3, tail2, tail3 = (
            Signal(name=f"{name}{i}") for name in ("valid", "head", "tail") for i in (2, 3)
        )
        lane2, lane3 = (Signal(layout.lane_bits, name=f"lane{i}", reset_less=True) for i in (2, 3))
        sums2, sums3, sums4 = (Signal(width, name=f"sums{i}", reset_less=True) for i in (2, 3, 4))
        share = Signal(layout.merge.width, reset_less=True)
        m.d.sync += [
            valid2.eq(granted.any()), head2.eq((granted & self.heads).any()), tail2.eq((granted & self.tails).any()),
            lane2.eq(lane1), sums2.eq(chosen),
            valid3.eq(valid2), head3.eq(head2), tail3.eq(tail2), lane3.eq(lane2), sums3.eq(sums2),
            share.eq(merge.read_data),
        ]  # fmt: skip

        # Stage 3: which row, and how many parts it has.
        shared = fields(layout.merge, share)
        m.submodules.rows = rows = DistributedRam(shape=unsigned(layout.row_bits), depth=1 << layout.lane_bits, init=[])
        rows_write, rows_read = rows.write_port(), rows.read_port(domain="comb")
        row3 = Signal(layout.row_bits)
        m.d.comb += [
            rows_read.addr.eq(lane3), row3.eq(Mux(head3, shared["row"], rows_read.data)),
            rows_write.en.eq(valid3), rows_write.addr.eq(lane3), rows_write.data.eq(row3 + 1),
        ]  # fmt: skip
        valid4, partial4 = Signal(), Signal()
        row4 = Signal(layout.row_bits, reset_less=True)
        slot4, others4 = (Signal(layout.lane_bits, name=name, reset_less=True) for name in ("slot4", "others4"))
        head_shared = head3 & (shared["head_others"] != 0)
        m.d.sync += [
            valid4.eq(valid3), row4.eq(row3), sums4.eq(sums3),
            partial4.eq(head_shared | (tail3 & (shared["tail_others"] != 0))),
            slot4.eq(Mux(head_shared, shared["slot"], lane3)),
            others4.eq(Mux(head_shared, shared["head_others"], shared["tail_others"])),
        ]  # fmt: skip
        m.d.comb += self.next_row.eq(row4)

        # Stage 4: the parts that came before are in `parts`; their number in `arrived`, which starts and ends each row at 0.
        m.submodules.parts = parts = DistributedRam(shape=unsigned(width), depth=1 << layout.lane_bits, init=[])
        parts_write, parts_read = parts.write_port(), parts.read_port(domain="comb")
        arrived = Signal(layout.lane_bits << layout.lane_bits)
        before = Signal(layout.lane_bits)
        total = Signal(width)
        is_whole = Signal()
        m.d.comb += [
            parts_read.addr.eq(slot4), parts_write.addr.eq(slot4),
            before.eq(arrived.word_select(slot4, layout.lane_bits)),
            total.eq(_add(sums4, parts_read.data & (partial4 & (before != 0)).replicate(width), c.acc_bits)),
            is_whole.eq(~partial4 | (before == others4)),
            parts_write.en.eq(valid4 & partial4), parts_write.data.eq(total),
        ]  # fmt: skip
        with m.If(valid4 & partial4):
            m.d.sync += arrived.word_select(slot4, layout.lane_bits).eq(Mux(is_whole, 0, before + 1))
        m.d.sync += [self.valid.eq(valid4 & is_whole), self.row.eq(row4), self.total.eq(total)]
        return m

    def _eligible(self, m: Module) -> Value:
        """Lanes that may be granted: they have a result of this tile, and the result before has been written."""
        c = self._layout.config
        done = Signal(c.lanes)
        m.d.sync += done.eq(done | (self.grant & self.tails_waiting))
        # One cycle after the last grant: no lane is eligible in it.
        m.d.comb += self.tile.eq(done.any() & (done | ~self.lanes).all())
        with m.If(self.tile):
            m.d.sync += done.eq(0)
        if not c.strips:
            return self.request & ~done
        left, free = Signal(PASSES_BITS), Signal(init=1)
        m.d.sync += [left.eq(Mux(free, self.hold - 1, left - 1)), free.eq(free | ~left.any())]
        with m.If(free):
            m.d.sync += free.eq(~(self.grant.any() & self.hold.any()))
        return self.request & ~done & free.replicate(c.lanes)


def _in_turn(m: Module, request: Any, start: Any) -> Any:
    """One-hot: the lowest request above the lane served last, or else the lowest of all.

    Fair, so that no lane falls behind; and every layer starts with lane 0, so that its cycles depend on nothing before it.
    """
    above = Signal(len(request))
    later = request & above
    chosen = Mux(later.any(), later, request)
    grant = Signal(len(request))
    m.d.comb += grant.eq(chosen & (~chosen + 1))
    with m.If(request.any()):
        m.d.sync += above.eq(~(grant | (grant - 1)))
    with m.If(start):
        m.d.sync += above.eq(0)
    return grant


def _or(values: list[Any]) -> Any:
    """As a balanced tree, since there may be 64."""
    while len(values) > 1:
        values = [a | b for a, b in zip(values[0::2], [*values[1::2], 0][: len(values[0::2])], strict=True)]
    return values[0]


def _add(a: Any, b: Any, width: int) -> Any:
    return Cat(*((a[i : i + width] + b[i : i + width])[:width] for i in range(0, len(a), width)))
