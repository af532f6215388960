"""The operand of an addition: read beside the result that it is added to, and scaled."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import Component, In, Out, Signature

from zeroskip.contracts.layout import CLAMP_BITS, COPY_MEMORY, Layout
from zeroskip.contracts.network import MULTIPLIER_BITS, RESIDUAL_FRACTION
from zeroskip.contracts.words import bits_for
from zeroskip_hw.primitives.broadcast import registered
from zeroskip_hw.primitives.multiplier import Multiplier
from zeroskip_hw.primitives.ram import Ram

from .tiles import place_queue, tile_place

WITHIN = bits_for(COPY_MEMORY)
"""Of an address, those within one memory."""

ADDEND_BITS = 26
"""Holds the scaled residual, at most 383 · (2**16 - 1), with zero-point and half: below 26.2 million."""


def copy_write(layout: Layout) -> Signature:
    """Broadcast of results to what additions read. enable : one bit per column; address; data : 8 bits per column"""
    return Signature({
        "enable": Out(layout.config.columns), "address": Out(layout.copy_bits), "data": Out(layout.config.columns * 8),
    })  # fmt: skip


class Residual(Component):
    """A memory of its own of the activations that are added, since the lanes' memories are read in every cycle; one read per cycle.

    Gives what is added to a scaled sum before its last shift: the residual less its zero-point, times the multiplier; the output's
    zero-point; half. Six cycles behind ``place``, or seven where the array has slopes; in layers without a residual only the latter two.

    Members
    -------
    copy : In(copy_write)
        Takes effect one cycle later.
    tile : In(tile_place)
    valid, tile_end : In(1)
        A bundle of rows leaves the merge; its tile's last.
    place : In
        One cycle later: the place of this epilogue's row in the residual.
    residual, residual_signed : In(1), residual_zero, residual_multiplier, zero_point : In
        Of the layer.
    addends : Out(columns · ADDEND_BITS)
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        super().__init__({
            "copy": In(copy_write(layout)), "tile": In(tile_place(layout)), "valid": In(1), "tile_end": In(1),
            "place": In(layout.copy_bits), "residual": In(1), "residual_signed": In(1), "residual_zero": In(signed(CLAMP_BITS)),
            "residual_multiplier": In(MULTIPLIER_BITS), "zero_point": In(signed(CLAMP_BITS)),
            "addends": Out(ADDEND_BITS * layout.config.columns),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        layout, c = self._layout, self._layout.config
        write = copy_write(layout).create(path=("write",))
        registered(m, self.copy, write)
        (offset,) = place_queue(m, "places", self.tile.fresh, [self.tile.residual], self.valid & self.tile_end)
        offset1, address2 = (Signal(layout.copy_bits, name=name, reset_less=True) for name in ("offset1", "address2"))
        m.d.sync += [offset1.eq(offset), address2.eq(self.place + offset1)]
        held4 = reduce(or_, self._memories(m, write, address2))
        rest = Signal(signed(ADDEND_BITS), reset_less=True)
        m.d.sync += rest.eq(
            Mux(
                self.residual,
                (self.zero_point << RESIDUAL_FRACTION) + (1 << (RESIDUAL_FRACTION - 1)),
                (self.zero_point << 1) + 1,
            )
        )
        addends = []
        for column in range(c.columns):
            byte = held4.word_select(column, 8)
            multiplier = Multiplier(CLAMP_BITS + 1, MULTIPLIER_BITS + 1, CLAMP_BITS + 1 + MULTIPLIER_BITS)
            m.submodules[f"multiplier{column}"] = multiplier
            addend = Signal(signed(ADDEND_BITS), name=f"addend{column}", reset_less=True)
            value = Cat(byte, byte[7] & self.residual_signed).as_signed() - self.residual_zero
            m.d.comb += [
                multiplier.a.eq(Mux(self.residual, value, 0)),  # what is read without one may never have been written
                multiplier.b.eq(Cat(self.residual_multiplier, 0).as_signed()),
            ]
            m.d.sync += addend.eq(multiplier.product + rest)
            if c.slopes:
                later = Signal.like(addend, name=f"addend_late{column}", reset_less=True)
                m.d.sync += later.eq(addend)
                addend = later
            addends.append(addend)
        m.d.comb += self.addends.eq(Cat(*addends))
        return m

    def _memories(self, m: Module, write: Any, address: Value) -> list[Signal]:
        """The registers behind the memories, whose OR is the word read two cycles before."""
        layout, c = self._layout, self._layout.config
        held = []
        for number, depth in enumerate(layout.copy_depths):
            ram = Ram(width=8 * c.columns, depth=depth, parts=c.columns, block=True)
            m.submodules[f"copies{number or ''}"] = ram
            written, wanted = write.enable, Signal(name=f"wanted{number}")
            m.d.comb += wanted.eq((address >> WITHIN) == number if len(layout.copy_depths) > 1 else 1)
            if len(layout.copy_depths) > 1:
                written = written & ((write.address >> WITHIN) == number).replicate(c.columns)
            m.d.comb += [
                ram.write_enable.eq(written), ram.write_address.eq(write.address), ram.write_data.eq(write.data),
                ram.read_enable.eq(1), ram.read_address.eq(address),
            ]  # fmt: skip
            unread = Signal(name=f"unread{number}", reset_less=True)
            register = Signal(8 * c.columns, name=f"held{number}", reset_less=True)
            m.d.sync += [unread.eq(~wanted), register.eq(ram.read_data)]
            with m.If(unread):
                m.d.sync += register.eq(0)
            held.append(register)
        return held
