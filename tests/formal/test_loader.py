"""The halves of the input buffer: a sample goes into a free one, and a full one is left alone; no beat is lost on its way."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from amaranth.hdl import Cat, Mux, Signal, Value
from tests.formal.prove import Model
from tests.formal.spec import Spec, mutant
from tests.hw.bench import layout_of

from zeroskip_hw.activations import loader

SMALL = {"input_depth": 4, "hidden_depth": 4, "output_depth": 4, "input_row_depth": 4, "channel_depth": 2}
ARRAYS: dict[str, dict[str, Any]] = {
    "bytes": {"stream_bits": 8},
    "beats": {"stream_bits": 32, "load_elements": 2},
    "samples": {"stream_bits": 16, "columns": 2, "strips": False},
}


def spec(array: str, module: ModuleType = loader) -> Model:
    """For any rows and channels. Where rows, samples and groups end is taken as the module says it; so are the steps' addresses."""
    layout = layout_of(**{**SMALL, **ARRAYS[array]})
    dut = module.Loader(layout)
    s = Spec(dut)
    m = s.m
    # What is loaded does not change while the array runs: loading stops at a reset. A proof begins with any contents.
    s.assume("nothing is loaded into rows", ~s.inner("rows").write_enable)
    s.assume("nothing is loaded into channels", ~s.inner("channels").write_enable)
    # The sequencer releases a half when it has read the group there.
    s.assume("only a full half is released", (dut.release & ~dut.full) == 0)

    take, row, more = dut.valid & dut.ready, s.inner("row"), s.inner("more")
    most, beat_size = layout.config.load_elements, layout.config.stream_elements
    # So are the rows packed: an array stores no more elements at once.
    s.assume("elements of a step", row["elements"] < most)
    half, owned, dropping = Signal(name="filling"), Signal(2, name="owned"), Signal(name="dropped")
    ends = Mux(dut.accepted & row["last"], Mux(half, 2, 1), 0)
    m.d.sync += [
        half.eq(half ^ ends.any()), owned.eq((owned | ends) & ~dut.release),
        dropping.eq(dut.late_last | (dropping & ~(take & dut.last))),
    ]  # fmt: skip
    ended, was_full = s.before(ends), s.before(dut.full)
    # The group's last steps are on their way when its half is full, and are written before the array can start to read.
    long_full = dut.full & was_full & s.before(was_full)

    # Steps of the beat at work, and what they write three cycles later.
    step, beat_ends = s.inner("done"), s.inner("beat_done")
    at_work, element = Signal(name="at_work"), Signal(4, name="step")
    data, last = Signal.like(dut.data, name="beat"), Signal(name="beat_last")
    m.d.sync += element.eq(Mux(step, element + more + 1, element))
    with m.If(beat_ends):
        m.d.sync += at_work.eq(0)
    begins = take & ~dropping
    with m.If(begins):
        m.d.sync += [at_work.eq(1), data.eq(dut.data), last.eq(dut.last), element.eq(0)]
    elements = (data >> (element << 3))[: 8 * most]
    taken = Cat(more >= i for i in range(1, most))
    steps: list[tuple[Value, ...]] = [(step, half, elements, taken)]
    for _ in range(3):
        steps.append(tuple(s.before(value) for value in steps[-1]))
    _, one, two, (step3, half3, elements3, taken3) = steps

    writes = dut.write.enable.any()
    s.always("a sample goes into a free half", ~begins | ~owned.bit_select(half, 1))
    s.always("a full half is not written", ~writes | ~long_full.bit_select(dut.write.half, 1))
    s.always("a step is written where its group is filled", ~writes | (step3 & (dut.write.half == half3)))
    s.always("a step writes its elements", ~writes | (dut.write.data == elements3))
    stored = Cat(dut.lanes[i::most].any() for i in range(1, most))
    s.always("no element of another step is stored", ~writes | ((stored & ~taken3) == 0))
    # What is left of the pixel: the channels behind those of the steps that were.
    left = Signal(len(row["channels"]) + 1, name="channels_left")
    with m.If(step):
        m.d.sync += left.eq(Mux(s.inner("step_last"), row["channels"], left - more - 1))
    with m.If(~s.inner("known")):
        m.d.sync += left.eq(row["channels"])
    s.always("a step is of a pixel", ~step | (more <= left))
    s.always("a step is of its beat", ~step | (element + more < beat_size))
    s.always("a pixel's last step", ~step | (s.inner("step_last") == (more == left)))
    s.always("a step takes all that it can", ~step | (
        (more == row["elements"]) | (more == left) | (element + more == beat_size - 1)
    ))  # fmt: skip
    s.always("full behind a group's end, until it is released", dut.full == (owned & ~ended))
    s.always("full, a cycle ahead", dut.full == s.before(dut.next_full & ~dut.release))
    s.always("no beat is cut short", ~begins | ~at_work | beat_ends)
    s.always("a step is of a beat", ~step | at_work)
    s.always("nothing is taken without leave", dut.enable | ~dut.ready)
    s.always("ready until a beat comes", ~s.before(dut.ready & ~dut.valid) | ~dut.enable | dut.ready)
    s.always("one end for each sample", (dut.accepted + dut.early_last + dut.late_last) <= 1)
    s.always("a sample ends with its last beat", ~(beat_ends & last) | dut.accepted | dut.early_last)
    s.cover("a full half, and a write into the other", long_full[0] & writes)
    s.cover("a sample behind one that was dropped", s.before(dropping & take) & begins & (half == 1) & dut.full[0])

    # What makes these inductive.
    s.always("registers", Cat(s.inner("half"), s.inner("dropping"), s.inner("busy")) == Cat(half, dropping, at_work))
    s.always(
        "beat",
        (s.inner("element") == Mux(at_work, element, 0))
        & (~at_work | ((s.inner("held") == data) & (s.inner("held_last") == last))),
    )
    # The row's word comes from the memory while its first step waits, and stays.
    rows, waiting = s.inner("rows"), s.inner("waiting")
    word = s.word(s.inner("memory", "rows"), s.inner("index"))
    for name, since, held in (("read", 0, rows.read_data), ("known", 1, s.inner("now"))):
        s.always(f"row is {name}", ~waiting[since] | (held == word))
    s.always("waits", (waiting & (waiting + 1)) == 0)
    s.always("within the beat", s.inner("element") < beat_size)
    room, known = beat_size - 1 - s.inner("element"), waiting[-1]
    s.always("beat's last step", ~known | (s.inner("beat_last") == (more == room)))
    s.always("pixel's last step", ~known | (s.inner("step_last") == (more == left)))
    s.always("channels are left", ~known | ((s.inner("_next_step.left") == left) & (left <= row["channels"])))
    s.always("many channels are left", ~known | (s.inner("_next_step.many") == (left >= 2 * most)))
    s.always(
        "many channels in the row", ~waiting[1] | (s.inner("_next_step.row_many") == (row["channels"] >= 2 * most))
    )
    for name, bound in (("elements", row["elements"]), ("pixel", left), ("beat", room)):
        s.always(f"step within {name}", ~known | (more <= bound))
    s.always("step is whole", ~known | (more == row["elements"]) | (more == left) | (more == room))
    s.always("at work", ~at_work | (~owned.bit_select(half, 1) & ~dropping))
    s.always("owned", (ended & ~owned) == 0)
    # A row is read before its steps: so no group ends right behind another.
    s.always(
        "ended",
        (s.inner("filled_later") == ended) & ~ended.bit_select(half, 1) & (~ended.any() | (waiting == 0)),
    )
    for number, (is_step, of_half, value, takes) in enumerate((one, two), 1):
        state = s.inner(f"state{number}")
        s.always(f"step {number}", s.inner(f"valid{number}") == is_step)
        s.always(f"state {number}", ~is_step | (
            (state[0] == of_half) & (state[-len(value) - len(takes) :] == Cat(takes, value))
        ))  # fmt: skip
    for number, (is_step, of_half, *_), full in (
        (1, one, dut.full),
        (2, two, dut.full & was_full),
        (3, steps[-1], long_full),
    ):
        s.always(f"not full {number}", ~is_step | ~full.bit_select(of_half, 1))
    return s.model()


