"""``zeroskip build``: from a trained model to Verilog, images, manifest and report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zeroskip.contracts.config import CHOSEN
from zeroskip.storage.design_folder import require_design_folder

from . import arguments as a
from .accuracies import accuracy_rows
from .arguments import Method
from .model import ModelOptions, compiled
from .options import ArrayOptions

if TYPE_CHECKING:
    from zeroskip.flow import Design


@dataclass(frozen=True, kw_only=True)
class BuildOptions(ArrayOptions, ModelOptions):
    """The options, as they were given."""

    out: Annotated[Path, typer.Option(help="Folder to write, whole or not at all. A design that is there is replaced.")]
    target: Annotated[
        str | None,
        typer.Option(
            help=f"Part to fit: {a.TARGET_NAMES}. Lanes, columns and epilogues that are not given are chosen: those that fit by estimate"
            " and take the fewest cycles."
        ),
    ] = None
    image_format: a.ImageFormatOption = None


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
    from zeroskip.synth import target_named

    options.require_one_source_of_masks()
    if options.target is not None:
        target_named(options.target)
    require_design_folder(options.out)
    config, given = options.array()
    free = [name for name in CHOSEN if name not in given]
    made = compiled(options, config, progress, target=options.target, free=free)
    progress("elaborating and writing")
    formats = ["mem", *(options.image_format or [])]
    made.design.save(options.out, image_formats=formats, samples=made.samples, report=made.report)
    return made.design, made.accuracies
