"""Runs the layers of the program, one group of samples after the other, and counts their cycles."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib.memory import Memory as DistributedRam
from amaranth.lib.wiring import Component, In, Out

from zeroskip.spec.layout import CLAMP_BITS, Layout
from zeroskip.spec.timing import COLLECT_TO_END, COLLECT_TO_START

from .load import LoadableRam, load_bus
from .words import fields

WHOLE_ROW = 5
"""From the grant of a row's last part until the collector gives the row out."""

LATE = 4
"""From a layer's start until its constants reach the requantizer, by when the last rows of the layer before have left it."""


class Sequencer(Component):
    """Starts a layer when the one before has written its last row, and a group when its input is there and all lanes stand primed.

    Members
    -------
    load : In(load_bus)
    primed : In(1)
        All lanes are.
    input_full : In(2), input_release : Out(2)
        The halves of the input buffer: filled; read for the last time.
    output_full : In(2), output_done : Out(2)
        The halves of the output buffer: not yet sent; filled.
    row : In(1)
        A whole row left the collector.
    start : Out(1), layer : Out, from_input : Out(1), input_half : Out(1), signed : Out(1)
        For lanes and collector, from the start of a layer to its end.
    offset, zero_point, low, high, to_output, output_half : Out
        For requantizer and buffers, taken over ``LATE`` cycles after the start.
    outputs : Out
        Rows of the last layer, from when it was started first.
    layer_cycles_address : In, layer_cycles : Out(32)
        Cycles of each layer of the latest group; the answer comes in the same cycle.
    busy : Out(1)
        A group is being computed.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        super().__init__({
            "load": In(load_bus(layout)), "primed": In(1),
            "input_full": In(2), "input_release": Out(2), "output_full": In(2), "output_done": Out(2),
            "row": In(1),
            "start": Out(1), "layer": Out(layout.layer_bits), "from_input": Out(1), "input_half": Out(1), "signed": Out(1),
            "offset": Out(layout.store_bits), "zero_point": Out(signed(8)),
            "low": Out(signed(CLAMP_BITS)), "high": Out(signed(CLAMP_BITS)), "to_output": Out(1), "output_half": Out(1),
            "outputs": Out(layout.row_bits + 1),
            "layer_cycles_address": In(layout.layer_bits), "layer_cycles": Out(32), "busy": Out(1),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        layout = self._layout
        m.submodules.program = program = LoadableRam(layout, "program")
        program.connect_load(m, self.load)
        following, now = (Signal(layout.program.width, name=name, reset_less=True) for name in ("following", "now"))
        number = Signal(layout.layer_bits)
        m.d.comb += [program.read_enable.eq(1), program.read_address.eq(number)]
        m.d.sync += following.eq(program.read_data)
        current, after = fields(layout.program, now), fields(layout.program, following)

        # A layer ends with its last whole row; the pulse travels down this line until its result is written.
        rows_left = Signal(layout.row_bits + 1)
        line = Signal(COLLECT_TO_END - WHOLE_ROW - 1)
        last_row = Signal()
        m.d.comb += last_row.eq(self.row & (rows_left == 1))
        m.d.sync += line.eq(Cat(last_row, line))
        with m.If(self.row):
            m.d.sync += rows_left.eq(rows_left - 1)

        running, is_last, half = Signal(), Signal(), Signal()
        input_half = self.input_half
        begin, go_on, end, ended = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            is_last.eq(current["last"]),
            begin.eq(
                ~running & self.primed & self.input_full.bit_select(input_half, 1) & ~self.output_full.bit_select(half, 1)
            ),
            go_on.eq(running & line[COLLECT_TO_START - WHOLE_ROW - 2] & ~is_last),
            end.eq(running & line[-1] & is_last),
        ]  # fmt: skip
        m.d.sync += [self.start.eq(begin | go_on), ended.eq(end)]
        with m.If(begin | go_on):
            m.d.sync += [
                line.eq(0), now.eq(following), rows_left.eq(after["rows"]), running.eq(1),
                self.layer.eq(number), self.from_input.eq(begin), number.eq(Mux(after["last"], 0, number + 1)),
            ]  # fmt: skip
        with m.If(ended):
            m.d.sync += [running.eq(0), half.eq(~half)]
        m.d.comb += [self.signed.eq(current["signed"]), self.busy.eq(running)]
        with m.If(ended):
            m.d.comb += self.output_done.eq(Mux(half, 2, 1))

        # The input has been read for the last time when the first layer ends, with the group or before.
        first_over = Signal()
        m.d.sync += first_over.eq(go_on & self.from_input)
        with m.If(first_over | (ended & self.from_input)):
            m.d.comb += self.input_release.eq(Mux(input_half, 2, 1))
            m.d.sync += input_half.eq(~input_half)
        self._late(m, current, half)
        self._count(m, ended)
        return m

    def _late(self, m: Module, current: dict[str, Any], half: Signal) -> None:
        late = Signal(LATE)
        m.d.sync += late.eq(Cat(self.start, late))
        with m.If(late[-1]):
            m.d.sync += [
                self.offset.eq(current["offset"]), self.zero_point.eq(current["zero_point"]),
                self.low.eq(current["low"]), self.high.eq(current["high"]),
                self.to_output.eq(current["last"]), self.output_half.eq(half),
            ]  # fmt: skip
            with m.If(current["last"]):
                m.d.sync += self.outputs.eq(current["rows"])

    def _count(self, m: Module, ended: Signal) -> None:
        layout = self._layout
        m.submodules.cycles = cycles = DistributedRam(shape=unsigned(32), depth=1 << layout.layer_bits, init=[])
        write, read = cycles.write_port(), cycles.read_port(domain="comb")
        elapsed, timed = Signal(32), Signal(layout.layer_bits)
        m.d.sync += elapsed.eq(Mux(self.start, 1, elapsed + 1))
        with m.If(self.start):
            m.d.sync += timed.eq(self.layer)
        m.d.comb += [
            write.en.eq((self.start & ~self.from_input) | ended), write.addr.eq(timed), write.data.eq(elapsed),
            read.addr.eq(self.layer_cycles_address), self.layer_cycles.eq(read.data),
        ]  # fmt: skip
