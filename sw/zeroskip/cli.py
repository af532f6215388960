"""The command line. Exit status: 0 good, 1 a mismatch or failed check, 2 bad usage or input."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from zeroskip import arguments as a
from zeroskip.contracts.cycles import Cycles
from zeroskip.contracts.errors import InputError, MismatchError, ZeroskipError
from zeroskip.options import Allocation, Pruning, Simulator, array_config, example_input, load_array, make_masks
from zeroskip.prune_command import prune
from zeroskip.storage.design_folder import require_place

app = typer.Typer(
    help="Sparse neural networks to verified FPGA hardware, in which a pruned weight costs no multiplier cycle.",
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich",
)  # fmt: skip


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the design, its report and its waves.")] = Path("build/demo"),
    seed: Annotated[int, typer.Option(help="Of training and simulation.")] = 1,
) -> None:
    """Train, prune, quantize, pack, elaborate and simulate a network on real handwritten digits, and print what came of it."""
    from zeroskip import tables
    from zeroskip.demo import run_demo

    with tables.progress() as progress:
        result = run_demo(out, seed=seed, progress=progress)
    result.print(tables.out)
    if not result.passed:
        raise MismatchError(result.verdict)


@app.command()
def build(
    model: a.Model,
    out: Annotated[
        Path, typer.Option(help="Folder to write, whole or not at all; a design that is there is replaced.")
    ],
    calibration: Annotated[
        Path | None, typer.Option(help="X.npy, float inputs (N, …) that show the activations' ranges.")
    ] = None,
    input_shape: Annotated[
        str | None, typer.Option(help="Shape of one sample, as 1,28,28; by default that of the calibration.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="FILE.safetensors, parameters and buffers that the model is given first.")
    ] = None,
    method: a.MethodOption = None,
    sparsity: Annotated[float | None, typer.Option(help="Share of weights to prune, 0 … 1; exactly ⌊s·n⌋ are.")] = None,
    allocation: Annotated[Allocation, typer.Option(help=a.ALLOCATIONS)] = Allocation.uniform,
    pattern: Annotated[str | None, typer.Option(help=a.PATTERNS)] = None,
    layer: a.LayerOption = None,
    exclude: a.ExcludeOption = None,
    inputs: a.InputsOption = None,
    labels: a.LabelsOption = None,
    prune_seed: a.SeedOption = 0,
    masks: Annotated[Path | None, typer.Option(help="Masks that zeroskip prune wrote, instead of --method.")] = None,
    target: Annotated[
        str | None,
        typer.Option(
            help="Choose lanes and columns, unless given, that fit ecp5-25k, ecp5-45k, ecp5-85k, ice40-hx8k or ice40-up5k"
            " by estimate and take the fewest cycles."
        ),
    ] = None,
    preset: a.PresetOption = None,
    config: a.ConfigOption = None,
    lanes: a.LanesOption = None,
    columns: a.ColumnsOption = None,
    word: a.WordOption = None,
    weight_bits: a.WeightBitsOption = None,
    image_format: Annotated[
        list[str] | None, typer.Option(help="Further image formats beside .mem: hex, coe, mif, bin; may be repeated.")
    ] = None,
) -> None:
    """From a trained model to Verilog, memory images, manifest and report.

    Weights that are zero count as pruned already; --method or --masks prune further.

    Example: zeroskip build net.py:trained --calibration x.npy --method magnitude --sparsity 0.8 --lanes 8 --out build/net
    Example: zeroskip build net.onnx --calibration x.npy --target ecp5-85k --out build/net
    """
    from zeroskip import tables
    from zeroskip.flow import compile
    from zeroskip.frontend import load_model
    from zeroskip.prune import from_file
    from zeroskip.prune.model.state import load_state
    from zeroskip.synth import target_named

    if masks is not None and (method is not None or layer):
        raise InputError("--masks: cannot be combined with --method or --layer")
    if target is not None:
        target_named(target)
    require_place(out)
    asked = Pruning(
        method=method, sparsity=sparsity, layers=layer or (), allocation=allocation, pattern=pattern, exclude=exclude or (),
        inputs=inputs, labels=labels, seed=prune_seed,
    )  # fmt: skip
    array, given = array_config(config, preset, lanes=lanes, columns=columns, word=word, weight_bits=weight_bits)
    with tables.progress() as progress:
        progress(f"loading {model}")
        module = load_model(model)
        if weights is not None:
            load_state(module, weights)
        if calibration is None:
            raise InputError(
                "--calibration: must name a .npy file of inputs; the activations' ranges are taken from it"
            )
        samples = load_array(calibration, "--calibration")
        example = example_input(samples, input_shape)
        chosen = make_masks(module, asked) if masks is None else from_file(masks, module)
        free = [name for name in ("lanes", "columns") if name not in given]
        design = compile(
            module,
            example,
            calibration=samples,
            masks=chosen,
            config=array,
            target=target,
            free=free,
            progress=progress,
        )
        progress("elaborating and writing")
        design.save(out, image_formats=["mem", *(image_format or [])], samples=samples)
    if design.fit is not None:
        tables.out.print(tables.candidates(design.fit))
    tables.out.print(tables.layers(design.summary))
    memory = [tables.memory(design.memory, design.config.columns)] if design.memory is not None else []
    places = [("design", str(out)), ("report", str(out / "report.json"))]
    tables.out.print(tables.pairs([*tables.totals(design.summary), *memory, *places]))


@app.command()
def sim(
    folder: a.Folder,
    inputs: Annotated[
        Path | None, typer.Option(help="X.npy, float inputs (N, …); by default samples of the calibration.")
    ] = None,
    simulator: Annotated[Simulator, typer.Option(help="Which simulator to use.")] = Simulator.verilator,
    samples: Annotated[int | None, typer.Option(help="Use only the first N inputs.")] = None,
    seed: Annotated[int, typer.Option(help="Of pauses and of initial register contents.")] = 1,
    stalls: Annotated[bool, typer.Option(help="Pause both streams at random.")] = False,
    waves: Annotated[bool, typer.Option(help="Record signals: FST under Verilator, VCD under Icarus.")] = False,
) -> None:
    """Simulate the Verilog of DIR and compare outputs and cycles with the reference; exit status 1 when they differ.

    Results, JUnit report, log and waves go to DIR/sim/SIMULATOR.
    """
    from zeroskip import tables
    from zeroskip.flow import Design

    design = Design.load(folder)
    x = load_array(inputs if inputs is not None else folder / "inputs.npy", "--inputs")
    if samples is not None:
        if samples < 1:
            raise InputError(f"--samples: must be at least 1, not {samples}")
        x = x[:samples]
    home = folder / "sim" / simulator.value
    home.mkdir(parents=True, exist_ok=True)
    with tables.progress() as progress:
        run = design.simulate(
            x, simulator=simulator.value, seed=seed, stalls=stalls, waves=waves, folder=home, progress=progress
        )
    same = run.cycles.layers == design.cycles.layers if stalls else run.cycles == design.cycles
    verdict = run.difference or (
        "" if same else f"cycles: predicted {design.cycles.to_json()}, simulated {run.cycles.to_json()}"
    )
    if run.errors:
        verdict = verdict or f"the ERROR register reads {run.errors:#x}"

    def timed(cycles: Cycles) -> dict[str, Any]:
        return {"layers": dict(cycles.layers)} if stalls else cycles.to_json()

    report = {
        "simulator": run.simulator, "seed": seed, "stalls": stalls, "samples": len(x), "equal": not verdict, "difference": verdict or None,
        "predicted": timed(design.cycles), "simulated": timed(run.cycles),
        "clock_cycles": run.clock_cycles, "seconds": round(run.seconds, 3),
    }  # fmt: skip
    (home / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    rows = [[name, f"{design.cycles.layers[name]:,}", f"{count:,}"] for name, count in run.cycles.layers.items()]
    if not stalls:
        rows += [["latency", f"{design.cycles.latency:,}", f"{run.cycles.latency:,}"]]
        rows += [["interval", f"{design.cycles.interval:,}", f"{run.cycles.interval:,}"]]
    tables.out.print(tables.table("Cycles per group", ["", "predicted", "simulated"], rows))
    speed = f"{run.clock_cycles:,} in {run.seconds:.1f} s ({run.clock_cycles / run.seconds:,.0f} per second, start-up included)"
    waves_file = sorted(home.glob("*.fst")) + sorted(home.glob("*.vcd")) if waves else []
    found = [
        ("outputs", f"{len(x)} samples equal the reference" if run.difference is None else "differ"),
        ("clock cycles", speed),
    ]
    tables.out.print(tables.pairs([*found, ("results", str(home)), *(("waves", str(path)) for path in waves_file)]))
    if verdict:
        raise MismatchError(f"{folder}: {verdict}")


@app.command()
def synth(
    folder: a.Folder,
    target: Annotated[str, typer.Option(help="ecp5-25k, ecp5-45k, ecp5-85k, ice40-hx8k or ice40-up5k.")],
    seeds: Annotated[int, typer.Option(help="Placements to try; Fmax is their median.")] = 3,
) -> None:
    """Area and Fmax of DIR's Verilog with yosys and nextpnr, also as DIR/synth-TARGET.json."""
    from zeroskip import tables
    from zeroskip.synth import synthesise

    with tables.progress() as progress:
        report = synthesise(folder, target, seeds=tuple(range(1, seeds + 1)), progress=progress)
    (folder / f"synth-{target}.json").write_text(json.dumps(report.to_json(), indent=1) + "\n")
    tables.out.print(tables.pairs(report.rows()))


app.command()(prune)


def main() -> None:
    """Entry point: errors that zeroskip raises become one line and an exit status."""
    try:
        app()
    except ZeroskipError as error:
        sys.stderr.write(f"zeroskip: {error}\n")
        sys.exit(error.exit_status)
