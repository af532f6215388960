"""One lane: masks, weights and activations of its own channels, and a MAC for each column."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib.wiring import Component, In, Out

from zeroskip.contracts.layout import PART, Layout
from zeroskip.contracts.timing import SHARE_STAGES, WEIGHT_STAGES, pass_to_issue
from zeroskip_hw.activations.share import Share, hidden_share, input_share
from zeroskip_hw.primitives.broadcast import broadcast
from zeroskip_hw.primitives.load import LoadableRam, load_bus, own_window
from zeroskip_hw.primitives.ram import image_file
from zeroskip_hw.primitives.words import fields

from .far import Far
from .fetch import Fetch
from .gate import Gate
from .operands import Operands, constants_of
from .pick import Pick
from .rows import Rows
from .sums import Sums
from .turn import Turn


class Lane(Component):
    """Works through all rows of a layer, one nonzero weight of its channels per cycle, for ``columns`` MACs.

    Ten stages or more from the word at work to the gate, which all stand still together, then a fixed way to the sum.

    Members
    -------
    load : In(load_bus), masks_window, weights_window : In
        The latter constant: the windows of the lane's own memories.
    hidden : In(hidden_share), hidden_here : In(epilogues), input : In(input_share), input_here : In(load_elements), half : In(1)
        See :class:`~zeroskip_hw.activations.share.Share`; the half of the input buffer that is read.
    constants_valid : In(1), constants : In(32), resume : In(1)
        The next layer's constants, part by part while the lane is ``closed``; then it prepares that layer.
    start : In(1), rewind : In(1)
        A layer begins, the first.
    closed : Out(1), primed : Out(1)
        See :class:`~zeroskip_hw.lane.gate.Gate`; ready for the next group: queue full, and a bit before the gate.
    pushed : Out(1), grant : In(1), sums : Out(acc_bits · columns)
        See :class:`~zeroskip_hw.lane.sums.Sums`.
    """

    individual = ("_masks", "_weights")

    def __init__(self, layout: Layout, number: int) -> None:
        self._layout, self._masks, self._weights = layout, f"lane{number:02}.masks", f"lane{number:02}.weights"
        self.parameters = {"MASKS": image_file(self._masks), "WEIGHTS": image_file(self._weights)}
        c = layout.config
        super().__init__({
            "load": In(load_bus(layout)), "masks_window": own_window(layout, self._masks),
            "weights_window": own_window(layout, self._weights),
            "hidden": In(hidden_share(layout)), "hidden_here": In(layout.config.epilogues),
            "input": In(input_share(layout)), "input_here": In(layout.config.load_elements), "half": In(1),
            "constants_valid": In(1), "constants": In(PART), "resume": In(1),
            "start": In(1), "rewind": In(1), "closed": Out(1), "primed": Out(1),
            "pushed": Out(1), "grant": In(1), "sums": Out(c.acc_bits * c.columns),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        layout = self._layout
        m.submodules.masks = masks = LoadableRam(layout, self._masks, block=True)
        m.submodules.taps = taps = LoadableRam(layout, "taps", block=True)
        m.submodules.fetch = fetch = Fetch(layout)
        m.submodules.pick = pick = Pick(layout)
        m.submodules.rows = rows = Rows(layout)
        m.submodules.operands = operands = Operands(layout)
        m.submodules.gate = gate = Gate()
        masks.connect_load(m, self.load, self.masks_window)
        taps.connect_load(m, self.load)

        held = Signal(layout.constants.width, reset_less=True)
        # They come only while all lanes are closed. That this one is tells synthesis that its copy is not another lane's, far away.
        with m.If(self.constants_valid & gate.closed):
            m.d.sync += held.eq(Cat(held, self.constants)[PART:])
        constant = fields(layout.constants, held)
        broadcast(m, fetch.entry, pick.entry)
        broadcast(m, pick.token, rows.source)
        broadcast(m, rows.token, operands.source)
        broadcast(m, operands.token, gate.source)
        m.d.comb += [
            masks.read_address.eq(fetch.address), masks.read_enable.eq(fetch.enable), fetch.data.eq(masks.read_data),
            pick.valid.eq(fetch.valid), fetch.take.eq(pick.take), pick.resume.eq(self.resume), operands.resume.eq(self.resume),
            pick.advance.eq(gate.advance), rows.advance.eq(gate.advance), operands.advance.eq(gate.advance),
            rows.lowest.eq(pick.lowest), rows.place.eq(pick.place),
            *(getattr(rows, name).eq(constant[name]) for name in ("n", "tap_base", "tap_next")),
            *(getattr(operands, name).eq(constant[name]) for name in constants_of(layout)),
            taps.read_enable.eq(gate.advance), taps.read_address.eq(rows.tap), operands.tap.eq(taps.read_data),
            operands.first.eq(rows.first), operands.tile_first.eq(rows.tile_first),
            gate.first.eq(operands.first_out), gate.ahead_valid.eq(operands.ahead_valid), gate.ahead_first.eq(operands.ahead_first),
            gate.start.eq(self.start), gate.collected.eq(self.grant), self.closed.eq(gate.closed),
            self.primed.eq(fetch.stuck & operands.token.valid),
        ]  # fmt: skip
        self._compute(m, constant, operands, gate)
        return m

    def _compute(self, m: Module, constant: Any, operands: Operands, gate: Gate) -> None:
        """All behind the gate."""
        layout = self._layout
        stages = pass_to_issue(layout)
        m.submodules.weights = weights = LoadableRam(layout, self._weights, block=True)
        m.submodules.share = share = Share(layout)
        m.submodules.turn = turn = Turn(layout)
        m.submodules.sums = sums = Sums(layout)
        weights.connect_load(m, self.load, self.weights_window)
        broadcast(m, self.hidden, share.hidden)
        broadcast(m, self.input, share.input)
        half = Signal(reset_less=True)
        m.d.sync += half.eq(self.half)
        flags = Cat(gate.issue, gate.issue_first, gate.issue_tail, gate.issue_last)
        column = Cat(operands.turn, operands.there, *([operands.distant] if layout.far_levels else []))
        all_flags, columns = [flags], [column]
        for stage in range(stages):
            later, column_later = (
                Signal(4, name=f"flags{stage}"),
                Signal(len(column), name=f"columns{stage}", reset_less=True),
            )
            m.d.sync += [later.eq(all_flags[-1]), column_later.eq(columns[-1])]
            all_flags.append(later)
            columns.append(column_later)

        # A weight is read so late that it needs no registers to wait in. From tile to tile the layer's weights are read again.
        issue, _, tail, last = all_flags[stages - WEIGHT_STAGES]
        following, begin = weights.read_address + 1, Signal.like(weights.read_address, name="layer_weight")
        address = Signal.like(weights.read_address, name="next_weight")
        with m.If(issue):
            m.d.sync += address.eq(Mux(tail & ~last, begin, address + 1))
            with m.If(last):
                m.d.sync += begin.eq(following)
        # From across the part it comes to a register. The layer's first weight is read later still.
        rewound = Signal()
        m.d.sync += rewound.eq(self.rewind)
        with m.If(rewound):
            m.d.sync += [address.eq(0), begin.eq(0)]
        weight = Signal(layout.config.weight_bits, reset_less=True)
        m.d.sync += weight.eq(weights.read_data)
        m.d.comb += [
            weights.read_enable.eq(1), weights.read_address.eq(address), sums.weight.eq(weight),
            share.hidden_here.eq(self.hidden_here), share.input_here.eq(self.input_here), share.half.eq(half),
            share.from_input.eq(constant["from_input"]), share.address.eq(operands.address),
            turn.padding.eq(constant["padding"]), turn.signed.eq(constant["signed"]),
            sums.operands.eq(turn.operands), Cat(sums.issue, sums.first, sums.tail).eq(all_flags[-1]),
            sums.grant.eq(self.grant), self.pushed.eq(sums.pushed), self.sums.eq(sums.sums),
        ]  # fmt: skip
        if layout.config.maximum:
            m.d.comb += sums.maximum.eq(constant["maximum"])
        self._turned(m, columns, share.data, turn)

    def _turned(self, m: Module, columns: list[Value], data: Value, turn: Turn) -> None:
        """The word by way of the farther turns, the farthest first; ``columns``: turns and strips that have the row, stage by stage."""
        count, levels = self._layout.config.columns, self._layout.far_levels
        now = columns[SHARE_STAGES - 1]
        by, there, far = now[:2], now[2 : 2 + count], now[2 + count :]
        beyond = (3 ** (levels + 1) - 1) // 2  # columns that the first turn may want on either side
        there, data = (
            Cat(Const(0, beyond), there, Const(0, beyond)),
            Cat(Const(0, 8 * beyond), data, Const(0, 8 * beyond)),
        )
        for level in range(levels):
            distance = 3 ** (levels - level)
            beyond -= distance
            m.submodules[f"far{level}"] = stage = Far(count + 2 * beyond, distance)
            m.d.comb += [
                stage.distant.eq(far[2 * level : 2 * level + 2]),
                stage.turn.eq(by),
                stage.there.eq(there),
                stage.data.eq(data),
            ]
            by, there, data = stage.turn_out, stage.there_out, stage.data_out
            far = columns[SHARE_STAGES + level][2 + count :]
        m.d.comb += [turn.turn.eq(by), turn.there.eq(there), turn.data.eq(data)]
