"""The options of ``zeroskip prune``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from zeroskip.cli import arguments as a
from zeroskip.cli.arguments import Method
from zeroskip.cli.options import ArrayOptions


@dataclass(frozen=True, kw_only=True)
class PruneOptions(ArrayOptions):
    """The options, as they were given."""

    model: a.Model
    out: Annotated[
        Path,
        typer.Option(help="Masks to write: .safetensors, .npz or .pt. With --compare a folder for table and plots."),
    ]
    method: Annotated[Method | None, typer.Option(help=f"{a.METHODS} By default magnitude.")] = None
    sparsity: Annotated[
        str | None,
        typer.Option(
            help="Share of weights to prune, 0 … 1. Exactly ⌊s·n⌋ go. With --compare several, as 0.5,0.7,0.9."
        ),
    ] = None
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="KIND=AMOUNT",
            help="Replaces --sparsity: each layer's sparsity is chosen so that the network meets weights=, bits= or cycles=. The amount is"
            " a number, or a share of the cost with every weight kept, as cycles=40%. Needs --inputs and --labels to measure losses.",
        ),
    ] = None
    compare: Annotated[
        str | None,
        typer.Option(
            metavar="METHODS",
            help="Compare methods, as magnitude,taylor, at every --sparsity, --allocation and --pattern, and write no masks. Needs"
            " --test-inputs and --test-labels. Finished rows are kept in --out, so that an interrupted comparison goes on.",
        ),
    ] = None
    allocation: Annotated[str, typer.Option(help=f"{a.ALLOCATIONS} With --compare several, separated by commas.")] = (
        "uniform"
    )
    pattern: Annotated[str | None, typer.Option(help=f"{a.PATTERNS} With --compare several, separated by commas.")] = (
        None
    )
    layer: a.LayerOption = None
    exclude: a.ExcludeOption = None
    inputs: a.InputsOption = None
    labels: a.LabelsOption = None
    test_inputs: a.TestInputsOption = None
    test_labels: a.TestLabelsOption = None
    calibration: Annotated[
        Path | None,
        typer.Option(
            help="X.npy, float inputs (N, …) that set the activations' ranges. With --sparsity, cycles are shown too if it is given. With"
            " --budget and --compare it is --inputs by default."
        ),
    ] = None
    weights: Annotated[
        Path | None,
        typer.Option(help="File for the model's weights, .safetensors, if the method changes the kept weights."),
    ] = None
    reestimate: Annotated[
        bool, typer.Option("--reestimate", help="Set the BatchNorms' statistics anew after pruning, from --inputs.")
    ] = False
    prune_seed: a.SeedOption = 0
