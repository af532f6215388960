"""``zeroskip synth``: area and Fmax of a design."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from zeroskip.storage.atomic import write_json

from . import arguments as a


@dataclass(frozen=True, kw_only=True)
class SynthOptions:
    """The options, as they were given."""

    folder: a.Folder
    target: Annotated[str, typer.Option(help=f"Part: {a.TARGET_NAMES}.")]
    seeds: Annotated[int, typer.Option(min=1, max=100, help="Number of placements. Fmax is their median.")] = 3


def synth(options: SynthOptions) -> None:
    """Measure area and Fmax of DIR's Verilog with yosys and nextpnr, and write them to DIR/synth-TARGET.json."""
    from zeroskip.synth import synthesise

    from . import tables

    with tables.progress() as progress:
        seeds = tuple(range(1, options.seeds + 1))
        report = synthesise(options.folder, options.target, seeds=seeds, progress=progress)
    write_json(report.to_json(), options.folder / f"synth-{options.target}.json")
    tables.out.print(tables.pairs(report.rows()))
