"""Write what is made from ``registers.rdl``: ``python -m tests.registers.generate``, or ``make registers``.

Constants in Python and C, and a page of the documentation.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from peakrdl_cheader.c_standards import CStandard
from peakrdl_cheader.exporter import CHeaderExporter
from peakrdl_markdown import MarkdownExporter
from systemrdl import RDLCompiler
from systemrdl.node import AddrmapNode, RegNode

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "sw/zeroskip/contracts/registers.rdl"
PYTHON, C_HEADER, PAGE = (
    "sw/zeroskip/contracts/registers.py", "sw/zeroskip/drivers/c/zeroskip_registers.h", "docs/registers.md"
)  # fmt: skip


@dataclass(frozen=True)
class Field:
    """name, lowest bit, width, and value after reset, None where it has none."""

    name: str
    low: int
    width: int
    reset: int | None


@dataclass(frozen=True)
class Register:
    """name; offset in bytes; its one-bit fields; value after reset, 0 where it has none."""

    name: str
    offset: int
    fields: list[Field]
    reset: int


def compiled(**parameters: int) -> AddrmapNode:
    """The register map, elaborated with the values of its parameters."""
    compiler = RDLCompiler()
    compiler.compile_file(str(SOURCE))
    return compiler.elaborate(top_def_name="zeroskip", parameters=parameters).top


def generated() -> dict[str, str]:
    """Text by path in the repository."""
    top = compiled()
    page_of = compiled(layers=1)  # the page says once what every layer has
    with tempfile.TemporaryDirectory() as name:
        header, page = Path(name) / "zeroskip_registers.h", Path(name) / "page.md"
        CHeaderExporter().export(top, str(header), std=CStandard.gnu99)
        MarkdownExporter().export(page_of, str(page))
        texts = {C_HEADER: header.read_text(), PAGE: page.read_text()}
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, trim_blocks=True
    )
    registers = [_register(node) for node in top.registers()]
    constants = environment.get_template("registers.py.j2").render(registers=registers)
    return {PYTHON: _formatted(constants), **texts}


def _register(node: RegNode) -> Register:
    fields = [Field(f.inst_name, f.low, f.width, f.get_property("reset")) for f in node.fields()]
    reset = sum((field.reset or 0) << field.low for field in fields)
    return Register(node.inst_name, node.raw_address_offset, [field for field in fields if field.width == 1], reset)


def _formatted(text: str) -> str:
    command = [sys.executable, "-m", "ruff", "format", "-", "--stdin-filename", str(ROOT / PYTHON)]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    for path, text in generated().items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text)
        print(f"wrote {path}")
