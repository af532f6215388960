"""``zeroskip export``: a folder with which a vendor's or an open tool goes on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from zeroskip.cli import arguments as a

TOOL_NAMES = "vivado, quartus, radiant, diamond, gowin, fusesoc, litex, filelist"


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """The options, as they were given."""

    folder: a.Folder
    to: Annotated[str, typer.Option("--to", metavar="TOOL", help=f"Tool: {TOOL_NAMES}.")]
    out: Annotated[
        Path | None,
        typer.Option(help="Folder to write, whole or not at all. By default DIR/export/TOOL. An export is replaced."),
    ] = None
    part: Annotated[str | None, typer.Option(help="FPGA, as its vendor orders it. By default an example.")] = None
    clock: Annotated[float | None, typer.Option(help="Clock in MHz that the constraints ask for. By default 100.")] = (
        None
    )


def export(options: ExportOptions) -> None:
    """Write a folder that holds all that TOOL needs: Verilog, images in its own form, constraints, scripts and a README.

    The folder may be moved: no file in it names a place of this machine.

    Example: zeroskip export build/net --to vivado --part xc7a35tcpg236-1
    """
    from zeroskip.cli import tables
    from zeroskip.export import export as write

    with tables.progress() as progress:
        folder = write(
            options.folder, options.to, out=options.out, part=options.part, clock=options.clock, progress=progress
        )
    files = sum(path.is_file() for path in folder.rglob("*"))
    tables.out.print(
        tables.pairs([("export", str(folder)), ("files", str(files)), ("go on with", str(folder / "README.md"))])
    )
