"""``zeroskip synth``: area and Fmax of a design, or the bitstream of a board."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from zeroskip.contracts.errors import InputError
from zeroskip.storage.atomic import refused, write_bytes, write_json

from . import arguments as a

BOARD_NAMES = "ulx3s-25f, ulx3s-45f, ulx3s-85f, icebreaker, icesugar or tangnano20k"


@dataclass(frozen=True, kw_only=True)
class SynthOptions:
    """The options, as they were given."""

    folder: a.Folder
    target: Annotated[str | None, typer.Option(help=f"Part to measure on: {a.TARGET_NAMES}.")] = None
    board: Annotated[str | None, typer.Option(help=f"Board to make a bitstream for: {BOARD_NAMES}.")] = None
    seeds: Annotated[
        int,
        typer.Option(
            min=1,
            max=100,
            help="Number of placements. Fmax is their median; a bitstream is the first that is fast enough.",
        ),
    ] = 3
    baud: Annotated[
        int | None,
        typer.Option(help="Bits per second of the board's serial line. By default what its USB bridge is known to do."),
    ] = None
    out: Annotated[
        Path | None, typer.Option(help="File of the bitstream. By default DIR/bitstream/BOARD.bit, .bin or .fs.")
    ] = None


def synth(options: SynthOptions) -> None:
    """Measure area and Fmax of DIR's Verilog with yosys and nextpnr, and write them to DIR/synth-TARGET.json.

    With --board instead of --target: make the board's bitstream, with DIR's images in it, and a report beside it in JSON. The board then
    answers to zeroskip run.
    """
    if (options.target is None) == (options.board is None):
        raise InputError("--target, --board: give one of them")
    if options.board is not None:
        _make_bitstream(options, options.board)
        return
    for value, name in ((options.baud, "--baud"), (options.out, "--out")):
        if value is not None:
            raise InputError(f"{name}: needs --board")
    _measure(options, str(options.target))


def _measure(options: SynthOptions, target: str) -> None:
    from zeroskip.synth import synthesise

    from . import tables

    with tables.progress() as progress:
        report = synthesise(options.folder, target, seeds=_seeds(options), progress=progress)
    write_json(report.to_json(), options.folder / f"synth-{target}.json")
    tables.out.print(tables.pairs(report.rows()))


def _make_bitstream(options: SynthOptions, name: str) -> None:
    from zeroskip.storage import design_folder
    from zeroskip.synth.boards import bitstream, board_named

    from . import tables

    board = board_named(name)
    config = design_folder.load(options.folder).program.config
    bridge = board.bridge(options.baud)
    with tables.progress() as progress:
        progress("elaborating the board's top")
        from zeroskip.flow import board_verilog

        made = bitstream(
            options.folder, board, bridge, board_verilog(config, bridge), config_id=config.digest,
            seeds=_seeds(options), progress=progress,
        )  # fmt: skip
    out = options.out or options.folder / "bitstream" / f"{board.name}.{board.suffix}"
    with refused(out):
        out.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(made.content, out)
    write_json(made.report.to_json(), out.with_suffix(".json"))
    tables.out.print(tables.pairs(made.report.rows(str(out))))


def _seeds(options: SynthOptions) -> tuple[int, ...]:
    return tuple(range(1, options.seeds + 1))
