"""The sequencer against the order of layers and groups: every pulse in its cycle, and every constant when it is due."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from amaranth.hdl import ResetInserter, Signal
from tests.hw.bench import FULL, PLAIN, layout_of, load, simulate

from zeroskip.contracts.layout import Layout
from zeroskip.contracts.timing import TURNAROUND, WRITTEN_TO_END, WRITTEN_TO_START
from zeroskip_hw.control.sequencer import EARLY_FIELDS, LATE, LATE_FIELDS, Sequencer

Program = list[dict[str, int]]


def random_program(rng: Random, layout: Layout, layers: int) -> Program:
    """One layer is the last that reads the input; the last layer alone writes the output."""
    release = rng.randrange(layers)
    program = []
    for number in range(layers):
        word = layout.program.decode(rng.getrandbits(layout.program.width))
        last = number == layers - 1
        program.append({**word, "last": last, "to_output": last, "release": number == release})
    return program


async def begin(ctx: Any, dut: Sequencer, reset: Signal, layout: Layout, program: Program) -> None:
    """Load ``program`` in reset, and wait after it: the first layer's word is fetched while the lanes read their headers."""
    ctx.set(reset, 1)
    await load(ctx, dut.load, layout, "program", [layout.program.encode(word) for word in program])
    ctx.set(reset, 0)
    for _ in range(4):
        await ctx.tick()


class Model:
    """What happens when; all of it is known before its cycle.

    start, end : from ``finished`` to the next layer's start, and to the group's end
    """

    def __init__(self, program: Program) -> None:
        self.start, self.end = WRITTEN_TO_START, WRITTEN_TO_END
        self.program = program
        self.starts: dict[int, tuple[int, bool]] = {}
        self.releases: set[int] = set()
        self.ends: set[int] = set()
        self.busy = self.could = False
        self.layer = self.input_half = self.output_half = 0
        self.began = 0
        self.late: dict[int, tuple[int, int]] = {}
        self.given = (0, 0)
        self.took: dict[int, tuple[int, int]] = {}
        self.cycles: dict[int, int] = {}

    def begin_cycle(self, cycle: int) -> None:
        if cycle in self.starts:
            self.layer = self.starts[cycle][0]
            if self.layer:
                self.took[cycle + 1] = self.layer - 1, cycle - self.began
            self.began, self.busy = cycle, True
            self.late[cycle + LATE + 1] = self.layer, self.output_half
        self.given = self.late.get(cycle, self.given)
        if cycle in self.ends:
            self.took[cycle + 1] = self.layer, cycle - self.began
        if cycle in self.took:
            layer, count = self.took[cycle]
            self.cycles[layer] = count

    def end_cycle(self, cycle: int, go: bool, input_full: int, output_full: int, finished: bool) -> None:
        if not self.busy and cycle + 1 not in self.starts and go and self.could:
            self.starts[cycle + 1] = 0, True
        if finished:
            current = self.program[self.layer]
            if current["last"]:
                self.ends.add(cycle + self.end)
            else:
                self.starts[cycle + self.start] = self.layer + 1, False
            if current["release"]:
                self.releases.add(cycle + (self.end if current["last"] else self.start))
        if cycle in self.releases:
            self.input_half ^= 1
        if cycle in self.ends:
            self.output_half ^= 1
            self.busy = False
        self.could = bool(input_full >> self.input_half & 1 and not output_full >> self.output_half & 1)


