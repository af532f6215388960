"""Lattice Diamond (ECP5, MachXO): a project made by its Tcl shell. It ignores initial contents of memories, so a host loads the images."""

from __future__ import annotations

from zeroskip.contracts import macros, registers
from zeroskip.contracts.payload import Payload
from zeroskip.export.bundle import RAM, Bundle
from zeroskip.export.sources import NO_RW_CHECK, pins, sources
from zeroskip.export.template import render

PARTS = r"(LFE5UM?5?G?|LAE5UM|LCMXO[23](LF|L|D)?|LFE3|LFXP2|LFMXO[23]D?)-[0-9]+[A-Z]*-[0-9][A-Z]+[0-9]+[A-Z]+"
EXAMPLE = "LFE5U-25F-6BG256C"


def files(bundle: Bundle) -> dict[str, bytes | str]:
    """As for Radiant, but the Verilog reads no image. ``load.txt`` lists the writes by which a host loads and starts the array."""
    verilog = bundle.verilog(attributes=NO_RW_CHECK)
    verilog[RAM] = f"`define {macros.NO_IMAGES}\n{verilog[RAM]}"
    payload = Payload.of(bundle.saved)
    writes = load_list(payload)
    texts = ("create_project.tcl", "synthesize.tcl", "build.tcl", "zeroskip.lpf", "README.md")
    return {
        **sources(bundle, verilog, images=False),
        **{name: render(f"diamond/{name}.j2", bundle=bundle, pins=pins(bundle), writes=len(writes)) for name in texts},
        "zeroskip.sdc": render("common/zeroskip.sdc.j2", bundle=bundle),
        "load.txt": render("diamond/load.txt.j2", bundle=bundle, writes=writes),
    }


def load_list(payload: Payload) -> list[tuple[int, int]]:
    """Address and value of every write to the register port: stop, CRC of what follows, all memories, start."""
    parts = [(write.address + 4 * i, value) for write in payload.writes() for i, value in enumerate(write.values)]
    return [
        (registers.CONTROL, 0), (registers.EXPECTED_CRC, payload.crc), *parts, (registers.CONTROL, registers.CONTROL_RUN),
    ]  # fmt: skip
