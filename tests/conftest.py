"""What every test may ask for: the folder of real data, a tool that may be absent, and one Hypothesis profile."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from tests.data import folder

# Workers already share the cores: a torch that starts a thread per core in each of them runs several times slower. Read when
# torch is first imported, which is after this file.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

INSTALL = {
    "iverilog": "apt-get install iverilog",
    "vvp": "apt-get install iverilog",
    "g++": "apt-get install g++",
    "make": "apt-get install make",
    "perl": "apt-get install perl",
    "tclsh": "apt-get install tcl",
}
"""The command that brings each tool the tests may ask for."""

NEEDED_BY_MARKER = {"icarus": ("iverilog", "vvp"), "verilator": ("g++", "make", "perl")}

# A shared two-core machine has no steady clock, so no example has a deadline; CI repeats the same examples every time.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("default"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")


def missing_tool(name: str) -> str | None:
    """Why a test that needs ``name`` cannot run, or None where the tool is on PATH."""
    if shutil.which(name):
        return None
    return f"{name} is not on PATH; install it with: {INSTALL.get(name, f'apt-get install {name}')}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is nightly is long, and what is long is slow: ``-m "not long"`` and ``-m "not slow"`` leave it out too."""
    for item in items:
        if item.get_closest_marker("nightly"):
            item.add_marker(pytest.mark.long)
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.slow)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker, tools in NEEDED_BY_MARKER.items():
        if item.get_closest_marker(marker):
            for tool in tools:
                if reason := missing_tool(tool):
                    pytest.skip(reason)


@pytest.fixture(scope="session")
def require_tool() -> Callable[[str], str]:
    """``require_tool("iverilog")`` gives the tool's path, or skips the test by name with the command that installs it."""

    def require(name: str) -> str:
        if reason := missing_tool(name):
            pytest.skip(reason)
        return str(shutil.which(name))

    return require


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real networks and data, which ``tests/data/folder.py`` chooses. May be absent."""
    return folder.data_folder()


@pytest.fixture(scope="session")
def require_data(data_dir: Path) -> Callable[[str], Path]:
    """``require_data("mnist")`` gives that file or folder of ``data_dir``, or skips the test by its name."""

    def require(name: str) -> Path:
        if reason := folder.missing(data_dir, name):
            pytest.skip(reason)
        return data_dir / name

    return require
