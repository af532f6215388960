"""The rows of a lane: every bit's tap, and whether it is its row's first, in any stream of rows none of which is empty."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

import pytest
from amaranth.hdl import Cat, Module, Mux, Signal, Value
from tests.formal.prove import Model
from tests.formal.spec import Spec, mutant
from tests.hw.bench import layout_of

from zeroskip.contracts.layout import LEAF_BITS
from zeroskip_hw.lane import rows
from zeroskip_hw.lane.pick import token


@dataclass(frozen=True)
class Bit:
    """What comes in a cycle, if anything: a bit that is set or, without ``weight``, a layer that has none for the lane.

    row, place : number of the bit's row, and the bit's number there; ``opens`` its row, its tile
    """

    valid: Value
    weight: Value
    tile_end: Value
    layer_end: Value
    row: Value
    place: Value
    opens_row: Value
    opens_tile: Value

    @property
    def flags(self) -> Value:
        return Cat(self.valid, self.weight, self.tile_end, self.layer_end)

    def later(self, m: Module, advance: Value) -> Bit:
        """The same one stage of the pipeline further."""
        stage = {name: Signal.like(Value.cast(value), name=f"{name}_later") for name, value in vars(self).items()}
        with m.If(advance):
            m.d.sync += [stage[name].eq(value) for name, value in vars(self).items()]
        return Bit(**stage)


def spec(module: ModuleType = rows, *, taps: int) -> Model:
    """The stream is given as numbers of rows and of bits within them, and the module is told no more than their positions.

    The numbers of rows have as many bits as positions and wrap around like them, which is no loss: they may grow without end.
    taps : of the longest row
    """
    layout = layout_of(tap_depth=taps, word=8)
    dut = module.Rows(layout)
    s = Spec(dut)
    m = s.m
    bits, advance = layout.position_bits, dut.advance

    # The bit before, and what the next one opens.
    row_before, place_before = Signal(bits, name="row_before"), Signal(bits, name="place_before")
    opens_tile, opens_layer = Signal(init=1, name="opens_tile"), Signal(init=1, name="opens_layer")
    row, place = s.choice(bits, "row"), s.choice(bits, "place")
    source = dut.source
    now = Bit(
        source.valid, source.weight, source.tile_end, source.layer_end, row, place,
        source.weight & (opens_tile | (row != row_before)), opens_tile,
    )  # fmt: skip
    with m.If(advance & now.valid):
        m.d.sync += [
            row_before.eq(row), place_before.eq(place), opens_tile.eq(now.tile_end), opens_layer.eq(now.layer_end),
        ]  # fmt: skip
    stages = [now]
    for _ in range(3):
        stages.append(stages[-1].later(m, advance))
    _, one, two, out = stages

    is_bit = now.valid & now.weight
    position = (row * dut.n + place)[:bits]
    # The lowest bit of a leaf is chosen, whose place is that of the leaf.
    s.assume("position", ~is_bit | ((dut.lowest == 1 << position[:LEAF_BITS]) & (dut.place == position[LEAF_BITS:])))
    s.assume("bit of its row", ~is_bit | (place < dut.n))
    s.assume("a tile begins in its first row", ~is_bit | ~opens_tile | (row == 0))
    # Bits are chosen in the order of the stream; the pack gives a lane no row without a bit.
    in_row, in_next = (row == row_before) & (place > place_before), row == (row_before + 1)[:bits]
    s.assume("no row is empty", ~is_bit | opens_tile | in_row | in_next)
    # The fetch puts one empty word for such a layer, which ends it.
    s.assume("a layer without weights", ~now.valid | now.weight | (opens_layer & now.tile_end & now.layer_end))
    s.assume("a layer ends with a tile", now.tile_end | ~now.layer_end)
    # A row's taps lie behind one another, in a memory that is as deep as the longest has bits, or deeper.
    s.assume("taps", (dut.n <= 1 << layout.tap_bits) & (dut.tap_next == (dut.tap_base + dut.n)[: layout.tap_bits]))
    # Constants come when the lane has closed: its pipeline is empty then.
    constants = Cat(dut.n, dut.tap_base)
    at_work = Cat(*(stage.valid for stage in stages)).any() | ~opens_layer
    s.assume("constants", ~s.before(at_work) | (constants == s.before(constants)))

    s.always("token", Cat(*(getattr(dut.token, name) for name in token().members)) == out.flags)
    s.always("tap", ~(out.valid & out.weight) | (dut.tap == (dut.tap_base + out.place)[: layout.tap_bits]))
    s.always("first of its row", ~out.valid | (dut.first == out.opens_row))
    s.always("first of its tile", ~out.valid | (dut.tile_first == out.opens_tile))
    s.cover(
        "a row's last bit behind its first",
        out.valid & (dut.n == 1 << layout.tap_bits) & (out.place == dut.n - 1) & ~out.opens_row,
    )
    s.cover(
        "a tile behind a longer one",
        out.valid & out.opens_tile & s.before(out.valid & ~out.opens_tile & (out.row == 2)),
    )

    # What makes these inductive: what the stages hold of the bits within, and where the row of the bit before ends.
    inner1, inner2 = (Cat(*(getattr(s.inner(f"token{i}"), name) for name in token().members)) for i in (1, 2))
    s.always("tokens within", (inner1 == one.flags) & (inner2 == two.flags))
    s.always("position 1", ~(one.valid & one.weight) | (s.inner("position") == (one.row * dut.n + one.place)[:bits]))
    s.always("latest 1", ~one.valid | (
        (row_before == one.row) & (place_before == one.place) & (opens_tile == one.tile_end) & (opens_layer == one.layer_end)
    ))  # fmt: skip
    for number, stage in enumerate(stages[1:], 1):
        s.always(
            f"bit of its row {number}",
            (~(stage.valid & stage.weight) | (stage.place < dut.n)) & (stage.weight | ~stage.opens_row),
        )
    fresh, end = s.inner("fresh"), s.inner("end")
    s.always("fresh", fresh == Mux(one.valid, one.opens_tile, opens_tile))
    s.always("layers", opens_tile | ~opens_layer)
    s.always("without weights 1", ~one.valid | one.weight | (one.opens_tile & one.tile_end))
    s.always("first row", ~(one.valid & one.weight & one.opens_tile) | (one.opens_row & (one.row == 0)))
    next_row = (row_before + ~(one.valid & one.opens_row))[:bits]
    s.always("end", end == Mux(fresh, 0, (next_row * dut.n)[:bits]))
    s.always("beyond", ~(two.valid & two.weight) | (
        (s.inner("wrapped") == two.opens_row) & (s.inner("beyond") == (two.place - Mux(two.opens_row, 0, dut.n))[:bits])
    ))  # fmt: skip
    s.always("fresh 2", ~two.valid | (s.inner("fresh_later") == two.opens_tile))
    return s.model()


@pytest.mark.parametrize("taps", [8, 32])
def test_proof(taps: int) -> None:
    model = spec(taps=taps)
    assert model.unproved(k=1) is None
    assert not model.uncovered(depth=10)


@pytest.mark.parametrize(
    "fault, old, new",
    [
        ("token", "passed_on(m, self.advance, token1, token2)", "passed_on(m, 1, token1, token2)"),
        ("tap", "beyond.eq(distance)", "beyond.eq(position)"),
        ("tap", "Mux(wrapped, self.tap_base, self.tap_next)", "Mux(wrap, self.tap_base, self.tap_next)"),
        (
            "first of its row",
            "distance = Signal(len(self.n))",
            "distance = Signal(len(self.n) - 1)",
        ),
        ("first of its row", "end.eq(end + self.n)", "end.eq(position + self.n)"),
        ("first of its row", "with m.If(token1.tile_end)", "with m.If(token1.layer_end)"),
        ("first of its row", "with m.If(self.advance & token1.valid)", "with m.If(self.advance)"),
        ("first of its row", "with m.If(self.advance & token1.valid)", "with m.If(token1.valid)"),
        ("first of its row", "wrapped & token2.weight", "wrapped"),
        ("first of its tile", "fresh.eq(token1.tile_end)", "fresh.eq(token1.layer_end)"),
    ],
)
def test_a_fault_is_found(fault: str, old: str, new: str) -> None:
    model = spec(mutant(rows, old, new), taps=8)
    assert model.unproved(k=1) is not None
    assert model.refuted(fault, depth=8) is not None
