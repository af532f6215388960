"""``zeroskip testbench``: a self-checking Verilog testbench, for simulators and machines without zeroskip."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from zeroskip.cli import arguments as a
from zeroskip.cli.values import samples_for
from zeroskip.contracts.errors import InputError


@dataclass(frozen=True, kw_only=True)
class TestbenchOptions:
    """The options, as they were given."""

    folder: a.Folder
    out: Annotated[
        Path | None,
        typer.Option(help="Folder to write, whole or not at all. By default DIR/testbench. A testbench is replaced."),
    ] = None
    inputs: a.SamplesInputsOption = None
    samples: Annotated[
        int, typer.Option(help="Use only the first N inputs. Fewer are repeated to fill up a few groups.")
    ] = 10


def testbench(options: TestbenchOptions) -> None:
    """Write a plain Verilog testbench that checks every output and every predicted cycle, with scripts for the simulators.

    It runs in Icarus, Verilator, Questa and Vivado's simulator. It needs no Python, and the folder may be moved.

    Example: zeroskip testbench build/net --out tb && tb/run_icarus.sh
    """
    from zeroskip.cli import tables
    from zeroskip.flow import Design
    from zeroskip.testbench import require_testbench_folder

    if options.samples < 1:
        raise InputError(f"--samples: must be at least 1, not {options.samples}")
    folder = options.out if options.out is not None else options.folder / "testbench"
    require_testbench_folder(folder)
    with tables.progress() as progress:
        progress(f"reading {options.folder}")
        design = Design.load(options.folder)
        x = samples_for(options.folder, options.inputs, options.samples)
        progress(f"computing {len(x)} samples and writing {folder}")
        design.testbench(x, folder)
    rows = [("testbench", str(folder)), ("samples", str(len(x))), ("go on with", str(folder / "README.md"))]
    tables.out.print(tables.pairs(rows))