@pytest.mark.parametrize("features", [PLAIN, FULL], ids=["plain", "full"])
@pytest.mark.parametrize("layers", [1, 2, 5])
@pytest.mark.parametrize("share", [1.0, 0.3])
@pytest.mark.parametrize("seed", range(4))
def test_every_pulse_and_every_constant(features: dict[str, Any], layers: int, share: float, seed: int) -> None:
    """Groups one after the other. Lanes, inputs and outputs are ready at random; layers take random times."""
    rng = Random(seed)
    layout = layout_of(**features, layer_depth=layers)
    program = random_program(rng, layout, layers)
    dut, reset, model = Sequencer(layout), Signal(), Model(program)
    early, late = ([n for n in names if n in dut.signature.members] for names in (EARLY_FIELDS, LATE_FIELDS))
    everything = features is FULL
    assert ("residual_step" in early) == ("across" in early) == ("copied" in late) == ("table" in late) == everything
    assert {"width", "turns", "tiles"} <= set(early)

    def check(ctx: Any, cycle: int, groups: int) -> None:
        where = f"cycle {cycle}, seed {seed}"
        starts = cycle in model.starts
        assert ctx.get(dut.start) == starts, where
        assert ctx.get(dut.rewind) == (starts and model.starts[cycle][1]), where
        assert ctx.get(dut.input_release) == (1 << model.input_half if cycle in model.releases else 0), where
        assert ctx.get(dut.output_done) == (1 << model.output_half if cycle in model.ends else 0), where
        assert ctx.get(dut.busy) == model.busy, where
        assert not ctx.get(dut.fault), where
        assert ctx.get(dut.input_half) == model.input_half, where
        if model.busy:
            assert ctx.get(dut.layer) == model.layer, where
            for name in early:
                assert ctx.get(getattr(dut, name)) == program[model.layer][name], f"{name}, {where}"
        if model.late and min(model.late) <= cycle:
            number, half = model.given
            assert ctx.get(dut.output_half) == half, where
            for name in late:
                assert ctx.get(getattr(dut, name)) == program[number][name], f"{name}, {where}"
            if number == layers - 1 or groups:
                assert ctx.get(dut.outputs) == program[-1]["outputs"], where

    async def bench(ctx: Any) -> None:
        await begin(ctx, dut, reset, layout, program)
        groups = cycle = finish = 0
        while groups < 5:
            model.begin_cycle(cycle)
            check(ctx, cycle, groups)
            if cycle in model.starts:
                finish = cycle + LATE + 2 + rng.randrange(30)
            groups += cycle - 1 in model.ends
            # At any time what a layer took when it ended last.
            for number, cycles in model.cycles.items():
                ctx.set(dut.layer_cycles_address, number)
                assert ctx.get(dut.layer_cycles) == cycles, f"layer {number}, cycle {cycle}, seed {seed}"
            primed, input_full, output_full = rng.random() < share, rng.getrandbits(2), rng.getrandbits(2)
            if share == 1.0:
                input_full, output_full = 3, 0
            finished = bool(finish) and cycle == finish
            for name, value in (
                ("primed", primed), ("next_input_full", input_full), ("next_output_full", output_full), ("finished", finished),
            ):  # fmt: skip
                ctx.set(getattr(dut, name), value)
            assert ctx.get(dut.working) == (model.busy or model.could), f"cycle {cycle}, seed {seed}"
            model.end_cycle(cycle, primed, input_full, output_full, finished)
            cycle += 1
            await ctx.tick()
            assert cycle < 5000, f"seed {seed}"
        if share == 1.0:
            ends, begins = sorted(model.ends), sorted(c for c, (_, rewinds) in model.starts.items() if rewinds)
            assert [b - e for e, b in zip(ends, begins[1:], strict=False)] == [TURNAROUND] * (len(begins) - 1)

    simulate(ResetInserter(reset)(dut), bench)


@pytest.mark.parametrize("layers", [2, 4])
@pytest.mark.parametrize("releases", [0, 1, 2])
@pytest.mark.parametrize("last", [True, False])
def test_a_program_without_end_is_a_fault(layers: int, releases: int, last: bool) -> None:
    """One that has no last layer, or does not release the input exactly once."""
    rng = Random(layers)
    layout = layout_of(layer_depth=layers)
    program = random_program(rng, layout, layers)
    for number, word in enumerate(program):
        word |= {"last": last and number == layers - 1, "release": number < releases}
    dut, reset = Sequencer(layout), Signal()

    async def bench(ctx: Any) -> None:
        await begin(ctx, dut, reset, layout, program)
        for name, value in (("primed", 1), ("next_input_full", 3)):
            ctx.set(getattr(dut, name), value)
        faults = 0
        for _ in range(layers):
            for cycle in range(40):
                ctx.set(dut.finished, cycle == 20)
                faults += ctx.get(dut.fault)
                if ctx.get(dut.output_done):
                    ctx.set(dut.primed, 0)
                await ctx.tick()
        # Without a release it is noticed at the group's end, which a program without a last layer does not reach.
        assert faults == {0: last, 1: False, 2: True}[releases] + (not last)

    simulate(ResetInserter(reset)(dut), bench)


@pytest.mark.parametrize("cycle", range(40))
def test_nothing_starts_or_ends_once_it_is_halted(cycle: int) -> None:
    """Whatever the cycle: at most the layer that is about to start still does."""
    rng = Random(cycle)
    layout = layout_of(layer_depth=2)
    program = random_program(rng, layout, 2)
    dut, reset = Sequencer(layout), Signal()

    async def bench(ctx: Any) -> None:
        await begin(ctx, dut, reset, layout, program)
        for name, value in (("primed", 1), ("next_input_full", 3)):
            ctx.set(getattr(dut, name), value)
        for now in range(60):
            ctx.set(dut.halt, now >= cycle)
            ctx.set(dut.finished, now in (8, 20, 34, 50))
            if now > cycle:
                assert not ctx.get(dut.start), f"cycle {now}"
            if now >= cycle:
                assert not ctx.get(dut.output_done), f"cycle {now}"
            await ctx.tick()
        assert ctx.get(dut.working), "it waits for no stream"

    simulate(ResetInserter(reset)(dut), bench)
