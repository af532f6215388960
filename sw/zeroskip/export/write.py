"""One exported folder, whole or not at all."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from zeroskip.contracts.errors import InputError
from zeroskip.contracts.payload import Payload
from zeroskip.drivers.files import driver_files
from zeroskip.storage import design_folder
from zeroskip.storage.atomic import file_digest, replaced_folder, require_replaceable, write_json
from zeroskip.storage.sealed import stated

from .bundle import Bundle, identifier
from .registry import Tool, tool_named

EXPORTED = "zeroskip-export.json"
"""States tool, part, design and the sha256 of every other file; a folder that has it is an export, which may be replaced."""
CLOCK = 100.0


def export(
    design: str | Path,
    tool: str,
    *,
    out: str | Path | None = None,
    part: str | None = None,
    clock: float | None = None,
    progress: Callable[[str], None] = lambda message: None,
) -> Path:
    """Write the folder with which ``tool`` goes on, the C driver and the design's header for it in ``driver/``, and return it.

    design : a folder that ``Design.save`` wrote
    tool : one of :data:`TOOLS`
    out : the folder to write; by default ``export/TOOL`` in the design. An export that is there is replaced
    part : the FPGA, as its vendor orders it
    clock : MHz of the constraints

    No file in it names a place of this machine, so the folder may be moved. Raises InputError for an unknown tool or part, a clock that is
    not positive and a folder in the way, ImageError for a design that is not whole.
    """
    chosen, home = tool_named(tool), Path(design)
    if clock is not None and not 0 < clock < 10_000:
        raise InputError(f"clock must be above 0 and below 10000 MHz, not {clock}")
    folder = Path(out) if out is not None else home / "export" / tool
    require_export_folder(folder)
    bundle = Bundle(
        name=identifier(home), saved=design_folder.load(home), part=_part(chosen, part), clock=clock or CLOCK,
        samples=design_folder.read_samples(home),
    )  # fmt: skip
    progress(f"writing {folder}")
    driver = driver_files(Payload.of(bundle.saved))
    files = {**chosen.files(bundle), **{f"driver/{name}": text for name, text in driver.items()}}
    with replaced_folder(folder, require_export_folder) as partial:
        for name, content in files.items():
            path = partial / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            if path.suffix == ".sh":
                path.chmod(path.stat().st_mode | 0o111)
        digests = {name: file_digest(partial / name) for name in sorted(files)}
        write_json(
            {
                "tool": tool, "part": bundle.part, "clock": bundle.clock, "design": bundle.name,
                "config_id": bundle.sidecar["config_id"], "files": digests,
            },
            partial / EXPORTED,
        )  # fmt: skip
    return folder


def require_export_folder(folder: Path) -> None:
    """Refuse a folder that :func:`export` would not write to, before any work is done."""
    require_replaceable(folder, _is_export, "an export of zeroskip")


def _part(tool: Tool, part: str | None) -> str | None:
    if tool.parts is None:
        if part is not None:
            raise InputError(f"part must be left out for {tool.name}, which needs none, not {part!r}")
        return None
    if part is not None and not re.fullmatch(tool.parts, part):
        raise InputError(f"part must be one of {tool.name}'s, as {tool.example}, not {part!r}")
    return part or tool.example


def _is_export(folder: Path) -> bool:
    return "tool" in stated(folder / EXPORTED)
