"""The options that give a model, its masks and its calibration, and their way through the pipeline, for all commands that compile one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.errors import InputError

from . import arguments as a
from .accuracies import accuracy_report, load_test_data
from .arguments import Allocation
from .options import Pruning, make_masks
from .values import example_input, load_array

if TYPE_CHECKING:
    import numpy as np

    from zeroskip.flow import Design


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """The options that give a model, as they were given."""

    model: a.Model
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

    @property
    def pruning(self) -> Pruning:
        """The options that choose masks."""
        return Pruning(
            method=self.method, sparsity=self.sparsity, layers=self.layer or (), allocation=self.allocation, pattern=self.pattern,
            exclude=self.exclude or (), inputs=self.inputs, labels=self.labels, seed=self.prune_seed,
        )  # fmt: skip

    def require_one_source_of_masks(self) -> None:
        """Refuse masks by file and by method together, before the model is loaded."""
        if self.masks is not None and (self.method is not None or self.layer):
            raise InputError("--masks: cannot be combined with --method or --layer")


@dataclass(frozen=True, eq=False)
class Compiled:
    """A compiled model.

    design : not yet elaborated
    samples : the calibration
    accuracies : shares by kind, empty without test data
    report : further figures for ``report.json``
    """

    design: Design
    samples: np.ndarray[Any, Any]
    accuracies: dict[str, float]
    report: dict[str, Any]


def compiled(
    options: ModelOptions,
    config: ArrayConfig,
    progress: Callable[[str], None],
    *,
    target: str | None = None,
    free: Sequence[str] = (),
) -> Compiled:
    """Load, prune, compile and, with test data, measure. ``config``, ``target`` and ``free`` as :func:`zeroskip.compile` takes them."""
    from zeroskip.flow import compile
    from zeroskip.frontend import load_model
    from zeroskip.prune import from_file, load_state
    from zeroskip.prune.masks.apply import masked

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
        model, example, calibration=samples, masks=masks, config=config, target=target, free=free, progress=progress
    )
    report = {}
    if test is not None:
        progress("measuring accuracies")
        accuracies["float masked"] = (
            test.float_accuracy(masked(model, masks)) if masks is not None else accuracies["float dense"]
        )
        accuracies["integer masked"] = test.accuracy(design.reference(test.inputs))
        report = {"accuracy": accuracy_report(test, accuracies)}
    return Compiled(design, samples, accuracies, report)
