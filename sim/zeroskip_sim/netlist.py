"""A netlist as sources of a simulation: the netlist, the tools' models of its cells, and models of our own where they have none."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.resources import files

from zeroskip.contracts.errors import InputError

COMMON = "block_ram.v"
"""What the block RAMs of several families have in common."""

LENIENT = """`verilator_config
lint_off -file "*/netlist.v"
lint_off -file "*/cells.v"
lint_off -file "*/zs_*.v"
lint_off -rule INITIALDLY -file "*/cells.v"
"""
"""Verilator's warnings say something of code that was written, not of mapped cells."""


def own_models() -> dict[str, str]:
    """File of :mod:`zeroskip_sim.cells` by the cell that it models."""
    folder = files("zeroskip_sim") / "cells"
    texts = {path.name: path.read_text() for path in folder.iterdir() if path.name.endswith(".v")}
    return {cell: name for name, text in texts.items() for cell in re.findall(r"^module (\w+)", text, re.MULTILINE)}


def netlist_sources(verilog: str, models: str, unmodelled: Iterable[str]) -> dict[str, str]:
    """Sources for :func:`zeroskip_sim.run.run`, text by file name.

    verilog : the netlist, a module with the ports of the design
    models : the tools' own models of its cells
    unmodelled : cells that need a model of :mod:`zeroskip_sim.cells`

    The bench is told that this is a netlist, and leaves out the trace. Raises InputError for a cell without any model.
    """
    known, wanted = own_models(), sorted(set(unmodelled))
    if unknown := [cell for cell in wanted if cell not in known]:
        raise InputError(f"netlist: cell {unknown[0]!r} has no simulation model (known: {', '.join(sorted(known))})")
    needed = sorted({known[cell] for cell in wanted})
    if any(name.endswith("_ram.v") for name in needed):
        needed = sorted({*needed, COMMON})
    folder = files("zeroskip_sim") / "cells"
    return {
        "netlist.v": f"`define ZEROSKIP_NETLIST\n{verilog}", "cells.v": models,
        **{f"zs_{name}": (folder / name).read_text() for name in needed}, "netlist.vlt": LENIENT,
    }  # fmt: skip
