"""Simulate programs on real inputs: outputs and cycles as the RTL gives them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from cocotb_tools.check_results import get_results

from zeroskip.contracts.errors import MismatchError
from zeroskip.contracts.layout import Layout

from .build import Model, bench_sources, build
from .request import Request, Run

DUT = "bulk.dut"
"""Where the array's top is, in the recorded waves."""

WAVES = {"verilator": "dump.fst", "icarus": "waves.vcd"}
"""File of the recorded waves, by simulator."""

NO_REWRITING = {"COCOTB_REWRITE_ASSERTION_FILES": ""}
"""pytest's work on the assertions of every module that a bench imports is a fifth of the simulator's start."""


def run(
    request: Request,
    verilog: Mapping[str, str],
    *,
    simulator: str = "verilator",
    waves: bool = False,
    progress: Callable[[str], None] = lambda message: None,
) -> Run:
    """One run, from power-up.

    Raises MismatchError when the array did not deliver in time.
    """
    (result,) = run_all([request], verilog, simulator=simulator, waves=waves, progress=progress)
    if isinstance(result, MismatchError):
        raise result
    return result


def run_all(
    requests: Sequence[Request],
    verilog: Mapping[str, str],
    *,
    simulator: str = "verilator",
    waves: bool = False,
    progress: Callable[[str], None] = lambda message: None,
) -> list[Run | MismatchError]:
    """All runs in one process, one after the other; what became of each, an error where the array did not deliver in time.

    All programs are for the array of ``verilog``. The first run begins at power-up, its images read by the Verilog itself; before
    each later one the array is reset, its memories are scrambled, and the images are read again. The simulator runs in the ``images``
    folder of the first, which takes its log, its JUnit results and ``jobs.txt``. ``+verilator+seed`` is the seed of the first.
    """
    first = requests[0]
    config, home = first.program.config, first.images
    if any(request.program.config != config for request in requests):
        raise ValueError("all runs must have one configuration: the hardware is built once")
    (home / "jobs.txt").write_text("".join(request.write(home) + "\n" for request in requests))
    sources = {**verilog, **bench_sources("bulk")}
    reload = sources.pop("bulk.vh")
    if len(requests) > 1:  # a single run is of the Verilog as it is shipped, to the letter
        sources["zs_ram.v"] = _with_reload(sources["zs_ram.v"], reload)
    model = build(
        sources, "bulk", simulator, waves=waves,
        parameters={"STREAM": config.stream_bits, "ADDRESS": Layout(config).address_bits},
    )  # fmt: skip
    progress(f"simulating {sum(request.samples for request in requests)} samples with {simulator}")
    begun = time.perf_counter()
    failed = start(model, "zeroskip_sim.bench.bulk", home, seed=first.seed, waves=waves, environment=NO_REWRITING)
    seconds = time.perf_counter() - begun
    results = [
        request.read(seconds)
        or MismatchError(
            f"{simulator}, {request.name}: the array did not deliver {request.samples} samples within {request.limit} cycles"
        )
        for request in requests
    ]
    if failed and not any(isinstance(result, MismatchError) or result.difference for result in results):
        raise MismatchError(f"{simulator}, seed {first.seed}: the bench failed (see {home / 'simulation.log'})")
    return results


def _with_reload(memory: str, reload: str) -> str:
    body, end, rest = memory.rpartition("endmodule")
    return f"{body}{reload}{end}{rest}"


def start(
    model: Model, test_module: str, folder: Path, *, seed: int, waves: bool = False, environment: Mapping[str, str] | None = None
) -> int:  # fmt: skip
    """Run the cocotb tests of ``test_module`` in ``folder``; JUnit results in ``results.xml``. Returns how many failed.

    Raises MismatchError when no test ran.
    """
    arguments = ["+waves"] if waves else []
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
