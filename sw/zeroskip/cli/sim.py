"""``zeroskip sim``: the Verilog of a design against its reference and its prediction."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zeroskip.contracts.cycles import Cycles
from zeroskip.contracts.errors import InputError, MismatchError
from zeroskip.storage.atomic import write_json

from . import arguments as a
from .arguments import Simulator
from .values import load_array

if TYPE_CHECKING:
    from zeroskip.flow import Design, Simulation


@dataclass(frozen=True, kw_only=True)
class SimOptions:
    """The options, as they were given."""

    folder: a.Folder
    inputs: Annotated[
        Path | None, typer.Option(help="X.npy, float inputs (N, …); by default samples of the calibration.")
    ] = None
    simulator: Annotated[Simulator, typer.Option(help="Which simulator to use.")] = Simulator.verilator
    samples: Annotated[int | None, typer.Option(help="Use only the first N inputs.")] = None
    seed: Annotated[int, typer.Option(help="Of pauses and of initial register contents.")] = 1
    stalls: Annotated[bool, typer.Option(help="Pause both streams at random.")] = False
    waves: Annotated[bool, typer.Option(help="Record signals: FST under Verilator, VCD under Icarus.")] = False


def sim(options: SimOptions) -> None:
    """Simulate the Verilog of DIR and compare outputs and cycles with the reference; exit status 1 when they differ.

    Results, log and waves go to DIR/sim/SIMULATOR, with report.json, and results.xml for CI: a JUnit case each for the outputs, the error
    register, latency, interval and every layer's cycles.
    """
    from zeroskip.flow import Design

    from . import tables

    design = Design.load(options.folder)
    x = load_array(options.inputs if options.inputs is not None else options.folder / "inputs.npy", "--inputs")
    if options.samples is not None:
        if options.samples < 1:
            raise InputError(f"--samples: must be at least 1, not {options.samples}")
        x = x[: options.samples]
    home = options.folder / "sim" / options.simulator.value
    home.mkdir(parents=True, exist_ok=True)
    with tables.progress() as progress:
        run = design.simulate(
            x, simulator=options.simulator.value, seed=options.seed, stalls=options.stalls, waves=options.waves, folder=home,
            progress=progress,
        )  # fmt: skip
    _write_report(home, design, run, len(x))
    _show(home, design, run, len(x), waves=options.waves)
    if run.failure is not None:
        raise MismatchError(f"{options.folder}: {run.failure}")


def _write_report(home: Path, design: Design, run: Simulation, samples: int) -> None:
    def timed(cycles: Cycles) -> dict[str, Any]:
        return {"layers": dict(cycles.layers)} if run.stalls else cycles.to_json()

    report = {
        "simulator": run.simulator, "seed": run.seed, "stalls": run.stalls, "samples": samples, "equal": run.failure is None,
        "difference": run.failure, "predicted": timed(design.cycles), "simulated": timed(run.cycles),
        "clock_cycles": run.clock_cycles, "seconds": round(run.seconds, 3),
    }  # fmt: skip
    write_json(report, home / "report.json")


def _show(home: Path, design: Design, run: Simulation, samples: int, *, waves: bool) -> None:
    from . import tables

    rows = [[name, f"{design.cycles.layers[name]:,}", f"{count:,}"] for name, count in run.cycles.layers.items()]
    if not run.stalls:
        rows += [["latency", f"{design.cycles.latency:,}", f"{run.cycles.latency:,}"]]
        rows += [["interval", f"{design.cycles.interval:,}", f"{run.cycles.interval:,}"]]
    tables.out.print(tables.table("Cycles per group", ["", "predicted", "simulated"], rows))
    speed = f"{run.clock_cycles:,} in {run.seconds:.1f} s ({run.clock_cycles / run.seconds:,.0f} per second, start-up included)"
    recorded = sorted(home.glob("*.fst")) + sorted(home.glob("*.vcd")) if waves else []
    found = [
        ("outputs", f"{samples} samples equal the reference" if run.difference is None else "differ"),
        ("clock cycles", speed), ("results", str(home)), *(("waves", str(path)) for path in recorded),
    ]  # fmt: skip
    tables.out.print(tables.pairs(found))
