"""The folder for LiteX: whole, and its Python as careful as ours."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from tests.sw.export.conftest import Exported
from tests.sw.export.designs import REAL, SMALL, built
from tests.sw.export.folder import Folder

import zeroskip as zs
from zeroskip.contracts.layout import Layout

DESIGNS = [*SMALL, *(pytest.param(name, marks=pytest.mark.nightly) for name in REAL)]
RULES = "E,F,W,I,B,UP,SIM,RUF,C4"


@pytest.fixture(params=DESIGNS)
def folder(request: pytest.FixtureRequest, exported: Exported) -> Folder:
    return Folder(path=exported(request.param, "litex"), design=request.param)


def test_it_is_whole_and_names_no_place(folder: Folder) -> None:
    folder.is_whole()
    assert sorted(path.name for path in folder.path.iterdir()) == [
        "README.md", "driver", "example_soc.py", "images", "rtl", "zeroskip-export.json", "zeroskip_litex.py",
    ]  # fmt: skip


@pytest.mark.icarus
@pytest.mark.verilator
def test_front_ends_are_silent(folder: Folder) -> None:
    folder.lints_clean()


def test_the_sizes_are_the_designs(folder: Folder) -> None:
    design = zs.Design.load(built(folder.design))
    layout = Layout(design.config)
    assigned = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse((folder.path / "zeroskip_litex.py").read_text()).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id != "HERE"
    }
    assert assigned == {
        "IMAGES": "zeroskip_images", "SOURCES": tuple(f"rtl/{name}" for name in design.verilog),
        "STREAM_BITS": design.config.stream_bits, "ADDRESS_BITS": layout.address_bits, "INPUTS": design.program.inputs,
        "OUTPUTS": design.program.outputs, "GROUP": layout.group_samples, "CONFIG_ID": design.config.digest,
    }  # fmt: skip


def test_its_python_is_clean(exported: Exported) -> None:
    """The template is seen by no linter; what it gives is."""
    folder = exported("flat", "litex")
    ruff = [str(Path(sys.executable).parent / "ruff"), "check", "--isolated", "--line-length", "140", "--select", RULES]
    done = subprocess.run([*ruff, "."], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
