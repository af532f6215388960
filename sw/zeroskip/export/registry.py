"""The tools that a design can be exported to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from zeroskip.contracts.errors import InputError

from .bundle import Bundle
from .tools import diamond, filelist, fusesoc, gowin, litex, quartus, radiant, vivado

Files = Mapping[str, bytes | str]
"""Content by path relative to the exported folder; text is written in UTF-8."""


@dataclass(frozen=True, kw_only=True)
class Tool:
    """One tool.

    name : as the user writes it
    words : what it is, for ``--help``
    files : makes every file of the folder
    parts : the parts that it is known to take, as a regular expression; None where it needs none
    example : a part that fits, for messages and as the default
    """

    name: str
    words: str
    files: Callable[[Bundle], Files]
    parts: str | None = None
    example: str | None = None


_ALL = (
    Tool(name="vivado", words="AMD Vivado", files=vivado.files, parts=vivado.PARTS, example=vivado.EXAMPLE),
    Tool(
        name="quartus", words="Intel Quartus Prime: project, .qip, Platform Designer component", files=quartus.files,
        parts=quartus.PARTS, example=quartus.EXAMPLE,
    ),
    Tool(
        name="radiant", words="Lattice Radiant (Nexus, iCE40 UltraPlus): project", files=radiant.files, parts=radiant.PARTS,
        example=radiant.EXAMPLE,
    ),
    Tool(
        name="diamond", words="Lattice Diamond (ECP5, MachXO): project, and the list of writes that loads the images",
        files=diamond.files, parts=diamond.PARTS, example=diamond.EXAMPLE,
    ),
    Tool(
        name="gowin", words="Gowin EDA: project", files=gowin.files, parts=gowin.PARTS, example=gowin.EXAMPLE,
    ),
    Tool(name="fusesoc", words="FuseSoC core", files=fusesoc.files, parts=fusesoc.PARTS, example=fusesoc.EXAMPLE),
    Tool(name="litex", words="LiteX module", files=litex.files),
    Tool(name="filelist", words="Verilog, images and a list of files for any other tool", files=filelist.files),
)  # fmt: skip
TOOLS = {tool.name: tool for tool in _ALL}
"""Every tool by name."""


def tool_named(name: str) -> Tool:
    """The tool of that name. InputError lists the allowed names."""
    if name not in TOOLS:
        raise InputError(f"tool must be one of {', '.join(TOOLS)}, not {name!r}")
    return TOOLS[name]
