"""``zeroskip sim``: the Verilog of a design is compared with its reference and its prediction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zeroskip.contracts.cycles import Cycles
from zeroskip.contracts.errors import InputError, MismatchError
from zeroskip.storage.atomic import write_json
from zeroskip.storage.design_folder import read_report
from zeroskip.synth.netlist import require as require_netlist

from . import arguments as a
from .accuracies import accuracy_rows, load_test_data
from .arguments import Simulator
from .values import samples_for

if TYPE_CHECKING:
    from zeroskip.explore.accuracy import TestData
    from zeroskip.flow import Design, Simulation


@dataclass(frozen=True, kw_only=True)
class SimOptions:
    """The options, as they were given."""

    folder: a.Folder
    inputs: a.SamplesInputsOption = None
    test_inputs: a.TestInputsOption = None
    test_labels: a.TestLabelsOption = None
    simulator: Annotated[
        Simulator | None, typer.Option(help="Simulator to use. By default verilator, for a netlist icarus.")
    ] = None
    netlist: Annotated[
        str | None,
        typer.Option(
            metavar="TARGET", help=f"Simulate the netlist after synthesis instead: {a.NETLIST_NAMES}. Needs yosys."
        ),
    ] = None
    samples: Annotated[int | None, typer.Option(help="Use only the first N inputs.")] = None
    seed: Annotated[
        int, typer.Option(min=0, max=a.LARGEST_SEED, help="Seed of pauses and of initial register contents.")
    ] = 1
    stalls: Annotated[bool, typer.Option(help="Pause both streams at random.")] = False
    waves: Annotated[bool, typer.Option(help="Record signals: FST under Verilator, VCD under Icarus.")] = False


def sim(options: SimOptions) -> None:
    """Simulate the Verilog of DIR and compare outputs and cycles with the reference. The exit status is 1 when they differ.

    Results, log and waves go to DIR/sim/SIMULATOR, those of a netlist to DIR/sim/TARGET-SIMULATOR, with report.json, and with
    results.xml for CI: one JUnit case each for the outputs, the error register, latency, interval and every layer's cycles.
    """
    from zeroskip.flow import Design, default_simulator

    from . import tables

    if options.netlist is not None:
        require_netlist(options.netlist)
    design = Design.load(options.folder)
    if options.samples is not None and options.samples < 1:
        raise InputError(f"--samples: must be at least 1, not {options.samples}")
    test = load_test_data(options.test_inputs, options.test_labels)
    if test is not None and options.inputs is not None:
        raise InputError("--inputs: cannot be combined with --test-inputs")
    if test is not None and options.samples is not None:
        test = test.first(options.samples)
    x = samples_for(options.folder, options.inputs, options.samples) if test is None else test.inputs
    simulator = options.simulator.value if options.simulator else default_simulator(options.netlist)
    home = options.folder / "sim" / "-".join(filter(None, (options.netlist, simulator)))
    home.mkdir(parents=True, exist_ok=True)
    with tables.progress() as progress:
        run = design.simulate(
            x, simulator=simulator, netlist=options.netlist, seed=options.seed, stalls=options.stalls, waves=options.waves,
            folder=home, progress=progress,
        )  # fmt: skip
    accuracies = {} if test is None else _accuracies(options.folder, design, run, test)
    _write_report(home, design, run, len(x), accuracies)
    _show(home, design, run, len(x), accuracies, waves=options.waves)
    if run.failure is not None:
        raise MismatchError(f"{options.folder}: {run.failure}")


def _accuracies(folder: Path, design: Design, run: Simulation, test: TestData) -> dict[str, float]:
    """Accuracies of integers and RTL, after those of the float network that the build measured on the same data."""
    built = read_report(folder).get("accuracy", {})
    known = {kind: built[kind] for kind in ("float dense", "float masked") if built.get("sha256") == test.digest}
    expected = run.outputs if run.difference is None else design.reference(test.inputs)
    return known | {"integer masked": test.accuracy(expected), "RTL": test.accuracy(run.outputs)}


def _write_report(home: Path, design: Design, run: Simulation, samples: int, accuracies: Mapping[str, float]) -> None:
    def timed(cycles: Cycles) -> dict[str, Any]:
        return {"layers": dict(cycles.layers)} if run.stalls else cycles.to_json()

    report: dict[str, Any] = {
        "simulator": run.simulator, "netlist": run.netlist, "seed": run.seed, "stalls": run.stalls, "samples": samples,
        "equal": run.failure is None, "difference": run.failure, "predicted": timed(design.cycles), "simulated": timed(run.cycles),
        "clock_cycles": run.clock_cycles, "seconds": round(run.seconds, 3),
    }  # fmt: skip
    if accuracies:
        report["accuracy"] = accuracies
    write_json(report, home / "report.json")


def _show(
    home: Path, design: Design, run: Simulation, samples: int, accuracies: Mapping[str, float], *, waves: bool
) -> None:
    from zeroskip.waves import GTKWAVE

    from . import tables

    rows = [[name, f"{design.cycles.layers[name]:,}", f"{count:,}"] for name, count in run.cycles.layers.items()]
    if not run.stalls:
        rows += [["latency", f"{design.cycles.latency:,}", f"{run.cycles.latency:,}"]]
        rows += [["interval", f"{design.cycles.interval:,}", f"{run.cycles.interval:,}"]]
    tables.out.print(tables.NumberTable("Cycles per group", ["", "predicted", "simulated"], rows))
    speed = f"{run.clock_cycles:,} in {run.seconds:.1f} s ({run.clock_cycles / run.seconds:,.0f} per second, start-up included)"
    recorded = sorted(home.glob("*.fst")) + sorted(home.glob("*.vcd")) if waves else []
    found = [
        ("outputs", f"{samples} samples equal the reference" if run.difference is None else "differ"),
        *(accuracy_rows(accuracies) if accuracies else []), ("clock cycles", speed), ("results", str(home)),
        *(("waves", str(path)) for path in recorded),
        *(("open with", f"gtkwave {path} {home / GTKWAVE}") for path in recorded),
    ]  # fmt: skip
    tables.out.print(tables.pairs(found))
