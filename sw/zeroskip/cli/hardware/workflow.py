"""``zeroskip workflow``: a file that makes a CI service build and simulate a design."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from zeroskip.cli.build import BuildOptions, build
from zeroskip.cli.command import command
from zeroskip.contracts.errors import InputError


@dataclass(frozen=True, kw_only=True)
class WorkflowOptions:
    """The options, as they were given."""

    to: Annotated[str, typer.Option("--to", metavar="SERVICE", help="CI service: github or gitlab.")]
    build: Annotated[
        list[str] | None,
        typer.Argument(metavar="-- MODEL OPTIONS", help="Of zeroskip build, behind --; without --out."),
    ] = None
    out: Annotated[
        Path | None,
        typer.Option(
            help="File to write. By default .github/workflows/zeroskip.yml or .gitlab-ci.yml. A workflow of zeroskip is replaced."
        ),
    ] = None


def workflow(options: WorkflowOptions) -> None:
    """Write a workflow that builds the design, simulates it on Verilator and Icarus, publishes JUnit and keeps the waves of a failure.

    Call it in the repository that holds the model.

    Example: zeroskip workflow --to github -- net.py:trained --calibration x.npy --method magnitude --sparsity 0.8
    """
    from zeroskip.cli import tables
    from zeroskip.workflow import PLACES, write

    given = options.build or []
    if not given:
        raise InputError(
            "model and options of zeroskip build must stand behind --, as: -- net.py:trained --calibration x.npy"
        )
    _require_usable(given)
    path = options.out if options.out is not None else Path(PLACES.get(options.to, ""))
    write(options.to, given, path)
    tables.out.print(tables.pairs([("workflow", str(path))]))


def _require_usable(given: list[str]) -> None:
    """Refuse what ``zeroskip build`` would refuse, before a CI service does."""
    if any(word == "--out" or word.startswith("--out=") for word in given):
        raise InputError("--out: must be left out of the options of zeroskip build; the workflow sets it")
    parser = typer.Typer(add_completion=False)
    parser.command()(command(BuildOptions, build))
    typer.main.get_command(parser).make_context("zeroskip build", [*given, "--out", "build/design"])
