"""Whole rows to 8-bit activations: bias, multiplier, shift, zero-point, clamp."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib.wiring import Component, In, Out

from zeroskip.spec.layout import CLAMP_BITS, Layout
from zeroskip.spec.network import MULTIPLIER_BITS

from .load import LoadableRam, load_bus
from .words import fields

STAGES = 9
"""From a whole row to its activation."""

LIMB = 17
"""Accumulator bits in one partial product: an unsigned 17-bit limb and the 16-bit multiplier both fit an 18-bit signed multiplier."""

NARROW = 19
"""Once shifted by a multiple of eight, a value beyond 19 bits stays beyond the clamp after the remaining shift of at most seven."""


class Requantizer(Component):
    """``clamp(zero_point + ((total + bias) · multiplier + (1 << (shift - 1)) >> shift))``; one row of ``columns`` per cycle.

    Nine cycles from ``valid`` to ``enable``. Adding half and shifting by ``shift`` is done as: shift by ``shift`` - 1, add 1, shift by 1.

    Members
    -------
    load : In(load_bus)
    next_row : In
        ``row`` one cycle ahead, for the memory of bias, multiplier and shift.
    valid : In(1), row : In, total : In(columns · acc_bits)
    offset, zero_point, low, high : In
        Of the layer whose rows pass; ``offset`` + ``row`` is the address of the result, modulo its width.
    enable : Out(1), address : Out, data : Out(8 · columns)
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        c = layout.config
        super().__init__({
            "load": In(load_bus(layout)), "next_row": In(layout.row_bits),
            "valid": In(1), "row": In(layout.row_bits), "total": In(c.acc_bits * c.columns),
            "offset": In(layout.store_bits), "zero_point": In(signed(8)),
            "low": In(signed(CLAMP_BITS)), "high": In(signed(CLAMP_BITS)),
            "enable": Out(1), "address": Out(layout.store_bits), "data": Out(8 * c.columns),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        layout, c = self._layout, self._layout.config
        m.submodules.rows = rows = LoadableRam(layout, "rows")
        rows.connect_load(m, self.load)
        m.d.comb += [rows.read_enable.eq(1), rows.read_address.eq(self.next_row)]

        # `valid` and the row memory's data arrive together; stage 1 registers both.
        constants = Signal(layout.row.width, reset_less=True)
        m.d.sync += constants.eq(rows.read_data)
        constant = fields(layout.row, constants)
        valid, row = self.valid, self.row
        for stage in range(1, STAGES):
            valid_next, row_next = (
                Signal(name=f"valid{stage}"),
                Signal(layout.row_bits, name=f"row{stage}", reset_less=True),
            )
            m.d.sync += [valid_next.eq(valid), row_next.eq(row)]
            valid, row = valid_next, row_next
        m.d.sync += [self.enable.eq(valid), self.address.eq(row + self.offset)]

        multiplier = Signal(MULTIPLIER_BITS, reset_less=True)
        shift = constant["shift"]
        m.d.sync += multiplier.eq(constant["multiplier"])
        for stage in range(2, 7):
            later = Signal.like(shift, name=f"shift{stage}", reset_less=True)
            m.d.sync += later.eq(shift)
            shift = later
            if stage == 4:
                coarse = later
        bytes_out = [
            self._column(m, column, constant["bias"], multiplier, coarse[3:], shift[:3]) for column in range(c.columns)
        ]
        m.d.sync += self.data.eq(Cat(*bytes_out))
        return m

    def _column(self, m: Module, column: int, bias: Any, multiplier: Signal, coarse: Any, fine: Any) -> Any:
        """Stages 1 to 8 of one column; returns what stage 9 registers."""
        c = self._layout.config
        product_bits = c.acc_bits + MULTIPLIER_BITS

        def register(shape: Any, name: str) -> Signal:
            return Signal(shape, name=f"{name}{column}", reset_less=True)

        total, biased = register(signed(c.acc_bits), "total"), register(signed(c.acc_bits), "biased")
        m.d.sync += [total.eq(self.total.word_select(column, c.acc_bits)), biased.eq(total + bias)]

        limbs = [biased[i : i + LIMB] for i in range(0, c.acc_bits, LIMB)]
        limbs[-1] = limbs[-1].as_signed()
        partials = []
        for i, limb in enumerate(limbs):
            partial = register(signed(len(limb) + MULTIPLIER_BITS + 1), f"partial{i}_")
            m.d.sync += partial.eq(limb * multiplier)
            partials.append(partial << (LIMB * i))
        product, shifted = register(signed(product_bits), "product"), register(signed(product_bits), "shifted")
        m.d.sync += [product.eq(sum(partials)), shifted.eq(product >> (coarse << 3))]

        narrow, fitted, moved = (register(signed(NARROW), name) for name in ("narrow", "fitted", "moved"))
        upper = shifted[NARROW - 1 :]
        m.d.comb += fitted.eq(
            Mux(upper.all() | ~upper.any(), shifted[:NARROW], Cat((~shifted[-1]).replicate(NARROW - 1), shifted[-1]))
        )
        m.d.sync += [narrow.eq(fitted), moved.eq(narrow >> fine)]
        rounded = register(signed(NARROW), "rounded")
        m.d.sync += rounded.eq((moved + ((self.zero_point << 1) + 1)) >> 1)
        return Mux(rounded < self.low, self.low, Mux(rounded > self.high, self.high, rounded))[:8]
