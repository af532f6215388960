"""The arguments and options that several commands share, and the words that they may take."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from zeroskip.synth.targets import TARGETS


class Method(StrEnum):
    """Pruning criteria; those of :data:`zeroskip.prune.CRITERIA`, named here so that ``--help`` does not wait for torch."""

    random = "random"
    magnitude = "magnitude"
    wanda = "wanda"
    gradient = "gradient"
    snip = "snip"
    taylor = "taylor"
    fisher = "fisher"
    grasp = "grasp"
    obs = "obs"


class Allocation(StrEnum):
    """How a sparsity is shared out among the layers."""

    uniform = "uniform"
    global_ = "global"
    erk = "erk"
    lamp = "lamp"


class Simulator(StrEnum):
    """Supported simulators."""

    verilator = "verilator"
    icarus = "icarus"


MODEL_HELP = (
    "file.onnx, file.pt2 (torch.export), package.module:callable or path/to/file.py:callable that returns an nn.Module."
)

Model = Annotated[str, typer.Argument(metavar="MODEL", help=MODEL_HELP)]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A folder that zeroskip build wrote.")]

METHODS = (
    "Prune the weights that are smallest by |weight|, |weight| · ‖input‖ (wanda), accumulated |gradient|, |weight · gradient|"
    " (snip), its square (taylor) or Fisher information; that keep the gradient's flow (grasp); by Optimal Brain Surgeon, which"
    " changes the kept weights too (obs); or at random."
)
MethodOption = Annotated[Method | None, typer.Option(help=f"{METHODS} Needs --sparsity or --layer.")]
ALLOCATIONS = (
    "How the sparsity is shared out: the same in each layer (uniform); by the scores of all layers together (global); by size (erk); by"
    " layer-adaptive magnitudes (lamp)."
)
PATTERNS = (
    "Shapes in which weights go: unstructured, nm:M, block:RxC, channel, balanced:R; by default unstructured, and"
    " balanced:1 with wanda."
)
LayerOption = Annotated[
    list[str] | None,
    typer.Option("--layer", metavar="NAME=S", help="A sparsity for one layer, before --sparsity; may be repeated."),
]
ExcludeOption = Annotated[
    list[str] | None,
    typer.Option("--exclude", metavar="NAME", help="A layer that keeps every weight; may be repeated."),
]
InputsOption = Annotated[Path | None, typer.Option(help="X.npy, float inputs (N, …) that the method is shown.")]
LabelsOption = Annotated[Path | None, typer.Option(help="Y.npy, class numbers (N,) of these inputs.")]
TestInputsOption = Annotated[
    Path | None, typer.Option(help="X.npy, float inputs (N, …) on which accuracies are measured; with --test-labels.")
]
TestLabelsOption = Annotated[Path | None, typer.Option(help="Y.npy, class numbers (N,) of the test inputs.")]
LARGEST_SEED = (1 << 32) - 1

SeedOption = Annotated[
    int, typer.Option("--prune-seed", min=0, max=LARGEST_SEED, help="Of methods that draw random numbers.")
]

TARGET_NAMES = f"{', '.join([*TARGETS][:-1])} or {[*TARGETS][-1]}"
