"""What the projects of Quartus, Radiant, Diamond and Gowin say when their scripts run, in one form for all four."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from tests.sw.export.tcl.run import Call, named, run_tcl

TOOLS = ("quartus", "radiant", "diamond", "gowin")
VERILOG = ("zeroskip.v", "zeroskip_core.v", "zs_multiplier.v", "zs_ram.v")
"""In the order of the projects."""


def in_folder(home: Path) -> list[str]:
    """The Verilog of an export, seen from its folder: beside the scripts for Quartus, in rtl/ for the others."""
    return [next(path for path in (f"rtl/{name}", name) if (home / path).is_file()) for name in VERILOG]


@dataclass(frozen=True, kw_only=True)
class Project:
    """part, top : as the project has them; files : all that was added, in order; steps : what was run of the flow; calls : everything."""

    part: str
    top: str
    files: list[Path]
    steps: list[str]
    calls: list[Call]

    @property
    def verilog(self) -> list[Path]:
        return [path for path in self.files if path.suffix == ".v"]


def project(home: Path, tool: str, script: str, away: Path, **variables: str) -> Project:
    """The project that ``script`` makes, run from ``away``, in which nothing of the export need lie, with a user's ``variables``."""
    away.mkdir(exist_ok=True)
    with environment(**variables):
        return _READERS[tool](run_tcl(home / script, tool, home=away))


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """The environment with ``variables``, and none of them from elsewhere."""
    ours = ("ZEROSKIP_TOP", "ZEROSKIP_FILES", "DEVICE_VERSION")
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    with patch.dict(os.environ, {**kept, **variables}, clear=True):
        yield


def images_named(core: Path) -> dict[str, Path]:
    """Image by memory name, as the Verilog names them."""
    found = [Path(name) for name in re.findall(r'\.\w+\("([^"]+\.\w+)"\)', core.read_text())]
    return {path.name.removesuffix(".mem"): path for path in found}


def _quartus(calls: Sequence[Call]) -> Project:
    assignments = [(call.options["-name"], call.given[0]) for call in named(calls, "set_global_assignment")]
    one = dict(assignments)
    return Project(
        part=one.get("DEVICE", ""), top=one.get("TOP_LEVEL_ENTITY", ""), calls=list(calls),
        files=[Path(value) for name, value in assignments if name.endswith("_FILE")],
        steps=[option for call in named(calls, "execute_flow") for option in call.options],
    )  # fmt: skip


def _radiant(calls: Sequence[Call]) -> Project:
    (created,) = named(calls, "prj_create")
    return Project(
        part=created.options["-dev"], calls=list(calls), steps=[call.given[0] for call in named(calls, "prj_run")],
        top=next(call.given[1] for call in named(calls, "prj_set_impl_opt") if call.given[0] == "top"),
        files=[Path(name) for call in named(calls, "prj_add_source") for name in call.given],
    )  # fmt: skip


def _diamond(calls: Sequence[Call]) -> Project:
    (created,) = [call for call in named(calls, "prj_project") if call.given[0] == "new"]
    added = [Path(name) for call in named(calls, "prj_src") for name in call.given[1:]]
    lpf = [Path(created.options["-lpf"])] if "-lpf" in created.options else []
    return Project(
        part=created.options["-dev"], calls=list(calls), steps=[call.given[0] for call in named(calls, "prj_run")],
        top=next(call.given[2] for call in named(calls, "prj_impl") if call.given[1] == "top"), files=[*lpf, *added],
    )  # fmt: skip


def _gowin(calls: Sequence[Call]) -> Project:
    options = {name: value for call in named(calls, "set_option") for name, value in call.options.items()}
    created = next((call.options["-pn"] for call in named(calls, "create_project")), None)
    return Project(
        part=created or named(calls, "set_device")[0].given[0], top=options["-top_module"], calls=list(calls),
        files=[Path(call.given[0]) for call in named(calls, "add_file")],
        steps=[call.given[0] for call in named(calls, "run")],
    )  # fmt: skip


_READERS = {"quartus": _quartus, "radiant": _radiant, "diamond": _diamond, "gowin": _gowin}
