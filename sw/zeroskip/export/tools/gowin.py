"""Gowin EDA: a project made by its Tcl shell, in which GowinSynthesis reads the images."""

from __future__ import annotations

from zeroskip.export.bundle import Bundle
from zeroskip.export.sources import NO_RW_CHECK, pins, sources
from zeroskip.export.template import render

PARTS = r"GW[125][A-Z]{1,4}-[LUE]V[0-9]+[0-9A-Z]+(/I[0-9])?"
EXAMPLE = "GW2AR-LV18QN88C8/I7"

_VERSIONS = {
    "GW1NR-LV9": "C", "GW2A-LV18": "C", "GW2AR-LV18": "C", "GW5A-LV25": "A", "GW5AST-LV138FPG676AES": "B", "GW5AST-LV138PG484A": "C",
}  # fmt: skip
"""Device versions of parts on common boards, by how the part begins. They are printed on the chip and no part of its name."""


def files(bundle: Bundle) -> dict[str, bytes | str]:
    """``create_project.tcl`` makes the project, ``synthesize.tcl`` measures the core, ``build.tcl`` goes on to a bitstream."""
    values = {"bundle": bundle, "version": device_version(bundle.part or ""), "pins": pins(bundle)}
    texts = ("create_project.tcl", "synthesize.tcl", "build.tcl", "README.md")
    return {
        **sources(bundle, bundle.verilog(attributes=NO_RW_CHECK)),
        **{name: render(f"gowin/{name}.j2", **values) for name in texts},
        "zeroskip.sdc": render("common/zeroskip.sdc.j2", bundle=bundle),
    }


def device_version(part: str) -> str | None:
    """The version that the project names, where it is known. The environment's DEVICE_VERSION goes before it."""
    return next((version for begin, version in _VERSIONS.items() if part.startswith(begin)), None)
