"""``zeroskip prune``: masks by a sparsity, or by a budget; or methods of pruning beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zeroskip import arguments as a
from zeroskip import prune_runs
from zeroskip.options import Method, array_config


def prune(
    model: a.Model,
    out: Annotated[
        Path,
        typer.Option(help="Masks to write: .safetensors, .npz or .pt. With --compare a folder, for table and plot."),
    ],
    method: Annotated[Method | None, typer.Option(help=f"{a.METHODS} By default magnitude.")] = None,
    sparsity: Annotated[
        str | None,
        typer.Option(
            help="Share of weights to prune, 0 … 1; exactly ⌊s·n⌋ are. With --compare several, as 0.5,0.7,0.9."
        ),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="KIND=AMOUNT",
            help="Instead of --sparsity: choose each layer's so that the whole meets weights=, bits= or cycles= with an amount, or a"
            " share of what every weight costs, as cycles=40%; needs --inputs and --labels, by which losses are measured.",
        ),
    ] = None,
    compare: Annotated[
        str | None,
        typer.Option(
            metavar="METHODS",
            help="Instead of writing masks, compare methods, as magnitude,taylor, at every --sparsity, --allocation and --pattern; needs"
            " --test-inputs and --test-labels. Finished rows are kept in --out, so that an interrupted comparison goes on.",
        ),
    ] = None,
    allocation: Annotated[str, typer.Option(help=f"{a.ALLOCATIONS} With --compare several, with commas.")] = "uniform",
    pattern: Annotated[str | None, typer.Option(help=f"{a.PATTERNS} With --compare several, with commas.")] = None,
    layer: a.LayerOption = None,
    exclude: a.ExcludeOption = None,
    inputs: a.InputsOption = None,
    labels: a.LabelsOption = None,
    test_inputs: Annotated[
        Path | None, typer.Option(help="X.npy, float inputs (N, …) on which --compare measures accuracies.")
    ] = None,
    test_labels: Annotated[Path | None, typer.Option(help="Y.npy, class numbers (N,) of these inputs.")] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(
            help="X.npy, float inputs (N, …) for the activations' ranges: with --sparsity, to show the cycles too; with --budget and"
            " --compare by default --inputs."
        ),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            help="Where to save the model's weights, .safetensors, if the method changes those that are kept."
        ),
    ] = None,
    reestimate: Annotated[
        bool, typer.Option("--reestimate", help="Set the BatchNorms' statistics anew, by --inputs, after pruning.")
    ] = False,
    preset: a.PresetOption = None,
    config: a.ConfigOption = None,
    lanes: a.LanesOption = None,
    columns: a.ColumnsOption = None,
    word: a.WordOption = None,
    weight_bits: a.WeightBitsOption = None,
    prune_seed: a.SeedOption = 0,
) -> None:
    """Choose which weights to keep, and save the masks for zeroskip build --masks.

    Example: zeroskip prune net.py:trained --sparsity 0.8 --layer head=0.5 --out masks.safetensors
    Example: zeroskip prune net.py:trained --budget cycles=40% --inputs x.npy --labels y.npy --lanes 8 --out masks.safetensors
    Example: zeroskip prune net.py:trained --compare magnitude,taylor --sparsity 0.5,0.7,0.9 --inputs x.npy --labels y.npy
    --test-inputs tx.npy --test-labels ty.npy --lanes 8 --out build/compare
    """
    array, _ = array_config(config, preset, lanes=lanes, columns=columns, word=word, weight_bits=weight_bits)
    asked = prune_runs.Asked(
        model=model, out=out, method=method, sparsity=sparsity, budget=budget, compare=compare, allocation=allocation, pattern=pattern,
        layer=layer or [], exclude=exclude or [], inputs=inputs, labels=labels, test_inputs=test_inputs, test_labels=test_labels,
        calibration=calibration, weights=weights, reestimate=reestimate, config=array, seed=prune_seed,
    )  # fmt: skip
    if compare is not None:
        prune_runs.compare_methods(asked)
    elif budget is not None:
        prune_runs.meet_budget(asked)
    else:
        prune_runs.reach_sparsity(asked)