@pytest.mark.parametrize("array", ARRAYS)
def test_proof(array: str) -> None:
    model = spec(array)
    assert model.unproved(k=1) is None
    assert not model.uncovered(depth=20)


@pytest.mark.parametrize(
    "fault, old, new",
    [
        ("a sample goes into a free half", "~self.full.bit_select(half, 1) & ", ""),
        (
            "a full half is not written",
            "self.write.enable.eq(wanted & valid.replicate(columns))",
            "self.write.enable.eq(wanted)",
        ),
        ("a full half is not written", "[half.eq(~half), begin.eq(0)", "[begin.eq(0)"),
        (
            "a step is written where its group is filled",
            'Cat(half, row["columns"], place)',
            'Cat(~self.full[0], row["columns"], place)',
        ),
        ("a step writes its elements", "held >> (element << 3)", "held"),
        ("a step writes its elements", "~busy | (known & beat_last)", "~busy | known"),
        ("a step writes its elements", "Mux(done, Mux(beat_last, 0, after), element)", "element"),
        ("no element of another step is stored", " & takes[i]", ""),
        ("a step is of a pixel", "few.eq(~Mux(begins, row_many, many))", "few.eq(~row_many)"),
        ("a step is of its beat", "least.eq(Mux(room < wanted, room, wanted))", "least.eq(wanted)"),
        ("a step takes all that it can", "Mux(few & (bound < least), bound, least)", "Mux(few, bound, 0)"),
        ("a pixel's last step", "left.eq(next_left), many", "left.eq(left - 1), many"),
        ("full behind a group's end, until it is released", "self.full | filled_later", "self.full | filled"),
        ("full, a cycle ahead", "self.full.eq(self.next_full & ~self.release)", "self.full.eq(self.next_full)"),
        (
            "full behind a group's end, until it is released",
            "filled.eq(Mux(half, 2, 1))",
            "filled.eq(Mux(self.full[0], 2, 1))",
        ),
        ("no beat is cut short", "beat_done & ~sample_done & ~held_last", "done & ~sample_done & ~held_last"),
        ("a step is of a beat", "with m.If(take & ~dropping):", "with m.If(take):"),
        ("a step is of a beat", "with m.If(take & dropping & self.last):", "with m.If(take & dropping):"),
        ("nothing is taken without leave", "self.enable\n", "(self.enable | dropping)\n"),
        ("ready until a beat comes", "& ~held_last))))", "))))"),
        ("one end for each sample", "self.late_last.eq(sample_done & ~held_last)", "self.late_last.eq(sample_done)"),
        (
            "a sample ends with its last beat",
            "beat_done & held_last & ~sample_done",
            "beat_done & held_last & ~step_last",
        ),
    ],
)
def test_a_fault_is_found(fault: str, old: str, new: str) -> None:
    model = spec("beats", mutant(loader, old, new))
    assert model.unproved(k=1) is not None
    assert model.refuted(fault, depth=8) or model.refuted(fault, depth=16)
