"""The command line. Exit status: 0 good, 1 a mismatch or failed check, 2 bad usage or input."""

from __future__ import annotations

import sys

import typer

from zeroskip.contracts.errors import ZeroskipError

from .build import BuildOptions, build
from .command import command
from .demo import DemoOptions, demo
from .prune import prune
from .prune_options import PruneOptions
from .sim import SimOptions, sim
from .synth import SynthOptions, synth

app = typer.Typer(
    help="Sparse neural networks to verified FPGA hardware, in which a pruned weight costs no multiplier cycle.",
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich",
)  # fmt: skip
app.command("demo")(command(DemoOptions, demo))
app.command("build")(command(BuildOptions, build))
app.command("sim")(command(SimOptions, sim))
app.command("synth")(command(SynthOptions, synth))
app.command("prune")(command(PruneOptions, prune))


def main() -> None:
    """Entry point: errors that zeroskip raises become one line and an exit status."""
    try:
        app()
    except ZeroskipError as error:
        sys.stderr.write(f"zeroskip: {error}\n")
        sys.exit(error.exit_status)
