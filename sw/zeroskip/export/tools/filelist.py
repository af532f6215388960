"""For every tool that has no export of its own: the Verilog, the images, and the list of files that most tools read."""

from __future__ import annotations

from zeroskip.export.bundle import Bundle
from zeroskip.export.template import render


def files(bundle: Bundle) -> dict[str, bytes | str]:
    """``zeroskip.f`` names the Verilog, relative to the folder, in which the tool must run: the images are looked up there."""
    verilog = bundle.verilog()
    return {
        **{f"rtl/{name}": text for name, text in verilog.items()},
        **bundle.plain_images(),
        "zeroskip.f": "".join(f"rtl/{name}\n" for name in verilog),
        "README.md": render("filelist/README.md.j2", bundle=bundle, verilog=list(verilog)),
    }
