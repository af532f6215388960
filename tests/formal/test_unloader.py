"""The unloader: its offers are stable and well formed, and each byte is the one that was written, in its place, once."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

import pytest
from amaranth.hdl import Array, Cat, Mux, Signal, Value, signed
from tests.formal.prove import Model
from tests.formal.spec import Spec, mutant
from tests.hw.bench import layout_of

from zeroskip_hw.activations import unloader

ARRAYS = {
    "bytes": {"stream_bits": 8, "columns": 1, "output_depth": 5},
    "three samples": {"stream_bits": 16, "columns": 3, "output_depth": 6, "strips": False},
    "wide": {"stream_bits": 64, "columns": 2, "output_depth": 20, "strips": False},
    "strips": {"stream_bits": 32, "columns": 4, "output_depth": 12},
}


@dataclass(frozen=True)
class Beat:
    """What a register of the pipeline holds, or what the port offers."""

    valid: Value
    last: Value
    group_end: Value


@dataclass(frozen=True)
class Place:
    """Where in the output stream a beat belongs.

    sent : outputs of its sample before it
    sample : of its group
    in_hand : groups that were given and have not ended before it
    ahead : groups before the followed one; negative behind it
    """

    sent: Value
    sample: Value
    in_hand: Value
    ahead: Value

    def behind(self, beat: Beat, banks: int) -> Place:
        sample_end, group_end = beat.valid & beat.last, beat.valid & beat.group_end
        return Place(
            Mux(sample_end, 0, self.sent + Mux(beat.valid, banks, 0))[: len(self.sent)],
            Mux(group_end, 0, self.sample + sample_end)[: len(self.sample)],
            (self.in_hand - group_end)[: len(self.in_hand)], self.ahead - group_end,
        )  # fmt: skip


def spec(array: str, module: ModuleType = unloader) -> Model:
    """The place of the offered beat, counted at the port, says what it must look like.

    One output of one group, any, is followed: what was written there last before the group was given must be in its place of the stream.
    The memories are those of Amaranth's simulator, not the Verilog ``zs_ram``.
    """
    layout = layout_of(**ARRAYS[array])
    banks, samples = layout.config.stream_elements, layout.group_samples
    dut = module.Unloader(layout)
    s = Spec(dut)
    m = s.m

    # What the array keeps to: halves are filled in turn, and neither written nor given while full.
    outputs, turn, given = s.constant(layout.output_bits, "outputs"), Signal(name="turn"), dut.done.any()
    m.d.sync += turn.eq(turn ^ given)
    s.assume("outputs", (dut.outputs == outputs) & (outputs != 0) & (outputs <= layout.config.output_depth))
    s.assume("given in turn", (dut.done == 0) | (dut.done == Mux(turn, 2, 1)))
    s.assume("given when empty", (dut.done & dut.full) == 0)
    s.assume(
        "written when empty", ~dut.write.enable[0] | (~dut.full.bit_select(dut.half, 1) & (dut.write.address < outputs))
    )

    sent, sample = Signal(layout.output_bits, name="sent"), Signal(range(max(2, samples)), name="sample")
    in_hand, ahead, waited = Signal(3, name="in_hand"), Signal(signed(5), name="ahead"), Signal(3)
    offered, port = Beat(dut.valid, dut.last, dut.group_end), Place(sent, sample, in_hand, ahead)
    taken = Beat(dut.valid & dut.ready, dut.last, dut.group_end)
    after = port.behind(taken, banks)
    m.d.sync += [
        sent.eq(after.sent), sample.eq(after.sample), in_hand.eq(after.in_hand + given), ahead.eq(after.ahead),
        waited.eq(Mux((in_hand != 0) & ~dut.valid, waited + 1, 0)),
    ]  # fmt: skip

    # The followed output: its half, sample and row; what was written; what was there when its group was given.
    half, column = s.constant(1, "followed_half"), s.constant(sample.shape(), "followed_sample")
    row = s.constant(range(layout.config.output_depth), "row")
    s.assume("followed output", (row < outputs) & (column < samples))
    stored, value, followed, wanted = Signal(), Signal(8), Signal(name="followed"), Signal(8)
    writes = dut.write.enable[0] & (dut.half == half) & (dut.write.address == row)
    value_now = Mux(writes, dut.write.data.word_select(column, 8), value)
    m.d.sync += [value.eq(value_now), stored.eq(stored | writes)]
    with m.If(followed & taken.valid & taken.group_end & (ahead == 0)):
        m.d.sync += followed.eq(0)
    with m.If(~followed & dut.done.bit_select(half, 1) & (stored | writes) & s.choice()):
        m.d.sync += [followed.eq(1), ahead.eq(after.in_hand), wanted.eq(value_now)]
    bank, word = row[: layout.bank_bits], row >> layout.bank_bits

    def is_followed(place: Place) -> Value:
        return followed & (place.ahead == 0) & (place.sample == column) & (place.sent >> layout.bank_bits == word)

    def well_formed(beat: Beat, place: Place) -> Value:
        left = outputs - place.sent
        return ~beat.valid | (
            (beat.last == (left <= banks)) & (beat.group_end == (beat.last & (place.sample == samples - 1))) & (place.in_hand != 0)
        )  # fmt: skip

    payload = Cat(dut.data, dut.keep, dut.last, dut.group_end)
    held = s.before(dut.valid & ~dut.ready)
    elements = Cat(*(sent + i < outputs for i in range(banks)))
    s.always("stable", ~held | (dut.valid & (payload == s.before(payload))))
    s.always("keep is contiguous", ~dut.valid | ((dut.keep & (dut.keep + 1)) == 0))
    s.always("keep is not zero", ~dut.valid | dut.keep.any())
    s.always(
        "bytes not kept",
        ~dut.valid | Cat(*(dut.keep[i] | (dut.data.word_select(i, 8) == 0) for i in range(banks))).all(),
    )
    s.always("keep", ~dut.valid | (dut.keep == elements))
    s.always("last", ~dut.valid | (dut.last == (outputs - sent <= banks)))
    s.always("group end", ~dut.valid | (dut.group_end == (dut.last & (sample == samples - 1))))
    s.always("something in hand", ~dut.valid | (in_hand != 0))
    s.always("data", ~dut.valid | ~is_followed(port) | (dut.data.word_select(bank, 8) == wanted))
    s.always("busy", dut.busy == (in_hand != 0))
    s.always("offered in time", (in_hand == 0) | dut.valid | (waited < 3))
    s.cover("two groups behind one that waits", held & (in_hand == 3) & followed & (ahead == 2))
    s.cover("the followed output", s.before(held) & taken.valid & is_followed(port))

    # What makes these inductive: the beats on their way, the place behind them all, and the memories.
    places, flags = [port], [s.inner(f"flags{stage}") for stage in (2, 1)]
    beats = [offered, *(Beat(stage[0], stage[1], stage[2]) for stage in flags)]
    for beat in beats:
        places.append(places[-1].behind(beat, banks))
    for number, (beat, place, later) in enumerate(zip(beats[1:], places[1:], flags, strict=False), 1):
        s.always(f"beat {number}", well_formed(beat, place))
        kept = Cat(*(place.sent + i < outputs for i in range(banks)))
        columns = len(s.inner("column"))
        s.always(
            f"keep {number}", ~beat.valid | ((later[3 : 3 + columns] == place.sample) & (later[3 + columns :] == kept))
        )
        data = Array([s.inner(f"held{i}") if number == 1 else s.inner(f"bank{i}").read_data for i in range(banks)])[
            bank
        ]
        s.always(f"data {number}", ~beat.valid | ~is_followed(place) | (data.word_select(column, 8) == wanted))
    last = places[-1]
    s.always("place", (last.sample == s.inner("column")) & (last.sample < samples) & (sample < samples))
    s.always(
        "outputs left",
        (s.inner("fresh") == (last.sent == 0)) & (s.inner("fresh") | (s.inner("left") == outputs - last.sent)),
    )
    s.always("whole beats", sent[: layout.bank_bits] == 0)
    s.always("beat", (last.sent == s.inner("beat") << layout.bank_bits) & (last.sent < outputs) & (sent < outputs))
    s.always("full, a cycle ahead", dut.full == s.before(dut.next_full | dut.done))
    s.always("halves", (last.in_hand == dut.full[0] + dut.full[1]) & (in_hand <= 5))
    next_half = s.inner("half")
    s.always(
        "order",
        (turn == (next_half ^ last.in_hand[0])) & ((dut.full[0] == dut.full[1]) | (dut.full == Mux(next_half, 2, 1))),
    )
    s.always("waiting", ~(in_hand != 0) | dut.valid | (waited == 0) | beats[1].valid | ((waited == 1) & beats[2].valid))
    address = Cat(word[: len(s.inner("beat"))], half)
    words = Array([s.word(s.inner("memory", f"bank{i}"), address) for i in range(banks)])[bank]
    s.always("memory", ~stored | (words.word_select(column, 8) == value))
    s.always("followed group", ~followed | (ahead >= 0) & (ahead < in_hand))
    s.always("followed half", ~followed | (last.ahead < 0) | (
        stored & (value == wanted) & dut.full.bit_select(half, 1) & (half == next_half ^ last.ahead[0]) & (last.ahead < last.in_hand)
    ))  # fmt: skip
    return s.model()


@pytest.mark.parametrize("array", ARRAYS)
def test_proof(array: str) -> None:
    model = spec(array)
    assert model.unproved(k=1) is None
    assert not model.uncovered(depth=16)


@pytest.mark.parametrize(
    "fault, old, new",
    [
        ("stable", "advance.eq(~self.valid | self.ready)", "advance.eq(1)"),
        (
            "stable",
            "with m.If(advance):\n            m.d.sync += [\n",
            "with m.If(advance | self.last):\n            m.d.sync += [\n",
        ),
        ("keep is contiguous", "remaining > bank for", "remaining > banks - 1 - bank for"),
        ("keep is not zero", "remaining > bank for", "remaining > bank + 1 for"),
        ("keep", "remaining > bank for", "remaining >= bank for"),
        ("bytes not kept", "byte & bit.replicate(8)", "byte"),
        ("last", "sample_end.eq(remaining <= banks)", "sample_end.eq(remaining < banks)"),
        ("last", "fresh.eq(sample_end)", "fresh.eq(group_end)"),
        ("group end", "column == samples - 1", "column == 0"),
        ("something in hand", "(self.full | self.done) & ~release", "self.full | self.done"),
        ("full, a cycle ahead", "self.next_full.eq(self.full & ~release)", "self.next_full.eq(self.full)"),
        ("data", "ram.read_address.eq(Cat(beat, half))", "ram.read_address.eq(Cat(beat, ~half))"),
        ("data", "ram.read_enable.eq(advance)", "ram.read_enable.eq(1)"),
        ("data", "for i in range(samples)])[column2]", "for i in range(samples)])[column]"),
        ("data", "beat.eq(0), ", ""),
        ("data", "[:position], self.half)", "[:position], half)"),
        ("busy", "[self.full.any(), self.valid]", "[self.full.any()]"),
        ("offered in time", "advance.eq(~self.valid | self.ready)", "advance.eq(self.ready)"),
    ],
)
def test_a_fault_is_found(fault: str, old: str, new: str) -> None:
    model = spec("three samples", mutant(unloader, old, new))
    assert model.unproved(k=1) is not None
    assert model.refuted(fault, depth=16) is not None
