"""Amaranth → RTLIL → Verilog-2005 files with a sidecar that describes them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.errors import InputError
from zeroskip.contracts.layout import Layout

from .emit.text import verilog_of
from .top import Top
from .wrapper import wrapper

TOP = "zeroskip"
CORE = "zeroskip_core"
WRITTEN = ("zs_multiplier.v", "zs_ram.v")
"""Modules that are written by hand: what tools and parts want in different ways."""


@dataclass(frozen=True)
class Verilog:
    """files : text by file name; sidecar : ports, parameters, register windows and hashes, for JSON."""

    files: dict[str, str]
    sidecar: dict[str, Any]

    @property
    def digest(self) -> str:
        """sha256 over all files."""
        return hashlib.sha256(json.dumps(self.files, sort_keys=True).encode()).hexdigest()


def generate(config: ArrayConfig) -> Verilog:
    """The array of a sized ``config`` as Verilog that Icarus and Verilator accept; the same text for the same configuration.

    Registers have no initial values but those that guard memories: the design comes up through its reset alone. Memories take theirs
    from ``images/*.mem``.
    """
    if not config.sized:
        raise InputError("ArrayConfig must have every feature and size given before hardware is elaborated")
    layout = Layout(config)
    top = Top(layout)
    ports = [{"name": "clk", "direction": "input", "width": 1}, {"name": "rst", "direction": "input", "width": 1}]
    for path, member, value in top.signature.flatten(top):
        direction = "input" if member.flow.name == "In" else "output"
        ports.append({"name": "__".join(map(str, path)), "direction": direction, "width": len(value)})
    ports = [port for port in ports if port["name"] != "autostart"]  # the wrapper makes a parameter of it
    sources = {
        "zeroskip.v": wrapper(TOP, CORE, ports, config),
        "zeroskip_core.v": verilog_of(top, CORE),
        **{name: (files("zeroskip_hw") / "verilog" / name).read_text() for name in WRITTEN},
    }
    sidecar = {
        "top": TOP,
        "files": {name: hashlib.sha256(source.encode()).hexdigest() for name, source in sources.items()},
        "ports": ports,
        "parameters": {"AUTOSTART": 0},
        "config": config.to_json(),
        "config_id": config.digest,
        "windows": {
            memory.name: {
                "address": memory.window << layout.window_bits, "width": memory.width, "depth": memory.depth,
                "stride": memory.stride,
            }
            for memory in layout.memories
        },
    }  # fmt: skip
    return Verilog(sources, sidecar)
