"""Quartus Prime, Standard and Pro: a project by Tcl, a .qip for projects that exist, and a component for Platform Designer."""

from __future__ import annotations

from zeroskip.export.bundle import CORE, RAM, Bundle
from zeroskip.export.sources import pins, sources
from zeroskip.export.template import render

PARTS = r"(5[ACS]|10(A[XST]|C[XL]|M)|EP[34][CS]|1S|AG[FIMC]|A[35][CDE])[0-9A-Z]{6,}"
EXAMPLE = "5CSEBA6U23I7"


def files(bundle: Bundle) -> dict[str, bytes | str]:
    """Verilog and images stand beside ``zeroskip.qip`` and ``zeroskip_hw.tcl``, as in a folder of IP.

    ``zs_ram.v`` is Quartus' own: it infers block RAM with an enable for each byte from SystemVerilog alone (Quartus Prime User Guide,
    Design Recommendations, "RAM with Byte-Enable Signals"), so each part that can be written by itself is a memory of its own.
    """
    verilog = bundle.verilog()
    verilog[RAM] = render("quartus/zs_ram.v.j2")
    values = {
        "bundle": bundle, "verilog": list(verilog), "core": CORE, "pins": pins(bundle), "images": sorted(bundle.plain_images()),
        "interfaces": interfaces(bundle),
    }  # fmt: skip
    texts = ("create_project.tcl", "build.tcl", "zeroskip.qip", "zeroskip_hw.tcl", "README.md")
    return {
        **sources(bundle, verilog, folder=""),
        **{name: render(f"quartus/{name}.j2", **values) for name in texts},
        "zeroskip.sdc": render("common/zeroskip.sdc.j2", bundle=bundle),
    }


def interfaces(bundle: Bundle) -> dict[str, list[dict[str, object]]]:
    """Ports of each bus with their role in it: ``s_axis_tdata`` is ``tdata`` of ``s_axis``."""
    buses: dict[str, list[dict[str, object]]] = {"s_axil": [], "s_axis": [], "m_axis": []}
    for port in bundle.sidecar["ports"]:
        for bus, members in buses.items():
            if port["name"].startswith(f"{bus}_"):
                members.append({**port, "role": port["name"].removeprefix(f"{bus}_")})
    return buses
