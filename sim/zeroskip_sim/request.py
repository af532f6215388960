"""One run that is wanted: the files that the bulk bench reads for it, and what its files say afterwards."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from zeroskip.contracts import registers as reg
from zeroskip.contracts.cycles import Cycles
from zeroskip.contracts.layout import Layout
from zeroskip.contracts.network import IntArray
from zeroskip.contracts.program import Program
from zeroskip.contracts.tensor import QuantizedTensor
from zeroskip.contracts.timing import STEADY_GROUPS

from .scoreboard import Job, read_outputs, write_stimulus

LONGEST_NAME = 63
"""Characters of a folder's name that bulk.v has room for."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """One simulation.

    outputs : (samples, outputs) int64
    cycles : as the RTL counted them; with pauses on the streams only ``layers`` is meaningful
    errors : the ERROR register at the end
    difference : the first difference from the expected outputs, None when there is none
    registers : what STATUS or GROUPS reads at the end and must not, None when both are right
    clock_cycles : simulated
    seconds : wall time of the simulator's process, start-up and comparison included
    """

    outputs: IntArray
    cycles: Cycles
    errors: int
    difference: str | None
    registers: str | None
    clock_cycles: int
    seconds: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Request:
    """Stream ``inputs`` (samples, inputs) through the array and compare with ``expected`` (samples, outputs), in the streams' order.

    The array computes whole groups of samples, and needs a few of them to reach its steady state: the last samples are repeated to
    fill up, compared like the others, and left out of what is returned.

    output : format of the outputs
    most_cycles : what one group takes at most, predicted; a run that takes many times as long is given up
    images : folder in which ``images/*.mem`` hold the program
    folder : takes the run's files
    seed : of the pauses
    stalls : random pauses on both streams
    reset_at : reset once, so many cycles after the start, and begin again; 0 for never
    trace : write every activation that is computed to ``trace.txt``
    """

    program: Program
    inputs: IntArray
    expected: IntArray
    output: QuantizedTensor
    most_cycles: int
    images: Path
    folder: Path
    seed: int = 1
    stalls: bool = False
    reset_at: int = 0
    trace: bool = False

    @cached_property
    def groups(self) -> int:
        return max(STEADY_GROUPS, -(-len(self.inputs) // Layout(self.program.config).group_samples))

    @property
    def samples(self) -> int:
        """That go through the array, the repeated ones included."""
        return self.groups * Layout(self.program.config).group_samples

    @property
    def limit(self) -> int:
        """Clock cycles after which the run is given up."""
        return 50_000 + 20 * self.groups * self.most_cycles

    @property
    def name(self) -> str:
        """For messages."""
        return (
            f"seed {self.seed}"
            + (", with stalls" if self.stalls else "")
            + (f", reset at {self.reset_at}" if self.reset_at else "")
        )

    def write(self, home: Path) -> str:
        """Write the run's files; returns its line of ``jobs.txt`` for a simulator that runs in ``home``."""
        self.folder.mkdir(parents=True, exist_ok=True)
        filled = np.arange(self.samples) % len(self.inputs)
        job = Job(
            expected=self.expected[filled], elements=self.program.config.stream_elements, signed=self.output.signed
        )
        job.save(self.folder / "job.npz")
        write_stimulus(self.folder / "stimulus.txt", self.inputs[filled].astype(np.uint8), job.elements)
        for stale in ("outputs.txt", "counters.txt", "result.json"):
            (self.folder / stale).unlink(missing_ok=True)
        places = [os.path.relpath(place, home) for place in (self.folder, self.images)]
        if bad := [place for place in places if len(place) > LONGEST_NAME or len(place.split()) != 1]:
            raise ValueError(
                f"a run's folder must have at most {LONGEST_NAME} characters and no space seen from {home}, not {bad[0]!r}"
            )
        numbers = (
            self.samples,
            len(self.program.layers),
            self.seed,
            self.stalls,
            self.reset_at,
            self.limit,
            self.trace,
        )
        return " ".join([*places, *(str(int(number)) for number in numbers)])

    def read(self, seconds: float) -> Run | None:
        """What the run gave; None where it was given up."""
        counters = self.folder / "counters.txt"
        if not counters.exists():
            return None
        status, errors, latency, interval, groups, *layers, clock_cycles = map(int, counters.read_text().split())
        names = [layer.name for layer in self.program.layers]
        return Run(
            outputs=self._outputs(), cycles=Cycles(latency=latency, interval=interval, layers=dict(zip(names, layers, strict=True))),
            errors=errors, difference=json.loads((self.folder / "result.json").read_text())["difference"],
            registers=self._wrong_register(status, groups), clock_cycles=clock_cycles, seconds=seconds,
        )  # fmt: skip

    def _outputs(self) -> IntArray:
        """Of the samples that were asked for, 0 where nothing or nothing known came."""
        result = np.zeros_like(self.expected)
        for i, row in enumerate(
            read_outputs(self.folder / "outputs.txt", Job.load(self.folder / "job.npz"))[: len(result)]
        ):
            result[i, : len(row)] = row[: result.shape[1]]
        return result

    def _wrong_register(self, status: int, groups: int) -> str | None:
        """All outputs have been delivered: nothing is left to do, and every group has been counted."""
        idle = reg.STATUS_RUNNING | reg.STATUS_READY
        if status != idle:
            return f"STATUS reads {status:#x} at the end, expected {idle:#x}: RUNNING and READY, not BUSY"
        return None if groups == self.groups else f"GROUPS reads {groups} at the end, expected {self.groups}"
