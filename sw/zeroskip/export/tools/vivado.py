"""AMD Vivado: a project of the array alone, the array as an IP, and for a Zynq a whole system down to the bitstream."""

from __future__ import annotations

import re

from zeroskip.contracts.layout import Layout
from zeroskip.export.bundle import Bundle
from zeroskip.export.template import render

PARTS = (
    r"x[acq]7[aksvz][a-z]?\d+[a-z]{2,6}\d+-[123][A-Z]{0,2}"  # 7 series: device and package in one word
    r"|x[acq][a-z]{1,2}\d+[a-z]{0,3}-[a-z]{4}\d+-[123][A-Z]{0,3}-[a-z](?:-[A-Za-z0-9]+)?"  # UltraScale and later
)
EXAMPLE = "xc7a35tcpg236-1"

_PROCESSORS = {
    7: {
        "master": "M_AXI_GP0", "slave": "S_AXI_HP0", "clock": "FCLK_CLK0", "reset": "FCLK_RESET0_N",
        "master_clock": "M_AXI_GP0_ACLK", "slave_clock": "S_AXI_HP0_ACLK",
    },
    "ultrascale": {
        "master": "M_AXI_HPM0_FPD", "slave": "S_AXI_HP0_FPD", "clock": "pl_clk0", "reset": "pl_resetn0",
        "master_clock": "maxihpm0_fpd_aclk", "slave_clock": "saxihp0_fpd_aclk",
    },
}  # fmt: skip
"""Names at the processor of a Zynq-7000, and at that of a Zynq UltraScale+."""


def files(bundle: Bundle) -> dict[str, bytes | str]:
    """Scripts that find everything beside themselves, wherever Vivado is started.

    Images have as many lines as their memories words and nothing else (UG901), and stand in the Verilog without a folder: Vivado looks
    for them among the files of the project.
    """
    verilog = bundle.verilog(images="")
    images = bundle.plain_images()
    zynq = processor(str(bundle.part))
    names: dict[str, object] = {
        "verilog": [f"rtl/{name}" for name in verilog],
        "images": list(images),
        "bundle": bundle,
        "mhz": f"{bundle.clock:g}",
    }
    made: dict[str, bytes | str] = {
        **{f"rtl/{name}": text for name, text in verilog.items()},
        **images,
        "constraints/zeroskip.xdc": render("vivado/zeroskip.xdc.j2", **names),
        "create_project.tcl": render("vivado/create_project.tcl.j2", project="project", **names),
        "package_ip.tcl": render(
            "vivado/package_ip.tcl.j2", project="packaging", range=1 << Layout(bundle.config).address_bits, **names
        ),
    }
    if zynq is not None:
        made["create_system.tcl"] = render(
            "vivado/create_system.tcl.j2",
            project="system",
            zynq=zynq,
            ps=_PROCESSORS[zynq],
            dma_bits=max(32, bundle.config.stream_bits),
            **names,
        )
    return {**made, "README.md": render("vivado/README.md.j2", zynq=zynq, **names)}


def processor(part: str) -> int | str | None:
    """The kind of Zynq that the part is, as in ``_PROCESSORS``; None for a part without a processor."""
    if re.match(r"x[acq]7z", part):
        return 7
    return "ultrascale" if re.match(r"x[acq](zu|k2[46]-)", part) else None
