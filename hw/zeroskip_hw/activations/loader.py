"""Takes samples from the input stream into one half of the input buffer while the other half is computed."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib.wiring import Component, In, Out

from zeroskip.contracts.layout import Layout
from zeroskip_hw.primitives.load import LoadableRam, load_bus
from zeroskip_hw.primitives.words import fields

from .store import input_write, position_bits


def loader_members(layout: Layout) -> dict[str, Any]:
    """The members of either loader."""
    return {
        "load": In(load_bus(layout)), "enable": In(1),
        "valid": In(1), "ready": Out(1), "data": In(layout.config.stream_bits), "last": In(1),
        "write": Out(input_write(layout)), "full": Out(2), "release": In(2), "first": Out(1), "accepted": Out(1),
        "early_last": Out(1), "late_last": Out(1),
    }  # fmt: skip


class Loader(Component):
    """One beat per cycle, and one cycle's pause after each sample, in which its length is checked.

    A sample of wrong length is dropped whole and reported; the next starts after its TLAST. Inputs that no weight reads are dropped: each
    bank stores those of its elements that the beat's word in the ``input`` memory keeps, one after the other.

    Members
    -------
    load : In(load_bus)
    enable : In(1)
        TREADY stays low without it.
    valid : In(1), ready : Out(1), data : In(stream_bits), last : In(1)
        AXI4-Stream. ``ready`` does not depend on ``valid``.
    write : Out(input_write)
    full : Out(2), release : In(2)
        Halves of the buffer: filled; no longer needed.
    first : Out(1)
        The first beat of a group is taken, or again of one whose first sample was dropped.
    accepted : Out(1)
        A sample is complete and stays.
    early_last, late_last : Out(1)
        A sample was too short; too long.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        super().__init__(loader_members(layout))

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        layout, c = self._layout, self._layout.config
        m.submodules.beats = beats = LoadableRam(layout, "input")
        beats.connect_load(m, self.load)

        # Stage 0: a beat is taken while the memory looks up which of its elements are kept.
        half, resting, at_start = Signal(), Signal(), Signal(init=1)
        column = Signal(c.columns, init=1)
        beat = Signal.like(beats.read_address, name="beat")
        take = Signal()
        m.d.comb += [
            self.ready.eq(self.enable & ~resting & ~self.full.bit_select(half, 1)), take.eq(self.valid & self.ready),
            beats.read_enable.eq(take), beats.read_address.eq(beat),
            self.first.eq(take & at_start & column[0]),
        ]  # fmt: skip
        with m.If(take):
            m.d.sync += [beat.eq(Mux(self.last, 0, beat + 1)), at_start.eq(self.last)]

        # Stage 1: check and store.
        held, is_last = Signal(c.stream_bits, reset_less=True), Signal()
        taken, dropping = Signal(), Signal()
        m.d.sync += [held.eq(self.data), taken.eq(take), is_last.eq(take & self.last), resting.eq(take & self.last)]
        word = fields(layout.beat, beats.read_data)
        finish, accepted = Signal(), self.accepted
        m.d.comb += [
            finish.eq(taken & is_last), accepted.eq(finish & word["last"] & ~dropping),
            self.early_last.eq(finish & ~word["last"] & ~dropping),
            self.late_last.eq(taken & ~is_last & word["last"] & ~dropping),
        ]  # fmt: skip
        with m.If(finish):
            m.d.sync += dropping.eq(0)
        with m.Elif(self.late_last):
            m.d.sync += dropping.eq(1)

        keep = word["keep"] & (taken & ~dropping).replicate(c.stream_elements)
        positions = []
        for bank in range(c.stream_elements):
            position = Signal(position_bits(layout), name=f"position{bank}")
            with m.If(finish):
                m.d.sync += position.eq(0)
            with m.Elif(keep[bank]):
                m.d.sync += position.eq(position + 1)
            positions.append(position)
        m.d.sync += [
            self.write.enable.eq(keep), self.write.column.eq(column), self.write.half.eq(half),
            self.write.position.eq(Cat(*positions)), self.write.data.eq(held),
        ]  # fmt: skip

        filled = Signal(2)
        with m.If(accepted):
            m.d.sync += column.eq(column.rotate_left(1))
            with m.If(column[-1]):
                m.d.sync += half.eq(~half)
                m.d.comb += filled.eq(Mux(half, 2, 1))
        m.d.sync += self.full.eq((self.full | filled) & ~self.release)
        return m
