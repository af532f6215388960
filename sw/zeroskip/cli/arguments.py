"""Arguments and options that several commands share, and the words that they may take."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from zeroskip.synth.netlist import netlist_targets
from zeroskip.synth.targets import TARGETS


class Method(StrEnum):
    """Pruning criteria, as in :data:`zeroskip.prune.CRITERIA`. They are named here so that ``--help`` does not wait for torch."""

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
    """The ways in which a sparsity is shared out among the layers."""

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
    "Prune the weights that are smallest by |weight| (magnitude), |weight| · ‖input‖ (wanda), accumulated |gradient| (gradient),"
    " |weight · gradient| (snip), its square (taylor) or Fisher information (fisher). grasp keeps the gradient's flow. obs is Optimal"
    " Brain Surgeon and changes the kept weights too. random prunes at random."
)
MethodOption = Annotated[Method | None, typer.Option(help=f"{METHODS} Needs --sparsity or --layer.")]
ALLOCATIONS = (
    "Share of each layer in the sparsity: the same in each (uniform), by the scores of all layers together (global), by layer size (erk),"
    " or by layer-adaptive magnitudes (lamp)."
)
PATTERNS = (
    "Shape in which weights are pruned: unstructured, nm:M, block:RxC, channel or balanced:R. By default unstructured; balanced:1 with"
    " wanda."
)
LayerOption = Annotated[
    list[str] | None,
    typer.Option("--layer", metavar="NAME=S", help="Sparsity of one layer; it overrides --sparsity. May be repeated."),
]
ExcludeOption = Annotated[
    list[str] | None,
    typer.Option("--exclude", metavar="NAME", help="Layer that keeps every weight. May be repeated."),
]
InputsOption = Annotated[Path | None, typer.Option(help="X.npy, float inputs (N, …) for the method.")]
LabelsOption = Annotated[Path | None, typer.Option(help="Y.npy, class numbers (N,) of these inputs.")]
SamplesInputsOption = Annotated[
    Path | None, typer.Option(help="X.npy, float inputs (N, …). By default samples of the calibration.")
]
TestInputsOption = Annotated[
    Path | None, typer.Option(help="X.npy, float inputs (N, …) that measure accuracies. Needs --test-labels.")
]
TestLabelsOption = Annotated[Path | None, typer.Option(help="Y.npy, class numbers (N,) of the test inputs.")]
ImageFormatOption = Annotated[
    list[str] | None,
    typer.Option(help="Further image format in addition to .mem: hex, coe, mif or bin. May be repeated."),
]
LARGEST_SEED = (1 << 32) - 1

SeedOption = Annotated[
    int, typer.Option("--prune-seed", min=0, max=LARGEST_SEED, help="Seed of methods that draw random numbers.")
]

TARGET_NAMES = f"{', '.join([*TARGETS][:-1])} or {[*TARGETS][-1]}"
NETLIST_NAMES = f"{', '.join(netlist_targets()[:-1])} or {netlist_targets()[-1]}"
"""The same with the families alone, for netlists."""
