"""What the exports of Quartus, Radiant, Diamond and Gowin have in common, in tests."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from tests.sw.export.designs import built
from tests.sw.export.lint import icarus_says, slang_says, verilator_says
from tests.sw.export.netlist import Netlist, synthesised
from tests.sw.export.tcl.run import Call, run_tcl

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.layout import Layout
from zeroskip.storage.design_folder import load

TOP = ("zeroskip.v", "zeroskip_core.v", "zs_ram.v")
"""The Verilog of a design, in the order of the projects."""


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """The variables that a user sets for the scripts, and none that another test has set."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ZEROSKIP_TOP")}
    with patch.dict(os.environ, {**kept, **variables}, clear=True):
        yield


def project_of(home: Path, tool: str, script: str, away: Path, **variables: str) -> list[Call]:
    """Calls of the script, run from a folder in which nothing of the export lies."""
    away.mkdir(exist_ok=True)
    with environment(**variables):
        return run_tcl(home / script, tool, home=away)


def lints_clean(home: Path, files: list[Path]) -> None:
    names = [str(path) for path in files]
    assert verilator_says(home, names, "zeroskip") == []
    assert icarus_says(home, names, "zeroskip") == []
    assert slang_says(home, names, "zeroskip") == []


def images_named(core: Path) -> dict[str, Path]:
    """Image by memory name, as the Verilog names them."""
    found = re.findall(r'\.IMAGE\("([^"]+)"\)', core.read_text())
    return {Path(name).name.removesuffix(".mem"): Path(name) for name in found}


def multipliers(config: ArrayConfig) -> int:
    """Products of one cycle: a weight of each lane with the activations of all columns, and what scales the result."""
    return config.lanes * config.columns


def memory_bits(design: str) -> int:
    """Bits of all memories that a host can load."""
    return sum(memory.width * memory.depth for memory in Layout(load(built(design)).program.config).memories)


def counts(home: Path, files: list[Path], family: str, *options: str) -> Netlist:
    return synthesised(home, [os.path.relpath(path, home) for path in files], family, "zeroskip", *options)


def described(netlist: Netlist) -> Mapping[str, float]:
    return {"bram": netlist.bram, "dsp": netlist.dsp, "ff": netlist.ff}
