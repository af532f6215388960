"""A network on an array: packed, simulated, and held against the reference and the prediction, for every test that does so."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from tests.elaboration import verilog_of

from zeroskip import reference
from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.cycles import Cycles
from zeroskip.contracts.errors import MismatchError
from zeroskip.contracts.network import IntArray, QuantizedNetwork
from zeroskip.contracts.program import Program
from zeroskip.contracts.streams import from_output_stream, to_input_stream, to_output_stream
from zeroskip.pack import pack
from zeroskip.schedule import predict, schedule
from zeroskip.storage.design_folder import write_images
from zeroskip_sim.request import Request, Run
from zeroskip_sim.run import run, run_all


@dataclass(frozen=True, eq=False)
class Packed:
    """What a simulation needs, its images in ``folder``. x, y : integers in the shapes of the network; cycles : predicted."""

    network: QuantizedNetwork
    program: Program
    cycles: Cycles
    x: IntArray
    y: IntArray
    folder: Path

    def request(self, seed: int, **options: Any) -> Request:
        network = self.network
        return Request(
            program=self.program, inputs=to_input_stream(network, self.x), expected=to_output_stream(network, self.y),
            output=network.output, most_cycles=self.cycles.latency + self.cycles.interval, images=self.folder,
            **{"folder": self.folder, "seed": seed, **options},
        )  # fmt: skip

    def simulated(self, simulator: str, seed: int, **options: Any) -> Run:
        """One run, with outputs in the shape of the network's."""
        return self.shaped(
            run(self.request(seed, **options), verilog_of(self.program.config).files, simulator=simulator)
        )

    def shaped(self, result: Run) -> Run:
        return replace(result, outputs=from_output_stream(self.network, result.outputs))


def packed(network: QuantizedNetwork, config: ArrayConfig, x: IntArray, folder: Path) -> Packed:
    """``network`` for an array of that configuration, and what it must give for ``x``."""
    plan = schedule(network, config)
    program = pack(plan)
    write_images(program, folder / "images")
    return Packed(network, program, predict(plan), x, reference.run(network, x), folder)


def both_modes(it: Packed, rng: np.random.Generator) -> list[Request]:
    """At full speed, then with stalls; some of either are reset in mid-run."""
    requests = []
    for stalls in (False, True):
        seed = int(rng.integers(1, 1 << 31))
        reset_at = int(rng.integers(1, 3 * it.cycles.latency)) if rng.random() < 0.3 else 0
        requests.append(
            it.request(seed, stalls=stalls, reset_at=reset_at, folder=it.folder / ("stalls" if stalls else "full"))
        )
    return requests


def fault(it: Packed, request: Request, result: Run | MismatchError) -> str | None:
    """What is wrong. At full speed all cycles are the predicted ones, also after a reset; with stalls those of every layer still are."""
    if isinstance(result, MismatchError):
        return str(result)
    if found := result.difference or result.registers:
        return found
    if not np.array_equal(it.shaped(result).outputs, it.y):
        return "outputs are right in the stream, not in the network's shape"
    if result.errors:
        return f"ERROR reads {result.errors:#x}"
    got, predicted = (result.cycles.layers, it.cycles.layers) if request.stalls else (result.cycles, it.cycles)
    return None if got == predicted else f"cycles {got}, predicted {predicted}"


def require_exact(cases: Iterable[tuple[Packed, np.random.Generator, str]], simulator: str) -> None:
    """Every network in both modes, all on one array; a message names network, seed and mode.

    Verilator runs them in one process, first all at full speed: what a run leaves in registers without reset is never its own network's,
    if there are several. Under Icarus each run begins at power-up, for there registers are unknown until they are written.

    A run that fails is made once more alone, from power-up, and with ``ZEROSKIP_WAVES`` set records waves in the folder that is named.
    """
    wanted = [(it, request, where) for it, rng, where in cases for request in both_modes(it, rng)]
    wanted.sort(key=lambda one: one[1].stalls)
    verilog = verilog_of(wanted[0][0].program.config).files
    requests = [request for _, request, _ in wanted]
    parts = [requests] if simulator == "verilator" else [[request] for request in requests]
    results = [result for part in parts for result in run_all(part, verilog, simulator=simulator)]
    faults = []
    for (it, request, where), result in zip(wanted, results, strict=True):
        if found := fault(it, request, result):
            shutil.copytree(it.folder / "images", request.folder / "images")
            single = replace(request, images=request.folder)
            (again,) = run_all([single], verilog, simulator=simulator, waves=bool(os.environ.get("ZEROSKIP_WAVES")))
            alone = fault(it, request, again) or "is right, so that it depends on the runs before it"
            faults.append(
                f"{where}, {len(it.x)} samples, {simulator}, {request.name}: {found}; alone ({request.folder}): {alone}"
            )
    assert not faults, "\n".join(faults)
