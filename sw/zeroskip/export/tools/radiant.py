"""Lattice Radiant (Nexus, iCE40 UltraPlus): a project made by its Tcl shell, in which synthesis reads the images."""

from __future__ import annotations

from zeroskip.export.bundle import Bundle
from zeroskip.export.sources import NO_RW_CHECK, pins, sources
from zeroskip.export.template import render

PARTS = r"(LIFCL|LFD2NX|LFCPNX|LFMXO5|UT24C)-[0-9]+[0-9A-Z]*-[0-9][A-Z]+[0-9]+[A-Z]+|iCE40UP[35]K-[A-Z]+[0-9]+[A-Z]*"
EXAMPLE = "LIFCL-40-9BG400C"


def files(bundle: Bundle) -> dict[str, bytes | str]:
    """``create_project.tcl`` makes the project, ``synthesize.tcl`` measures the core, ``build.tcl`` goes on to a bitstream."""
    texts = ("create_project.tcl", "synthesize.tcl", "build.tcl", "README.md")
    return {
        **sources(bundle, bundle.verilog(attributes=NO_RW_CHECK)),
        **{name: render(f"radiant/{name}.j2", bundle=bundle, pins=pins(bundle)) for name in texts},
        "zeroskip.sdc": render("common/zeroskip.sdc.j2", bundle=bundle),
    }
