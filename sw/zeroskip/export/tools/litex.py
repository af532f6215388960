"""For LiteX: a Python module that puts the core on a SoC's bus, with streams and DMAs, and a SoC that shows its use."""

from __future__ import annotations

from zeroskip.contracts.layout import Layout
from zeroskip.export.bundle import Bundle
from zeroskip.export.template import render

IMAGES = "zeroskip_images"
"""Where the tools run they lie beside the SoC's own files, so the name says whose they are."""


def files(bundle: Bundle) -> dict[str, bytes | str]:
    """``zeroskip_litex.py`` finds Verilog and images beside itself, wherever the folder lies."""
    verilog = bundle.verilog(images=f"{IMAGES}/")
    widths = {port["name"]: port["width"] for port in bundle.sidecar["ports"]}
    group = Layout(bundle.config).group_samples
    values = {
        "design": bundle.name, "verilog": list(verilog), "stream_bits": bundle.config.stream_bits,
        "address_bits": widths["s_axil_awaddr"], "inputs": bundle.program.inputs, "outputs": bundle.program.outputs,
        "group": group, "group_note": f" The array computes {group} samples at a time: transfer multiples of that." if group > 1 else "",
        "config_id": bundle.sidecar["config_id"], "clock": int(bundle.clock * 1e6),
    }  # fmt: skip
    return {
        **{f"rtl/{name}": text for name, text in verilog.items()},
        **bundle.plain_images(),
        "zeroskip_litex.py": render("litex/zeroskip_litex.py.j2", **values),
        "example_soc.py": render("litex/example_soc.py.j2", **values),
        "README.md": render("litex/README.md.j2", **values),
    }
