"""Holds the outputs of a group and sends them sample by sample."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib.wiring import Component, In, Out, Signature

from zeroskip.contracts.layout import Layout
from zeroskip.contracts.words import bits_for
from zeroskip_hw.primitives.ram import Ram

READ_STAGES = 3
"""Memory, its register, choice of the column."""


def output_write(layout: Layout) -> Signature:
    """Outputs of every column. enable; address; data : 8 bits per column that outputs come from"""
    return Signature({
        "enable": Out(1), "address": Out(layout.result_bits), "data": Out(8 * layout.group_samples),
    })  # fmt: skip


class Unloader(Component):
    """Two halves, one sent while the other is filled; one beat per cycle, also across samples and groups.

    The first beat is valid four cycles after ``done``.

    Members
    -------
    write : In(output_write), half : In(1)
        Outputs, of all columns or, where these hold strips, of the lowest; and the half that they go to.
    outputs : In
        Of one sample; constant while the array runs.
    done : In(2), full : Out(2), next_full : Out(2)
        Halves: completely written; not yet sent; the same a cycle ahead, but for what is written now.
    valid : Out(1), ready : In(1), data : Out(stream_bits), keep : Out(stream_bits / 8), last : Out(1)
        AXI4-Stream; TLAST ends each sample, TKEEP marks the elements of a partial last beat.
    group_end : Out(1)
        With ``last``: the sample is its group's last.
    busy : Out(1)
        Something is yet to be sent.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        c = layout.config
        super().__init__({
            "write": In(output_write(layout)), "half": In(1), "outputs": In(layout.output_bits),
            "done": In(2), "full": Out(2), "next_full": Out(2),
            "valid": Out(1), "ready": In(1), "data": Out(c.stream_bits), "keep": Out(c.stream_elements),
            "last": Out(1), "group_end": Out(1), "busy": Out(1),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        layout, c = self._layout, self._layout.config
        banks, bank_bits, samples = c.stream_elements, layout.bank_bits, layout.group_samples
        position = bits_for(-(-c.output_depth // banks))
        advance = Signal()
        m.d.comb += advance.eq(~self.valid | self.ready)

        # Stage 0: which beat of which column.
        half = Signal()
        column = Signal(range(max(2, samples)))
        beat = Signal(position)
        left = Signal(layout.output_bits)
        fresh = Signal(init=1)
        remaining = Signal.like(left)
        read = Signal()
        sample_end = Signal()
        group_end = Signal()
        m.d.comb += [
            remaining.eq(Mux(fresh, self.outputs, left)),
            read.eq(self.full.bit_select(half, 1)), sample_end.eq(remaining <= banks),
            group_end.eq(sample_end & (column == samples - 1)),
        ]  # fmt: skip
        keep = Cat(*(remaining > bank for bank in range(banks)))
        release = Signal(2)
        with m.If(advance & read):
            m.d.sync += [beat.eq(beat + 1), left.eq(remaining - banks), fresh.eq(sample_end)]
            with m.If(sample_end):
                m.d.sync += [beat.eq(0), column.eq(Mux(group_end, 0, column + 1))]
            with m.If(group_end):
                m.d.sync += half.eq(~half)
                m.d.comb += release.eq(Mux(half, 2, 1))
        m.d.comb += self.next_full.eq(self.full & ~release)
        m.d.sync += self.full.eq((self.full | self.done) & ~release)

        # Stages 1 to 3.
        data = []
        for bank in range(banks):
            ram = Ram(width=8 * samples, depth=2 << position)
            m.submodules[f"bank{bank}"] = ram
            held = Signal(8 * samples, name=f"held{bank}", reset_less=True)
            mine = 1 if bank_bits == 0 else self.write.address[:bank_bits] == bank
            m.d.comb += [
                ram.write_enable.eq(self.write.enable & mine),
                ram.write_address.eq(Cat((self.write.address >> bank_bits)[:position], self.half)),
                ram.write_data.eq(self.write.data),
                ram.read_enable.eq(advance), ram.read_address.eq(Cat(beat, half)),
            ]  # fmt: skip
            with m.If(advance):
                m.d.sync += held.eq(ram.read_data)
            data.append(held)
        waiting = [self.full.any(), self.valid]
        flags = Cat(read, sample_end, group_end, column, keep)
        for stage in range(1, READ_STAGES):
            later = Signal(len(flags), name=f"flags{stage}")
            with m.If(advance):
                m.d.sync += later.eq(flags)
            flags = later
            waiting.append(flags[0])
        m.d.comb += self.busy.eq(Cat(*waiting).any())
        column2, keep2 = flags[3 : 3 + len(column)], flags[3 + len(column) :]
        chosen = [
            Array([held.word_select(i, 8) for i in range(samples)])[column2] if samples > 1 else held for held in data
        ]
        with m.If(advance):
            m.d.sync += [
                self.valid.eq(flags[0]), self.last.eq(flags[1]), self.group_end.eq(flags[2]), self.keep.eq(keep2),
                self.data.eq(Cat(*(byte & bit.replicate(8) for byte, bit in zip(chosen, keep2, strict=True)))),
            ]  # fmt: skip
        return m
