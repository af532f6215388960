"""What the projects of several vendors have in common: Verilog, images, and the Tcl that puts both in front of a tool."""

from __future__ import annotations

from collections.abc import Mapping

from .bundle import CORE, Bundle
from .template import render

NO_RW_CHECK = '(* syn_ramstyle = "no_rw_check" *)'
"""Synplify's word, which LSE and GowinSynthesis know too: reading and writing never meet, so nothing need guard against it."""


def sources(
    bundle: Bundle, verilog: Mapping[str, str], *, folder: str = "rtl/", images: bool = True
) -> dict[str, bytes | str]:
    """Verilog in ``folder``, images in ``images/``, and ``sources.tcl``, which gives a script both of them.

    images : whether the Verilog reads them; where it does not, a host loads them
    """
    return {
        **{f"{folder}{name}": text for name, text in verilog.items()},
        **bundle.plain_images(),
        "sources.tcl": render(
            "common/sources.tcl.j2", bundle=bundle, verilog=list(verilog), folder=folder, core=CORE, placed=images
        ),
    }


def pins(bundle: Bundle) -> int:
    """Pins that the core would take if its ports were the FPGA's."""
    return sum(port["width"] for port in bundle.sidecar["ports"])
