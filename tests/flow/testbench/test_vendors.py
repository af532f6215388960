"""Scripts for Questa and Vivado's simulator, run with programs that only check how they are called.

The vendors' tools themselves have not run them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.flow.testbench.designs import design_of

STUB = """#!{python}
import json, os, pathlib, sys
name, words = pathlib.Path(sys.argv[0]).name, sys.argv[1:]
with open({calls!r}, "a") as file:
    file.write(json.dumps([name, words, os.getcwd()]) + "\\n")
log = words[words.index(next(w for w in ("-l", "-log") if w in words)) + 1] if name in ("vsim", "xsim") else None
if log is not None:
    pathlib.Path(log).write_text({verdict!r} + "\\n")
if name == "vlib":
    pathlib.Path(words[-1]).mkdir(parents=True)
sys.exit({status})
"""

OPTIONS = {  # with whether they take a value, from the vendors' command references
    "vlib": {},
    "vlog": {"-quiet": False, "-timescale": True, "-work": True, "-f": True},
    "vsim": {
        "-c": False,
        "-quiet": False,
        "-lib": True,
        "-voptargs=+acc": False,
        "-l": True,
        "-do": True,
        "-onfinish": True,
    },
    "xvlog": {"-log": True, "-f": True},
    "xelab": {"-timescale": True, "-debug": True, "-log": True, "-s": True},
    "xsim": {"-runall": False, "-onfinish": True, "-log": True, "-testplusarg": True},
}
VALUES = {"-onfinish": ("quit", "stop"), "-debug": ("typical",), "-timescale": ("1ns/1ps",)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    design, x = design_of("flat")
    return design.testbench(x, tmp_path / "tb")


Calls = list[tuple[str, list[str], list[str]]]
"""Program, options with their values as one word each, and what is left."""


def run(
    folder: Path, script: str, *arguments: str, verdict: str = "PASS: 0 failures", status: int = 0
) -> tuple[int, Calls]:
    programs, calls = folder.parent / "bin", folder.parent / "calls"
    programs.mkdir(exist_ok=True)
    calls.write_text("")
    for name in OPTIONS:
        (programs / name).write_text(
            STUB.format(python=sys.executable, calls=str(calls), verdict=verdict, status=status)
        )
        (programs / name).chmod(0o755)
    done = subprocess.run(
        [str(folder / script), *arguments], cwd=folder.parent, capture_output=True, text=True, check=False,
        env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"},
    )  # fmt: skip
    return done.returncode, [checked(folder, *json.loads(line)) for line in calls.read_text().splitlines()]


def checked(folder: Path, program: str, words: list[str], where: str) -> tuple[str, list[str], list[str]]:
    """What the program was called with; every option is one of its own, and every file is there."""
    assert Path(where) == folder
    options, rest, left = [], [], list(words)
    while left:
        word = left.pop(0)
        if word.startswith("-"):
            assert word in OPTIONS[program], (program, word)
            value = left.pop(0) if OPTIONS[program][word] else ""
            assert value in VALUES.get(word, (value,))
            if word == "-f":
                assert all((folder / name).is_file() for name in (folder / value).read_text().split())
            options.append(f"{word} {value}".strip())
        else:
            rest.append(word)
    return program, options, rest


def test_questa(folder: Path) -> None:
    for _ in range(2):  # the library is there the second time
        status, calls = run(folder, "run_questa.sh", "+pauses=3", "+waves", verdict="# PASS: 0 failures")
        assert status == 0
    assert calls == [
        ("vlog", ["-quiet", "-timescale 1ns/1ps", "-work build/questa", "-f sources.f"], []),
        (
            "vsim",
            ["-c", "-quiet", "-lib build/questa", "-voptargs=+acc", "-l build/questa.log", "-do run -all; quit -f"],
            ["testbench", "+pauses=3", "+waves"],
        ),
    ]


def test_xsim(folder: Path) -> None:
    status, calls = run(folder, "run_xsim.sh", "+pauses=3", "+waves")
    assert status == 0
    assert calls == [
        ("xvlog", ["-log build/xvlog.log", "-f sources.f"], []),
        ("xelab", ["-timescale 1ns/1ps", "-debug typical", "-log build/xelab.log", "-s testbench_sim"], ["testbench"]),
        (
            "xsim",
            ["-runall", "-onfinish quit", "-log build/xsim.log", "-testplusarg pauses=3", "-testplusarg waves"],
            ["testbench_sim"],
        ),
    ]


@pytest.mark.parametrize("script", ["run_questa.sh", "run_xsim.sh"])
@pytest.mark.parametrize(
    "verdict, status",
    [("FAIL: 3 failures; 12 output beats", 0), ("# FAIL: 1 failures", 0), ("", 0), ("PASS: 0 failures", 3)],
)
def test_all_but_a_pass_is_a_failure(folder: Path, script: str, verdict: str, status: int) -> None:
    assert run(folder, script, verdict=verdict, status=status)[0] != 0


def test_shells_accept_every_script(folder: Path) -> None:
    scripts = sorted(path.name for path in folder.glob("*.sh"))
    assert scripts == ["run_icarus.sh", "run_questa.sh", "run_verilator.sh", "run_xsim.sh"]
    for name in scripts:
        for shell in ("sh", "bash"):
            subprocess.run([shell, "-n", name], cwd=folder, check=True)
        assert os.access(folder / name, os.X_OK)


WINDOW = """
proc note {name args} { puts "$name $args"; if {$name eq "vlib"} { file mkdir [lindex $args 0] } }
foreach name {vlib vlog vsim add run} { interp alias {} $name {} note $name }
source run_questa.do
"""


def test_the_script_for_questas_window(folder: Path, require_tool: Callable[[str], str]) -> None:
    """Run by Tcl. That the signals exist is tests/flow/waves."""
    (folder / "window.tcl").write_text(WINDOW)
    said = subprocess.run(
        [require_tool("tclsh"), "window.tcl"], cwd=folder, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    commands = [line for line in said if not line.startswith("add ")]
    assert commands == [
        "vlib build/questa", "vlog -quiet -timescale 1ns/1ps -work build/questa -f sources.f",
        "vsim -quiet -lib build/questa -voptargs=+acc -onfinish stop testbench", "run -all",
    ]  # fmt: skip
    for line in commands[:-1]:
        program, *words = line.split()
        checked(folder, program, words, str(folder))
    waves = [line for line in said if line.startswith("add ")]
    assert len(waves) > 50
    assert "add wave -group {lane 1} -label gate.issue /testbench/dut/core/array/lane01/gate/issue" in waves
    assert "add wave -group {input stream} -radix hexadecimal -label s_axis_tdata /testbench/dut/s_axis_tdata" in waves
