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
        typer.Option(help="Masks to write: .safetensors, .npz or .pt. With --compare a folder, for table and plot."),
    ]
    method: Annotated[Method | None, typer.Option(help=f"{a.METHODS} By default magnitude.")] = None
    sparsity: Annotated[
        str | None,
        typer.Option(
            help="Share of weights to prune, 0 … 1; exactly ⌊s·n⌋ are. With --compare several, as 0.5,0.7,0.9."
        ),
    ] = None
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="KIND=AMOUNT",
            help="Instead of --sparsity: choose each layer's so that the whole meets weights=, bits= or cycles= with an amount, or a"
            " share of what every weight costs, as cycles=40%; needs --inputs and --labels, by which losses are measured.",
        ),
    ] = None
    compare: Annotated[
        str | None,
        typer.Option(
            metavar="METHODS",
            help="Instead of writing masks, compare methods, as magnitude,taylor, at every --sparsity, --allocation and --pattern; needs"
            " --test-inputs and --test-labels. Finished rows are kept in --out, so that an interrupted comparison goes on.",
        ),
    ] = None
    allocation: Annotated[str, typer.Option(help=f"{a.ALLOCATIONS} With --compare several, with commas.")] = "uniform"
    pattern: Annotated[str | None, typer.Option(help=f"{a.PATTERNS} With --compare several, with commas.")] = None
    layer: a.LayerOption = None
    exclude: a.ExcludeOption = None
    inputs: a.InputsOption = None
    labels: a.LabelsOption = None
    test_inputs: a.TestInputsOption = None
    test_labels: a.TestLabelsOption = None
    calibration: Annotated[
        Path | None,
        typer.Option(
            help="X.npy, float inputs (N, …) for the activations' ranges: with --sparsity, to show the cycles too; with --budget and"
            " --compare by default --inputs."
        ),
    ] = None
    weights: Annotated[
        Path | None,
        typer.Option(
            help="Where to save the model's weights, .safetensors, if the method changes those that are kept."
        ),
    ] = None
    reestimate: Annotated[
        bool, typer.Option("--reestimate", help="Set the BatchNorms' statistics anew, by --inputs, after pruning.")
    ] = False
    prune_seed: a.SeedOption = 0
