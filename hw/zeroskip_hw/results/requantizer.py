"""Whole rows to 8-bit activations: bias, multiplier, shift, zero-point, clamp."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import Component, In, Out

from zeroskip.contracts.layout import CLAMP_BITS, Layout
from zeroskip.contracts.network import MULTIPLIER_BITS, RESIDUAL_FRACTION
from zeroskip.contracts.timing import requantize_stages
from zeroskip.contracts.words import bits_for
from zeroskip_hw.primitives.load import LoadableRam, load_bus
from zeroskip_hw.primitives.multiplier import Multiplier
from zeroskip_hw.primitives.words import fields

from .residual import ADDEND_BITS

LIMB = 17
"""Accumulator bits in one partial product: an unsigned 17-bit limb and the 16-bit multiplier both fit an 18-bit signed multiplier."""

NARROW = 18
"""Once shifted by a multiple of eight, a value beyond 18 bits stays beyond the clamp: the remaining shift of at most seven leaves 1023 of
it, and 2 · (255 + 128) - 1 is enough for any zero-point."""

NARROW_WITH_RESIDUAL = 33
"""The same where an addend is still to come: 2**25 - 1 is left, and 255 · 2**12 less the lowest addend, 26.7 million, is enough."""


class Requantizer(Component):
    """``clamp(zero_point + ((total + bias) · multiplier + (1 << (shift - 1)) >> shift))``; one row of ``columns`` per cycle.

    Nine cycles from ``valid`` to ``enable``, one more where the array has slopes, two more where it has tables. Adding half and shifting by
    ``shift`` is done as: shift by ``shift`` - 1, add 1, shift by 1; with a residual by its fraction in place of 1.

    Members
    -------
    load : In(load_bus)
    next_row : In
        ``row`` one cycle ahead, for the memory of bias, multiplier, shift and place.
    valid : In(1), tile_end : In(1), layer_end : In(1), total : In(columns · acc_bits)
    take : In(1)
        Of several epilogues: ``total`` is this one's; ``valid`` comes with it or later, when the last of them has got its own.
        Of several, the one that ``leads`` has the flags for all.
    zero_point, low, high, tabled, table : In
        Of the layer whose rows pass; the latter two where the array has tables.
    residual : In(1), addends : In(columns · ADDEND_BITS), residual_place : Out
        Where the array has residuals: the layer has one; see :class:`~zeroskip_hw.results.residual.Residual`, which the place goes to.
    copy_place : Out, used : Out(1)
        Where the array has residuals: the row's place in their memory, with ``place``, and whether there is a row.
    enable : Out(1), place : Out, data : Out(8 · columns), row_tile_end : Out(1), row_layer_end : Out(1)
        The activations, where they go, and the flags that came in with ``valid``.
    """

    def __init__(self, layout: Layout, rows: str, *, leads: bool) -> None:
        self._layout, self._rows, self._leads = layout, rows, leads
        self._stages = requantize_stages(layout)
        c = layout.config
        members = {
            "load": In(load_bus(layout)), "next_row": In(layout.row_bits),
            **(dict.fromkeys(("valid", "tile_end", "layer_end"), In(1)) if leads else {}), "total": In(c.acc_bits * c.columns),
            "zero_point": In(signed(CLAMP_BITS)), "low": In(signed(CLAMP_BITS)), "high": In(signed(CLAMP_BITS)),
            "place": Out(layout.place_bits), "data": Out(8 * c.columns),
            **(dict.fromkeys(("enable", "row_tile_end", "row_layer_end"), Out(1)) if leads else {}),
        }  # fmt: skip
        if c.epilogues > 1:
            members |= {"take": In(1)}
        if c.residual:
            members |= {
                "residual": In(1), "addends": In(ADDEND_BITS * c.columns), "residual_place": Out(layout.copy_bits),
                "copy_place": Out(layout.copy_bits), "used": Out(1),
            }  # fmt: skip
        if c.table_depth:
            members |= {"tabled": In(1), "table": In(bits_for(c.table_depth))}
        super().__init__(members)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        layout, c = self._layout, self._layout.config
        m.submodules.rows = rows = LoadableRam(layout, self._rows)
        rows.connect_load(m, self.load)
        m.d.comb += [rows.read_enable.eq(1), rows.read_address.eq(self.next_row)]

        # `valid` and the row memory's data arrive together; stage 1 registers both.
        constants = Signal(layout.row.width, reset_less=True)
        m.d.sync += constants.eq(rows.read_data)
        constant = fields(layout.row, constants)
        m.d.comb += self.place.eq(_delayed(m, constant["place"], self._stages - 1, "place"))
        if self._leads:
            flags = Cat(self.valid, self.tile_end, self.layer_end)
            m.d.comb += Cat(self.enable, self.row_tile_end, self.row_layer_end).eq(
                _delayed(m, flags, self._stages, "flags", reset_less=False)
            )
        if c.residual:
            m.d.comb += [
                self.residual_place.eq(constant["residual_place"]),
                *(
                    getattr(self, name).eq(_delayed(m, constant[name], self._stages - 1, name))
                    for name in ("copy_place", "used")
                ),
            ]

        # Near copies: the sequencer is far away from most columns.
        low, high = (Signal(signed(CLAMP_BITS), name=name, reset_less=True) for name in ("lowest", "highest"))
        m.d.sync += [low.eq(self.low), high.eq(self.high)]

        late = int(bool(c.slopes))
        coarse = _delayed(m, constant["shift"], 3 + late, "coarse")
        fine = _delayed(m, coarse, 2, "fine")
        rounded = [self._column(m, column, constant, coarse[3:], fine[:3]) for column in range(c.columns)]
        data = Signal(8 * c.columns, reset_less=True, name="clamped")
        m.d.sync += data.eq(Cat(*(_clamped(value, low, high) for value in rounded)))
        m.d.comb += self.data.eq(self._looked_up(m, data) if c.table_depth else data)
        return m

    def _column(self, m: Module, column: int, constant: dict[str, Value], coarse: Value, fine: Value) -> Value:
        """Stages 1 to 8 of one column (9 with slopes); returns what the next one clamps."""
        c = self._layout.config
        product_bits = c.acc_bits + MULTIPLIER_BITS
        narrow_bits = min(NARROW_WITH_RESIDUAL if c.residual else NARROW, product_bits)

        def register(shape: Any, name: str) -> Signal:
            return Signal(shape, name=f"{name}{column}", reset_less=True)

        total = register(signed(c.acc_bits), "total")
        with m.If(self.take if c.epilogues > 1 else 1):
            m.d.sync += total.eq(self.total.word_select(column, c.acc_bits))
        biased, factor = (total + constant["bias"])[: c.acc_bits], constant["multiplier"]
        if c.slopes:
            held, slope, plain = (
                register(c.acc_bits, "held"),
                register(MULTIPLIER_BITS, "slope"),
                register(MULTIPLIER_BITS, "factor"),
            )
            m.d.sync += [held.eq(biased), slope.eq(constant["slope"]), plain.eq(factor)]
            biased, factor = held, Mux(held[-1], slope, plain)
        product, shifted = register(signed(product_bits), "product"), register(signed(product_bits), "shifted")
        partials = self._partials(m, column, biased, factor)
        m.d.sync += [product.eq(sum(partials)), shifted.eq(product >> (coarse << 3))]

        narrow, fitted, moved = (register(signed(narrow_bits), name) for name in ("narrow", "fitted", "moved"))
        upper = shifted[narrow_bits - 1 :]
        m.d.comb += fitted.eq(
            Mux(
                upper.all() | ~upper.any(),
                shifted[:narrow_bits],
                Cat((~shifted[-1]).replicate(narrow_bits - 1), shifted[-1]),
            )
        )
        m.d.sync += [narrow.eq(fitted), moved.eq(narrow >> fine)]
        # Half of what was shifted and half of the zero-point's addend together need no more bits than the former alone.
        rounded = register(signed(narrow_bits), "rounded")
        if c.residual:
            total = moved + self.addends.word_select(column, ADDEND_BITS).as_signed()
            m.d.sync += rounded.eq(Mux(self.residual, total >> RESIDUAL_FRACTION, total >> 1))
        else:
            m.d.sync += rounded.eq((moved + ((self.zero_point << 1) + 1)) >> 1)
        return rounded

    def _partials(self, m: Module, column: int, biased: Value, factor: Value) -> list[Value]:
        """Two stages: the products of the limbs with the factor, whose sum is the whole product."""
        count = -(-len(biased) // LIMB)
        partials: list[Value] = []
        for i in range(count):
            limb, last = biased[LIMB * i :][:LIMB], i == count - 1
            limb = limb if last else Cat(limb, 0)  # only the last has a sign
            multiplier = Multiplier(len(limb), MULTIPLIER_BITS + 1, len(limb) + MULTIPLIER_BITS)
            m.submodules[f"multiplier{column}_{i}"] = multiplier
            m.d.comb += [multiplier.a.eq(limb.as_signed()), multiplier.b.eq(Cat(factor, 0).as_signed())]
            partials.append(multiplier.product << (LIMB * i))
        return partials

    def _looked_up(self, m: Module, data: Signal) -> Value:
        """Two stages: the table's memory, which every column has for itself, and the choice."""
        c = self._layout.config
        plain, chosen = (
            Signal.like(data, name="plain", reset_less=True),
            Signal.like(data, name="chosen", reset_less=True),
        )
        found = []
        for column in range(c.columns):
            tables = LoadableRam(self._layout, "tables")
            m.submodules[f"tables{column}"] = tables
            tables.connect_load(m, self.load)
            address = Cat(data.word_select(column, 8), self.table)
            m.d.comb += [tables.read_enable.eq(1), tables.read_address.eq(address)]
            found.append(tables.read_data)
        m.d.sync += [plain.eq(data), chosen.eq(Mux(self.tabled, Cat(*found), plain))]
        return chosen


def _clamped(value: Value, low: Value, high: Value) -> Value:
    """Only what fits the limits' bits is compared with them: a whole comparison would be the slowest path."""
    short, upper = value[:CLAMP_BITS].as_signed(), value[CLAMP_BITS - 1 :]
    fits, negative = upper.all() | ~upper.any(), value[-1]
    too_low, too_high = Mux(fits, short < low, negative), Mux(fits, short > high, ~negative)
    return Mux(too_low, low, Mux(too_high, high, short))[:8]


def _delayed(m: Module, value: Value, cycles: int, name: str, *, reset_less: bool = True) -> Value:
    for stage in range(cycles):
        later = Signal(len(value), name=f"{name}{stage}", reset_less=reset_less)
        m.d.sync += later.eq(value)
        value = later
    return value
