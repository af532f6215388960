"""Runs the layers of the program, one group of samples after the other, and counts their cycles."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Shape, Signal, unsigned
from amaranth.lib.memory import Memory as DistributedRam
from amaranth.lib.wiring import Component, In, Out

from zeroskip.contracts.layout import Layout
from zeroskip.contracts.timing import WRITTEN_TO_END, WRITTEN_TO_START
from zeroskip_hw.primitives.load import LoadableRam, load_bus
from zeroskip_hw.primitives.words import fields

LATE = 4
"""From a layer's start until its constants reach the requantizer, by when the last rows of the layer before have left it."""

EARLY_FIELDS = ("width", "write_step", "band", "maximum", "residual_step", "turns", "tiles", "across")
LATE_FIELDS = (
    "to_output", "zero_point", "low", "high", "residual", "residual_signed", "residual_zero", "residual_multiplier", "tabled", "table",
    "copied",
)  # fmt: skip
"""Fields of the program word, as far as the array has them, that are given out with a layer's start, and ``LATE`` cycles after it."""


def given_out(layout: Layout, names: tuple[str, ...]) -> dict[str, Shape]:
    """The fields of ``names`` that the program word has."""
    return {field.name: Shape(field.width, field.signed) for field in layout.program if field.name in names}


class Sequencer(Component):
    """Starts a layer when the one before has written its last row, and a group when its input is there and all lanes stand primed.

    Members
    -------
    load : In(load_bus)
    primed : In(1)
        All lanes are.
    next_input_full : In(2), input_release : Out(2)
        The halves of the input buffer: filled in the next cycle, whether or not they are released now; read for the last time.
    next_output_full : In(2), output_done : Out(2)
        The halves of the output buffer: not yet sent in the next cycle, whether or not they are filled now; filled.
    finished : In(1)
        The layer's last write is under way.
    start : Out(1), rewind : Out(1), layer : Out, input_half : Out(1)
        For merge and tiles, from the start of a layer to its end; ``rewind`` with the first layer's start.
    one member for each of ``EARLY_FIELDS`` : Out
        In the same way.
    one member for each of ``LATE_FIELDS``, output_half : Out
        For requantizer and buffers, taken over ``LATE`` cycles after the start.
    outputs : Out
        Activations of one output sample, from when the last layer was started first.
    layer_cycles_address : In, layer_cycles : Out(32)
        Cycles of each layer of the latest group; the answer comes in the same cycle.
    busy : Out(1)
        A group is being computed.
    working : Out(1)
        A group is being computed, or could be, were all lanes primed.
    elapsed : Out(32)
        Cycles since the present layer's start.
    fault : Out(1)
        No layer of the program is its last, or not exactly one releases the input: it would never come to an end.
    halt : In(1)
        No layer and no group starts or ends any more.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._early, self._late_fields = given_out(layout, EARLY_FIELDS), given_out(layout, LATE_FIELDS)
        super().__init__({
            "load": In(load_bus(layout)), "primed": In(1),
            "next_input_full": In(2), "input_release": Out(2), "next_output_full": In(2), "output_done": Out(2),
            "finished": In(1),
            "start": Out(1), "rewind": Out(1), "layer": Out(layout.layer_bits), "input_half": Out(1),
            **{name: Out(shape) for name, shape in (self._early | self._late_fields).items()},
            "output_half": Out(1), "outputs": Out(layout.output_bits),
            "layer_cycles_address": In(layout.layer_bits), "layer_cycles": Out(32), "busy": Out(1),
            "working": Out(1), "elapsed": Out(32), "fault": Out(1), "halt": In(1),
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

        # The pulse that ends a layer travels down this line until the next may start, and the group has ended.
        to_start, to_end = WRITTEN_TO_START - 2, WRITTEN_TO_END - 1
        line = Signal(max(to_end, to_start))
        taps = Cat(self.finished, line)
        m.d.sync += line.eq(taps)

        running = Signal()
        began = Signal()
        half = Signal()
        input_half = self.input_half
        begin = Signal()
        go_on = Signal()
        end = Signal()
        ending = Signal()
        ended = Signal()
        release = Signal()
        # Both are decided a cycle ahead: what starts a layer goes to many registers.
        could = Signal()
        going = Signal()
        m.d.sync += [
            could.eq(
                self.next_input_full.bit_select(input_half ^ release, 1)
                & ~self.next_output_full.bit_select(half ^ ended, 1)
            ),
            going.eq(running & taps[to_start] & ~current["last"]),
        ]
        m.d.comb += [
            self.working.eq(running | could),
            begin.eq(~running & self.primed & could & ~self.halt), go_on.eq(going & ~self.halt),
            end.eq(running & taps[to_end] & current["last"]), ended.eq(ending & ~self.halt),
        ]  # fmt: skip
        m.d.sync += [self.start.eq(begin | go_on), began.eq(begin), ending.eq(end)]
        with m.If(begin | go_on):
            m.d.sync += [
                now.eq(following), running.eq(1), self.layer.eq(number), number.eq(Mux(after["last"], 0, number + 1)),
            ]  # fmt: skip
        with m.If(ended):
            m.d.sync += [running.eq(0), half.eq(~half)]
        m.d.comb += [
            self.busy.eq(running), self.rewind.eq(began), *(getattr(self, name).eq(current[name]) for name in self._early),
        ]  # fmt: skip
        with m.If(ended):
            m.d.comb += self.output_done.eq(Mux(half, 2, 1))

        # Some layer is the last that reads the input; it is released when that one ends, with the group or before.
        read = Signal()
        kept = Signal()
        m.d.sync += [read.eq(go_on & current["release"]), kept.eq((kept | began) & ~release)]
        m.d.comb += [
            release.eq(read | (ended & current["release"])),
            # A program whose number of the next layer has come round to 0 has no last one.
            self.fault.eq((go_on & ~number.any()) | (ended & kept & ~release) | (release & ~kept)),
        ]  # fmt: skip
        with m.If(release):
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
                self.output_half.eq(half),
                *(getattr(self, name).eq(current[name]) for name in self._late_fields),
            ]
            with m.If(current["to_output"]):
                m.d.sync += self.outputs.eq(current["outputs"])

    def _count(self, m: Module, ended: Signal) -> None:
        layout = self._layout
        m.submodules.cycles = cycles = DistributedRam(shape=unsigned(32), depth=1 << layout.layer_bits, init=[])
        write, read = cycles.write_port(), cycles.read_port(domain="comb")
        elapsed = self.elapsed
        timed = Signal(layout.layer_bits)
        m.d.sync += elapsed.eq(Mux(self.start, 1, elapsed + 1))
        with m.If(self.start):
            m.d.sync += timed.eq(self.layer)
        m.d.comb += [
            write.en.eq((self.start & ~self.rewind) | ended), write.addr.eq(timed), write.data.eq(elapsed),
            read.addr.eq(self.layer_cycles_address), self.layer_cycles.eq(read.data),
        ]  # fmt: skip
