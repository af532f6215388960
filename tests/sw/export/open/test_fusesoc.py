"""The core file, as FuseSoC itself reads it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.sw.export.checks import images_are_the_programs, no_place_of_the_writer
from tests.sw.export.conftest import Exported
from tests.sw.export.designs import REAL, SMALL, built
from tests.sw.export.folder import Folder

import zeroskip as zs
from zeroskip.contracts.errors import InputError
from zeroskip.contracts.layout import Layout
from zeroskip.export import export
from zeroskip.export.tools.fusesoc import EXAMPLE

DESIGNS = [*SMALL, *(pytest.param(name, marks=pytest.mark.nightly) for name in REAL)]

PARTS = {
    "LFE5U-12F-6BG256C": "--12k --speed 6 --package CABGA256",
    "LFE5U-25F-7MG285I": "--25k --speed 7 --package CSFBGA285",
    "LFE5U-45F-8BG554C": "--45k --speed 8 --package CABGA554",
    "LFE5U-85F-6BG381C": "--85k --speed 6 --package CABGA381",
    "LFE5UM-45F-6BG381C": "--um-45k --speed 6 --package CABGA381",
    "LFE5UM5G-85F-8BG756C": "--um5g-85k --speed 8 --package CABGA756",
    "LFE5U-25F-6TG144C": "--25k --speed 6 --package TQFP144",
}
"""Parts and the options that nextpnr-ecp5 documents for them."""


@pytest.fixture(params=DESIGNS)
def folder(request: pytest.FixtureRequest, exported: Exported) -> Folder:
    return Folder(path=exported(request.param, "fusesoc"), design=request.param)


def core_of(folder: Path) -> dict[str, Any]:
    """Read as YAML, by its own hand: what the test knows of the file does not come from FuseSoC."""
    first, text = (folder / "own_net.core").read_text().split("\n", 1)
    assert first == "CAPI=2:"
    return yaml.safe_load(text)


def test_it_is_whole_and_names_no_place(folder: Folder) -> None:
    no_place_of_the_writer(folder.path)
    # Images beside the vectors of the testbench, which are no memory's.
    vectors = folder.path.parent / "vectors"
    shutil.move(folder.path / "vectors", vectors)
    images_are_the_programs(folder.path, built(folder.design))
    shutil.move(vectors, folder.path / "vectors")
    memories = Layout(zs.Design.load(built(folder.design)).config).memories
    core = core_of(folder.path)
    assert core["filesets"]["images"]["files"] == [
        {f"images/{memory.name}.mem": {"copyto": f"images/{memory.name}.mem"}} for memory in memories
    ]


def test_every_file_is_in_the_core_or_told_of(folder: Folder) -> None:
    named = {
        name for fileset in core_of(folder.path)["filesets"].values() for entry in fileset["files"]
        for name in ([entry] if isinstance(entry, str) else entry)
    }  # fmt: skip
    there = {path.relative_to(folder.path).as_posix() for path in folder.path.rglob("*") if path.is_file()}
    there = {path for path in there if not path.startswith("driver/")}
    assert there - named == {"README.md", "from_pypi.sh", "own_net.core", "yosys_tcl.tcl", "zeroskip-export.json"}
    assert named <= there


@pytest.mark.icarus
@pytest.mark.verilator
def test_front_ends_are_silent(folder: Folder) -> None:
    folder.lints_clean()


_FUSESOC = """
import sys
from fusesoc.capi2.coreparser import Core2Parser
from fusesoc.core import Core
core = Core(Core2Parser(allow_additional_properties=False), sys.argv[1])
print(core.name)
for tool in ("icarus", "verilator"):
    flags = {"target": "sim", "tool": tool, "is_toplevel": True}
    print(core.get_flow(flags), core.get_flow_options(flags)["tool"], core.get_toplevel(flags), len(core.get_files(flags)))
for target in ("default", "lint", "synth"):
    flags = {**core.get_flags(target), "target": target, "is_toplevel": True}
    print(core.get_flow(flags), core.get_toplevel(flags), sorted(core.get_parameters(flags)))
"""
"""In a process of its own: FuseSoC's imports warn."""


def test_fusesoc_accepts_it_by_its_own_schema(exported: Exported) -> None:
    """With no property that the schema does not know."""
    pytest.importorskip("fusesoc", reason="fusesoc is missing; install it with: pip install fusesoc")
    folder = exported("flat", "fusesoc")
    done = subprocess.run(
        [sys.executable, "-c", _FUSESOC, folder / "own_net.core"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    parameters = "['AUTOSTART', 'ZEROSKIP_NO_IMAGES']"
    files = sum(len(fileset["files"]) for fileset in core_of(folder)["filesets"].values())
    assert done.stdout.splitlines() == [
        "zeroskip::own_net:3.0",
        f"sim icarus testbench {files}",
        f"sim verilator testbench {files}",
        f"None zeroskip {parameters}",
        f"lint zeroskip {parameters}",
        "trellis zeroskip ['AUTOSTART', 'ZEROSKIP_ECP5', 'ZEROSKIP_NO_IMAGES']",
    ]
    assert "nvalid" not in done.stderr


@pytest.mark.parametrize("part, options", PARTS.items())
def test_a_part_is_told_to_nextpnr(part: str, options: str, tmp_path: Path) -> None:
    folder = export(shutil.copytree(built("flat"), tmp_path / "own_net"), "fusesoc", part=part, clock=62.5)
    told = core_of(folder)["targets"]["synth"]["flow_options"]["nextpnr_options"]
    assert " ".join(told[: len(options.split())]) == options
    assert told[told.index("--freq") + 1] == "62.5"
    assert part in (folder / "README.md").read_text()


@pytest.mark.parametrize(
    "part", ["LFE5UM5G-85F-6BG756C", "LFE5UM-12F-6BG381C", "LFE5U-85F-6BG381", "lfe5u-85f-6bg381c", "ecp5-85k"]
)
def test_a_part_that_does_not_exist_is_refused(part: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"^part must be one of fusesoc's, as {EXAMPLE}, not '{part}'$"):
        export(built("flat"), "fusesoc", part=part, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_design_without_samples_is_simulated_with_random_ones(tmp_path: Path) -> None:
    """The same at every export, and within the input's format."""
    design = zs.Design.load(built("strips"))
    design.save(tmp_path / "net")
    assert not (tmp_path / "net" / "inputs.npy").exists()
    first, second = (export(tmp_path / "net", "fusesoc", out=tmp_path / name) for name in ("a", "b"))
    vectors = (first / "vectors" / "inputs.mem").read_bytes()
    assert vectors == (second / "vectors" / "inputs.mem").read_bytes()
    assert len(set(vectors.split())) > 50
