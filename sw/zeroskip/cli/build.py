"""``zeroskip build``: from a trained model to Verilog, images, manifest and report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zeroskip.contracts.errors import InputError
from zeroskip.storage.design_folder import require_design_folder

from . import arguments as a
from .accuracies import accuracy_report, accuracy_rows, load_test_data
from .arguments import Allocation, Method
from .options import ArrayOptions, Pruning, make_masks
from .values import example_input, load_array

if TYPE_CHECKING:
    from zeroskip.flow import Design


@dataclass(frozen=True, kw_only=True)
class BuildOptions(ArrayOptions):
    """The options, as they were given."""

    model: a.Model
    out: Annotated[Path, typer.Option(help="Folder to write, whole or not at all. A design that is there is replaced.")]
    calibration: Annotated[
        Path | None, typer.Option(help="X.npy, float inputs (N, …) that set the activations' ranges.")
    ] = None
    input_shape: Annotated[
        str | None, typer.Option(help="Shape of one sample, as 1,28,28. By default the calibration gives it.")
    ] = None
    weights: Annotated[
        Path | None, typer.Option(help="FILE.safetensors, parameters and buffers that are loaded into the model first.")
    ] = None
    method: a.MethodOption = None
    sparsity: Annotated[float | None, typer.Option(help="Share of weights to prune, 0 … 1. Exactly ⌊s·n⌋ go.")] = None
    allocation: Annotated[Allocation, typer.Option(help=a.ALLOCATIONS)] = Allocation.uniform
    pattern: Annotated[str | None, typer.Option(help=a.PATTERNS)] = None
    layer: a.LayerOption = None
    exclude: a.ExcludeOption = None
    inputs: a.InputsOption = None
    labels: a.LabelsOption = None
    prune_seed: a.SeedOption = 0
    test_inputs: a.TestInputsOption = None
    test_labels: a.TestLabelsOption = None
    masks: Annotated[Path | None, typer.Option(help="Masks that zeroskip prune wrote. Replaces --method.")] = None
    target: Annotated[
        str | None,
        typer.Option(
            help=f"Part to fit: {a.TARGET_NAMES}. Lanes and columns that are not given are chosen to fit by estimate in the fewest cycles."
        ),
    ] = None
    image_format: Annotated[
        list[str] | None,
        typer.Option(help="Further image format in addition to .mem: hex, coe, mif or bin. May be repeated."),
    ] = None

    @property
    def pruning(self) -> Pruning:
        """The options that choose masks."""
        return Pruning(
            method=self.method, sparsity=self.sparsity, layers=self.layer or (), allocation=self.allocation, pattern=self.pattern,
            exclude=self.exclude or (), inputs=self.inputs, labels=self.labels, seed=self.prune_seed,
        )  # fmt: skip


def build(options: BuildOptions) -> None:
    """Turn a trained model into Verilog, memory images, manifest and report.

    Weights that are zero count as pruned already. --method or --masks prune further.

    Example: zeroskip build net.py:trained --calibration x.npy --method obs --inputs x.npy --sparsity 0.8 --lanes 8 --out build/net
    Example: zeroskip build net.onnx --calibration x.npy --target ecp5-85k --out build/net
    """
    from . import tables

    with tables.progress() as progress:
        design, accuracies = _built(options, progress)
    if design.fit is not None:
        tables.out.print(tables.candidates(design.fit))
    tables.out.print(tables.layers(design.summary))
    memory = [tables.memory(design.memory, design.config.columns)] if design.memory is not None else []
    written = [("design", str(options.out)), ("report", str(options.out / "report.json"))]
    measured = accuracy_rows(accuracies, updated=options.method is Method.obs)
    tables.out.print(tables.pairs([*measured, *tables.totals(design.summary), *memory, *written]))


def _built(options: BuildOptions, progress: Callable[[str], None]) -> tuple[Design, dict[str, float]]:
    """The saved design, and its accuracies, which are empty without test data. It refuses all that it can before the model is loaded."""
    from zeroskip.flow import compile
    from zeroskip.frontend import load_model
    from zeroskip.prune import from_file, load_state
    from zeroskip.prune.masks.apply import masked
    from zeroskip.synth import target_named

    if options.masks is not None and (options.method is not None or options.layer):
        raise InputError("--masks: cannot be combined with --method or --layer")
    if options.target is not None:
        target_named(options.target)
    require_design_folder(options.out)
    config, given = options.array()
    progress(f"loading {options.model}")
    model = load_model(options.model)
    if options.weights is not None:
        load_state(model, options.weights)
    if options.calibration is None:
        raise InputError("--calibration: must name a .npy file of inputs; the activations' ranges are taken from it")
    test = load_test_data(options.test_inputs, options.test_labels)
    accuracies = {} if test is None else {"float dense": test.float_accuracy(model)}
    samples = load_array(options.calibration, "--calibration")
    example = example_input(samples, options.input_shape)
    masks = make_masks(model, options.pruning) if options.masks is None else from_file(options.masks, model)
    design = compile(
        model, example, calibration=samples, masks=masks, config=config, target=options.target,
        free=[name for name in ("lanes", "columns") if name not in given], progress=progress,
    )  # fmt: skip
    report = {}
    if test is not None:
        progress("measuring accuracies")
        accuracies["float masked"] = (
            test.float_accuracy(masked(model, masks)) if masks is not None else accuracies["float dense"]
        )
        accuracies["integer masked"] = test.accuracy(design.reference(test.inputs))
        report = {"accuracy": accuracy_report(test, accuracies)}
    progress("elaborating and writing")
    design.save(options.out, image_formats=["mem", *(options.image_format or [])], samples=samples, report=report)
    return design, accuracies
