"""Lattice Diamond (ECP5, MachXO): a project made by its Tcl shell. It ignores initial contents of memories, so a host loads the images."""

from __future__ import annotations

from zeroskip.export.bundle import RAM, Bundle
from zeroskip.export.load_list import load_list
from zeroskip.export.sources import NO_RW_CHECK, pins, sources
from zeroskip.export.template import render

PARTS = r"(LFE5UM?5?G?|LAE5UM|LCMXO[23](LF|L|D)?|LFE3|LFXP2|LFMXO[23]D?)-[0-9]+[A-Z]*-[0-9][A-Z]+[0-9]+[A-Z]+"
EXAMPLE = "LFE5U-25F-6BG256C"


def files(bundle: Bundle) -> dict[str, bytes | str]:
    """As for Radiant, but the Verilog reads no image, and ``load.txt`` lists the writes by which a host loads and starts the array."""
    verilog = bundle.verilog(attributes=NO_RW_CHECK)
    verilog[RAM] = f"`define ZEROSKIP_NO_IMAGES\n{verilog[RAM]}"
    texts = ("create_project.tcl", "synthesize.tcl", "build.tcl", "zeroskip.lpf", "README.md")
    writes = load_list(bundle.program)
    return {
        **sources(bundle, verilog, images=False),
        **{name: render(f"diamond/{name}.j2", bundle=bundle, pins=pins(bundle), writes=len(writes)) for name in texts},
        "zeroskip.sdc": render("common/zeroskip.sdc.j2", bundle=bundle),
        "load.txt": render("diamond/load.txt.j2", bundle=bundle, writes=writes),
    }
