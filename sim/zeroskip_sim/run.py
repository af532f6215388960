"""Simulate a program on real inputs: outputs and cycles as the RTL gives them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from cocotb_tools.check_results import get_results

from zeroskip.contracts.cycles import Cycles
from zeroskip.contracts.errors import MismatchError
from zeroskip.contracts.layout import Layout
from zeroskip.contracts.network import IntArray
from zeroskip.contracts.program import Program
from zeroskip.contracts.tensor import QuantizedTensor

from .build import Model, bench_sources, build
from .scoreboard import Job, read_outputs, write_stimulus

STEADY_GROUPS = 3
"""Groups after which the interval between two is that of the steady state."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """One simulation.

    outputs : (samples, outputs) int64
    cycles : as the RTL counted them; with pauses on the streams only ``layers`` is meaningful
    errors : the ERROR register at the end
    difference : the first difference from the expected outputs, None when there is none
    clock_cycles, seconds : simulated, and the wall time they took, start-up and comparison included
    """

    outputs: IntArray
    cycles: Cycles
    errors: int
    difference: str | None
    clock_cycles: int
    seconds: float


def run(
    program: Program,
    verilog: Mapping[str, str],
    inputs: IntArray,
    expected: IntArray,
    *,
    output: QuantizedTensor,
    most_cycles: int,
    folder: Path,
    simulator: str = "verilator",
    seed: int = 1,
    stalls: bool = False,
    reset_at: int = 0,
    waves: bool = False,
    trace: bool = False,
    progress: Callable[[str], None] = lambda message: None,
) -> Run:
    """Stream ``inputs`` (samples, inputs) through the RTL in ``folder``, whose ``images/*.mem`` hold the program.

    Inputs and ``expected`` outputs are in the order of the streams. The array computes whole groups of samples, and needs a few of them to
    reach its steady state: the last samples are repeated to fill up, compared like the others, and left out of what is returned.

    most_cycles : what one group takes at most, predicted; a run that takes many times as long is given up
    stalls : random pauses on both streams
    reset_at : reset once, so many cycles after the start, and begin again; 0 for never
    trace : write every activation that is computed to ``trace.txt``
    """
    layout = Layout(program.config)
    groups = max(STEADY_GROUPS, -(-len(inputs) // layout.group_samples))
    filled = np.arange(groups * layout.group_samples) % len(inputs)
    job = Job(expected=expected[filled], elements=program.config.stream_elements, signed=output.signed)
    job.save(folder / "job.npz")
    write_stimulus(folder / "stimulus.txt", inputs[filled].astype(np.uint8), job.elements)
    for stale in ("outputs.txt", "counters.txt", "result.json"):
        (folder / stale).unlink(missing_ok=True)

    model = build(
        {**verilog, **bench_sources("bulk")}, "bulk", simulator, waves=waves,
        parameters={"STREAM": program.config.stream_bits, "ADDRESS": layout.address_bits},
    )  # fmt: skip
    plusargs = {
        "samples": len(filled), "layers": len(program.layers), "stall_seed": seed, "pauses": int(stalls), "reset_at": reset_at,
        "limit": 50_000 + 20 * groups * most_cycles, "trace": int(trace),
    }  # fmt: skip
    progress(f"simulating {len(filled)} samples with {simulator}")
    begun = time.perf_counter()
    failed = start(model, "zeroskip_sim.bench.bulk", folder, seed=seed, plusargs=plusargs, waves=waves)
    if not (folder / "counters.txt").exists():
        raise MismatchError(
            f"{simulator}, seed {seed}: the array did not deliver {len(filled)} samples within {plusargs['limit']} cycles"
        )
    seconds = time.perf_counter() - begun
    _, errors, latency, interval, _, *layers, clock_cycles = map(int, (folder / "counters.txt").read_text().split())
    difference = json.loads((folder / "result.json").read_text())["difference"]
    if failed and difference is None:
        raise MismatchError(f"{simulator}, seed {seed}: the bench failed (see {folder / 'simulation.log'})")
    return Run(
        outputs=_outputs(folder / "outputs.txt", job, len(inputs)),
        cycles=Cycles(latency=latency, interval=interval, layers=dict(zip((x.name for x in program.layers), layers, strict=True))),
        errors=errors, difference=difference, clock_cycles=clock_cycles, seconds=seconds,
    )  # fmt: skip


def _outputs(path: Path, job: Job, count: int) -> IntArray:
    """The first ``count`` samples that came out, 0 where nothing or nothing known came."""
    result = np.zeros_like(job.expected[:count])
    for i, row in enumerate(read_outputs(path, job)[:count]):
        result[i, : len(row)] = row[: result.shape[1]]
    return result


def start(
    model: Model, test_module: str, folder: Path, *, seed: int, plusargs: Mapping[str, int] | None = None,
    waves: bool = False, environment: Mapping[str, str] | None = None,
) -> int:  # fmt: skip
    """Run the cocotb tests of ``test_module`` in ``folder``; JUnit results in ``results.xml``. Returns how many failed.

    Raises MismatchError when no test ran.
    """
    arguments = [f"+{name}={value}" for name, value in (plusargs or {}).items()]
    if waves:
        arguments.append("+waves")
    if model.simulator == "verilator":
        arguments += [f"+verilator+seed+{seed % (1 << 31) or 1}", "+verilator+rand+reset+2"]
    folder = folder.resolve()  # the simulator runs inside it
    results = folder / "results.xml"
    results.unlink(missing_ok=True)
    # The runner raises where a test failed or nothing ran, and under pytest it exits: the results tell which.
    with suppress(SystemExit, RuntimeError):
        model.runner.test(
            test_module=test_module, hdl_toplevel=model.top, hdl_toplevel_lang="verilog", build_dir=model.directory, test_dir=folder,
            results_xml=str(results), seed=seed, plusargs=arguments, waves=waves, log_file=folder / "simulation.log",
            extra_env={"COCOTB_LOG_LEVEL": "WARNING", **model.environment, **(environment or {})},
        )  # fmt: skip
    if not results.exists():
        raise MismatchError(
            f"{test_module}: the simulator ended before its tests did (see {folder / 'simulation.log'})"
        )
    tests, failed = get_results(results)
    if tests == 0:
        raise MismatchError(f"{test_module}: no test ran (see {folder / 'simulation.log'})")
    return failed
