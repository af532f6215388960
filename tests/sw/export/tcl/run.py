"""Execute a vendor's Tcl script with stubs that hold it against what the vendor documents."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of a vendor's command. options : value by option with its dash; a flag's value is ``1``."""

    command: str
    given: list[str]
    options: dict[str, str]


class TclError(AssertionError):
    """The script failed: an unknown command or option, a wrong word, a file that is absent; in one line."""


def run_tcl(script: Path, table: str | Path, *arguments: str, home: Path | None = None) -> list[Call]:
    """The vendor's commands that the script called, in their order.

    table : commands and options that are documented, ``<table>.tcl`` beside this file or a path
    home : where the vendor's tool would run; by default the script's folder. Relative names are seen from there.

    Skips where tclsh is absent.
    """
    if shutil.which("tclsh") is None:
        pytest.skip("tclsh is not on PATH; install it with: apt-get install tcl")
    home = home or script.parent
    log = home.resolve().parent / f".{script.stem}.calls.jsonl"
    source = table if isinstance(table, Path) else HERE / f"{table}.tcl"
    try:
        done = subprocess.run(
            ["tclsh", str(HERE / "harness.tcl"), str(source), str(log), str(script.resolve()), *arguments],
            cwd=home, capture_output=True, text=True, check=False,
        )  # fmt: skip
        lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    finally:
        log.unlink(missing_ok=True)
    if done.returncode:
        raise TclError(done.stderr.strip())
    return [Call(**json.loads(line)) for line in lines]


def named(calls: Sequence[Call], command: str) -> list[Call]:
    return [call for call in calls if call.command == command]
