"""The command line. Exit status: 0 good, 1 a mismatch or failed check, 2 bad usage or input, 130 interrupted.

Every failure is one line on standard error. ``--debug``, anywhere on the line, shows the traceback, warnings and log lines too.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from zeroskip.cli.hardware.export import ExportOptions, export
from zeroskip.cli.hardware.images import ImagesOptions, images
from zeroskip.cli.hardware.run import RunOptions, run_on_board
from zeroskip.cli.hardware.testbench import TestbenchOptions, testbench
from zeroskip.cli.hardware.workflow import WorkflowOptions, workflow
from zeroskip.cli.prune.options import PruneOptions
from zeroskip.cli.prune.prune import prune
from zeroskip.contracts.errors import ZeroskipError, typed_line

from .build import BuildOptions, build
from .check import CheckOptions, check
from .command import command
from .demo import DemoOptions, demo
from .sim import SimOptions, sim
from .synth import SynthOptions, synth

DEBUG = "--debug"
INTERRUPTED = 130
READER_GONE = 141
"""What a shell shows of a program that SIGPIPE has ended."""

app = typer.Typer(
    help="Sparse neural networks to verified FPGA hardware, in which a pruned weight costs no multiplier cycle.",
    add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich",
)  # fmt: skip
app.command("demo")(command(DemoOptions, demo))
app.command("check")(command(CheckOptions, check))
app.command("build")(command(BuildOptions, build))
app.command("sim")(command(SimOptions, sim))
app.command("synth")(command(SynthOptions, synth))
app.command("export")(command(ExportOptions, export))
app.command("images")(command(ImagesOptions, images))
app.command("testbench")(command(TestbenchOptions, testbench))
app.command("workflow")(command(WorkflowOptions, workflow))
app.command("run")(command(RunOptions, run_on_board))
app.command("prune")(command(PruneOptions, prune))

_CALLS = {("_call_impl", "module.py"), ("cross_entropy", "functional.py")}
"""Functions of torch.nn in which a model runs, with their files."""

# Typer holds click inside itself or depends on it, by its version. This is the base of all that click raises for bad usage.
UsageError = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")


@app.callback()
def common(
    debug: Annotated[
        bool, typer.Option(DEBUG, help="Show tracebacks, warnings and log lines; may stand anywhere.")
    ] = False,
) -> None:
    """Sparse neural networks to verified FPGA hardware, in which a pruned weight costs no multiplier cycle."""


def main() -> None:
    """Entry point."""
    arguments = sys.argv[1:]
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: nothing half-written stays
    if DEBUG not in arguments:  # messages of libraries are not for the user of a command
        logging.disable(logging.CRITICAL)
        warnings.simplefilter("ignore")
    sys.exit(run(arguments))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status. Every failure is one line on standard error."""
    debug = DEBUG in arguments
    given = [word for word in arguments if word != DEBUG] or ["--help"]
    try:
        status = app(given, prog_name="zeroskip", standalone_mode=False)
        return _failed("interrupted", INTERRUPTED) if status == INTERRUPTED else int(status or 0)
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        if _reader_is_gone(error):
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - the interpreter flushes it when it ends
            return READER_GONE
        if debug:
            traceback.print_exc()
        return _failed(*_told(error))


def _reader_is_gone(error: BaseException | None) -> bool:
    """Whether nobody reads the output any more, as behind ``| head``. Typer turns that into a SystemExit."""
    return error is not None and (isinstance(error, BrokenPipeError) or _reader_is_gone(error.__context__))


def _told(error: BaseException) -> tuple[str, int]:
    """The message for an error, and the exit status."""
    if isinstance(error, ZeroskipError):
        return str(error), error.exit_status
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", INTERRUPTED
    if isinstance(error, UsageError):
        context = getattr(error, "ctx", None)
        path = context.command_path if context is not None else "zeroskip"
        return f"{error.format_message()} ({path} --help tells what is allowed)", 2  # type: ignore[attr-defined]
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror, 2
    if isinstance(error, SystemExit):
        return f"the model or a library ended the program, with status {error.code!r}", 2
    if _raised_by_a_module(error):
        return f"the model failed on the inputs that it was given: {typed_line(error)} ({DEBUG} shows where)", 2
    return f"{typed_line(error)} (unexpected; {DEBUG} shows where)", 2


def _raised_by_a_module(error: BaseException) -> bool:
    """Whether a torch module, or a loss of its output, was being called. The user gave the model and the shapes of the inputs."""
    frames = (frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__))
    return any((code.co_name, Path(code.co_filename).name) in _CALLS for code in frames)


def _failed(message: str, status: int) -> int:
    """Print one line, even where the message holds line breaks. Returns ``status``."""
    sys.stderr.write(f"zeroskip: {' '.join(message.split())}\n")
    return status
