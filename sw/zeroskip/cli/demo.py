"""``zeroskip demo``: the main job on real handwritten digits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from zeroskip.contracts.errors import MismatchError

from . import arguments as a

if TYPE_CHECKING:
    from zeroskip.demo import DemoResult


@dataclass(frozen=True, kw_only=True)
class DemoOptions:
    """The options, as they were given."""

    out: Annotated[Path, typer.Option(help="Folder for the design, its report and its waves.")] = Path("build/demo")
    seed: Annotated[int, typer.Option(min=0, max=a.LARGEST_SEED, help="Seed of training and simulation.")] = 1


def demo(options: DemoOptions) -> None:
    """Train, prune, quantize, pack, elaborate and simulate a network on real handwritten digits, and print the results."""
    from zeroskip.demo import run_demo

    from . import tables

    with tables.progress() as progress:
        result = run_demo(options.out, seed=options.seed, progress=progress)
    show(result)
    if not result.passed:
        raise MismatchError(result.verdict)


def show(result: DemoResult) -> None:
    """Print the table and the lines around it."""
    from . import tables

    design, run = result.design, result.run
    scores = " · ".join(f"{kind} {value:.2%}" for kind, value in result.accuracies.items())
    tables.out.print(tables.layers(design.summary, run.cycles.layers))
    rows: list[tuple[str, str | Text]] = [
        ("accuracy", scores),
        (
            "array",
            f"{design.config.lanes} lanes × {design.config.columns} column, {design.config.word}-bit mask words",
        ),
        *tables.totals(design.summary),
        ("simulated", f"latency {run.cycles.latency:,}, interval {run.cycles.interval:,} cycles"),
        *((name, str(path)) for name, path in result.paths.items()),
        ("verdict", Text(result.verdict, style="bold green" if result.passed else "bold red")),
    ]
    tables.out.print(tables.pairs(rows))
