"""From a saved design to a bitstream: map with the board's top, check that it fits, place until the clock is met, pack."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from zeroskip.contracts.bridge import BOARD_TOP, BridgeConfig
from zeroskip.contracts.errors import CapacityError
from zeroskip.synth.area import Area, Hierarchy
from zeroskip.synth.flow import checked_seeds, copy_sources
from zeroskip.synth.report import Placed, read_nextpnr
from zeroskip.synth.tools import nextpnr, packer_version, read_verilog, run_packer, tool_versions, yosys

from .board import Board
from .constraints import constraints
from .report import BitstreamReport

PINS = "pins"
"""File of the constraints, without its suffix."""

PACKED = "packed"
"""File of the bitstream, without its suffix."""


@dataclass(frozen=True, kw_only=True)
class Family:
    """The tools' options for one family.

    form : suffix of the constraints
    options : of nextpnr, with ``{pins}`` and ``{placed}`` for the files
    placed : file that nextpnr leaves
    packer : program
    pack : its arguments, with ``{placed}`` and ``{packed}``
    """

    form: str
    options: tuple[str, ...]
    placed: str
    packer: str
    pack: tuple[str, ...]


FAMILIES = {
    "ecp5": Family(
        form="lpf", options=("--lpf", "{pins}", "--textcfg", "{placed}"), placed="placed.config",
        packer="ecppack", pack=("--compress", "{placed}", "{packed}"),
    ),
    "ice40": Family(
        form="pcf", options=("--pcf", "{pins}", "--asc", "{placed}"), placed="placed.asc",
        packer="icepack", pack=("{placed}", "{packed}"),
    ),
    "himbaechel_gowin": Family(
        form="cst", options=("--vopt", "cst={pins}", "--write", "{placed}"), placed="placed.json",
        packer="gowin_pack", pack=("-d", "GW2A-18C", "-o", "{packed}", "{placed}"),
    ),
}  # fmt: skip
"""By the name of nextpnr's program."""


@dataclass(frozen=True)
class Bitstream:
    """content : the bytes of the file; report : what it is made of."""

    content: bytes
    report: BitstreamReport


def bitstream(
    design_dir: str | Path,
    board: Board,
    bridge: BridgeConfig,
    top: Mapping[str, str],
    *,
    config_id: int,
    seeds: Sequence[int] = (1, 2, 3),
    progress: Callable[[str], None] | None = None,
) -> Bitstream:
    """Make the bitstream of a saved design on a board. Nothing is written into ``design_dir``.

    design_dir : holds ``rtl/*.v`` and the images that this Verilog reads, which become the memories' contents
    bridge : what ``top`` was made from
    top : Verilog of the board's top by file name, with the module BOARD_TOP
    config_id : of the array, for the report
    seeds : seeds of nextpnr's placer; they are tried in this order until one meets the board's clock
    progress : called with one line as each step begins or ends

    Raises CapacityError, with both figures, for a design that does not fit, and for one that no seed makes fast enough for the board's
    oscillator: no slower clock is made from it, so the bitstream would not work. ImageError for a folder without Verilog or a missing
    image; InputError for bad seeds; ToolMissingError if a program is not installed.
    """
    design, part, family = Path(design_dir), board.target, FAMILIES[board.target.nextpnr]
    tell = progress or (lambda message: None)
    checked_seeds(seeds)
    what = f"{design} on {board.name}"
    with tempfile.TemporaryDirectory(prefix="zeroskip-board-") as name:
        folder = Path(name)
        sources = copy_sources(design, folder)
        tell(f"starting yosys and nextpnr-{part.nextpnr} (their first start on a machine takes a minute)")
        tools = tool_versions(part) | packer_version(family.packer)
        for file, text in top.items():
            (folder / file).write_text(text)
        pins = f"{PINS}.{family.form}"
        (folder / pins).write_text(constraints(board, family.form))
        tell(f"yosys: mapping to {part.device}")
        area = _map(board, [*sources, *top], folder, design)
        part.check_fit(area, what)
        options = [option.format(pins=pins, placed=family.placed) for option in family.options]
        mhz = board.clock_hz / 1e6
        placed: dict[int, Placed] = {}
        for seed in seeds:
            tell(f"nextpnr: seed {seed}")
            placed[seed] = read_nextpnr(
                nextpnr(part, "mapped.json", seed, mhz, folder, what, extra=options, within="the board's top"),
                wrapped=False,
            )
            tell(f"nextpnr: seed {seed}: {placed[seed].fmax:.1f} MHz, {mhz:g} needed")
            if placed[seed].fmax >= mhz:
                break
        fmax = {seed: round(result.fmax, 2) for seed, result in placed.items()}
        if placed[seed].fmax < mhz:
            tried = ", ".join(f"{value:.1f} MHz (seed {seed})" for seed, value in fmax.items())
            raise CapacityError(f"{what}: is too slow for the board's clock: needs {mhz:g} MHz, reaches {tried}")
        tell(f"{family.packer}: packing the bitstream")
        packed = f"{PACKED}.{board.suffix}"
        run_packer(
            family.packer, [word.format(placed=family.placed, packed=packed) for word in family.pack], folder, what
        )
        content = (folder / packed).read_bytes()
    report = BitstreamReport.of(
        board, bridge, placed[seed], content=content, area=area, fmax=fmax, seed=seed, config_id=config_id, tools=tools
    )
    return Bitstream(content, report)


def _map(board: Board, sources: Sequence[str], folder: Path, design: Path) -> Area:
    """Map to ``mapped.json``; returns the whole area."""
    synth = f"{board.target.synth} -top {BOARD_TOP}"
    steps = [
        read_verilog(sources, board.target.synth),
        f"{synth} -run begin:map_ram",
        *_registers(board.registers),
        f"{synth} -run map_ram:",
        "tee -q -o stat.json stat -json",
        "write_json mapped.json",
    ]
    yosys("\n".join(steps), folder, design)
    return Hierarchy(json.loads((folder / "stat.json").read_text()), board.target.cells).whole(BOARD_TOP)


def _registers(bits: int) -> list[str]:
    """Steps after which memories of at most so many bits are built of flip-flops."""
    depths = [1 << i for i in range(1, bits.bit_length())] if bits else []
    chosen = (f"t:$mem_v2 r:SIZE<={depth} %i r:WIDTH<={bits // depth} %i" for depth in depths)
    return [f'setattr -set ram_style "registers" {selection}' for selection in chosen]
