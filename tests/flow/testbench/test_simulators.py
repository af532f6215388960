"""The testbench passes without Python, from a folder that was moved, with and without pauses; and whatever is changed, it fails."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
from tests.flow.testbench.designs import design_of
from tests.flow.testbench.machine import BOTH, Machine, Result

import zeroskip as zs
from zeroskip.contracts.cycles import Cycles

BEHIND_THE_CRC = r"output beat \d+|cycles of layer |stalled: |cycle \d+: TREADY"
"""What is seen of a change besides the CRC of its file."""


@dataclass(frozen=True)
class Change:
    """One digit of one word of a file, counted from the last, XOR ``bits``."""

    file: str
    word: int
    digit: int = 0
    bits: int = 1

    def made_in(self, folder: Path) -> None:
        lines = (folder / self.file).read_text().splitlines()
        number = [i for i, line in enumerate(lines) if not line.startswith("@")][self.word]
        at = len(lines[number]) - 1 - self.digit
        digit = f"{int(lines[number][at], 16) ^ self.bits:x}"
        lines[number] = lines[number][:at] + digit + lines[number][at + 1 :]
        (folder / self.file).write_text("\n".join(lines) + "\n")


CHANGES = {
    "a weight": Change("images/lane00.weights.mem", 0, digit=1, bits=4),
    "a mask": Change("images/lane01.masks.mem", -1, bits=15),
    "the last bias": Change("images/rows.mem", -1, digit=3, bits=8),
    "the program": Change("images/program.mem", -1),
    "an input": Change("vectors/inputs.mem", 0, digit=1, bits=12),
    "an expected activation": Change("vectors/outputs.mem", 0),
}


def moved_testbench(design: zs.Design, x: np.ndarray, home: Path) -> Path:
    """A testbench, moved away from where it was written, into a folder with a blank in its name."""
    design.testbench(x, home / "here" / "tb")
    (home / "else where").mkdir()
    shutil.move(home / "here" / "tb", home / "else where" / "moved")
    shutil.rmtree(home / "here")
    return home / "else where" / "moved"


def expected_verdict(design: zs.Design, x: np.ndarray, pauses: str = "") -> str:
    group = 1 if design.config.strips else design.config.columns
    samples = group * max(3, -(-len(x) // group))
    layers, files = len(design.cycles.layers), len(design.program.images) + 2
    counts = 3 + 3 + layers + (0 if pauses else 4)
    beats = samples * design.program.output_beats
    return f"PASS: 0 failures; {beats} output beats, {counts} registers and cycle counts, {files} files{pauses}"


def require_failed(result: Result, what: object) -> None:
    assert result.status == 1, (what, result.said)
    assert result.verdict is not None, (what, result.said)
    assert re.match(r"FAIL: [1-9]\d* failures; ", result.verdict), (what, result.verdict)


@pytest.mark.parametrize("kind", ["flat", "strips"])
@pytest.mark.parametrize("simulator", BOTH)
def test_it_passes_and_fails_without_python(tmp_path: Path, kind: str, simulator: str) -> None:
    """All with one compiled model: what is changed is in files that the simulation reads."""
    design, x = design_of(kind)
    folder, machine = moved_testbench(design, x, tmp_path), Machine.set_up(tmp_path / "bin", simulator)
    script = folder / f"run_{simulator}.sh"
    clean = machine.run(script)
    assert (clean.status, clean.verdict) == (0, expected_verdict(design, x)), clean.said
    assert not [line for line in clean.said if "warning" in line.lower()], clean.said
    for seed in (0, 11):
        paused = machine.run(script, f"+pauses={seed}")
        assert (paused.status, paused.verdict) == (0, expected_verdict(design, x, f", with pauses +pauses={seed}")), paused.said

    for name, change in CHANGES.items():
        before = (folder / change.file).read_bytes()
        change.made_in(folder)
        failed = machine.run(script)
        (folder / change.file).write_bytes(before)
        require_failed(failed, name)
        assert any(
            line.startswith(f"{change.file}: is not the file that was written: its CRC-32 is ") for line in failed.said
        )
        assert any(re.match(BEHIND_THE_CRC, line) for line in failed.said), (name, failed.said)

    for file in ("images/lane01.weights.mem", "images/program.mem", "vectors/outputs.mem"):
        (folder / file).rename(folder / "away")
        failed = machine.run(script)
        (folder / "away").rename(folder / file)
        require_failed(failed, file)
        assert f"{file}: is missing" in failed.said
    assert machine.run(script).verdict == expected_verdict(design, x)


@pytest.fixture
def icarus(tmp_path: Path) -> Machine:
    return Machine.set_up(tmp_path / "bin", "icarus")


@pytest.mark.icarus
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_is_seen_even_if_its_crc_is_right(tmp_path: Path, icarus: Machine, change: Change) -> None:
    design, x = design_of("flat")
    folder = moved_testbench(design, x, tmp_path)
    before = f"{crc32((folder / change.file).read_bytes()):08x}"
    change.made_in(folder)
    text = (folder / "testbench.v").read_text()
    assert before in text
    (folder / "testbench.v").write_text(text.replace(before, f"{crc32((folder / change.file).read_bytes()):08x}"))
    failed = icarus.run(folder / "run_icarus.sh")
    require_failed(failed, change)
    assert not any("CRC-32" in line for line in failed.said)


@pytest.mark.icarus
@pytest.mark.parametrize(
    "digits, expected",
    [
        ("keep", r"output beat 2 \(sample 1, its beat 0\): expected data [0-9a-f]{8}, keep 1110, last 0; got data [0-9a-f]{8}, keep 1111, last 0"),
        ("last", r"output beat 2 \(sample 1, its beat 0\): expected data [0-9a-f]{8}, keep 1111, last 1; got data [0-9a-f]{8}, keep 1111, last 0"),
    ],
)  # fmt: skip
def test_keep_and_last_are_compared(tmp_path: Path, icarus: Machine, digits: str, expected: str) -> None:
    design, x = design_of("flat")
    folder = moved_testbench(design, x, tmp_path)
    Change("vectors/outputs.mem", 2, digit=8, bits=1).made_in(folder) if digits == "keep" else None
    Change("vectors/outputs.mem", 2, digit=9, bits=1).made_in(folder) if digits == "last" else None
    failed = icarus.run(folder / "run_icarus.sh")
    require_failed(failed, digits)
    assert any(re.fullmatch(expected, line) for line in failed.said), failed.said


@pytest.mark.icarus
def test_every_count_is_compared_with_its_prediction(tmp_path: Path, icarus: Machine) -> None:
    design, x = design_of("flat")
    cycles = design.cycles
    name = list(cycles.layers)[1]
    wrong = {
        "LATENCY": replace(cycles, latency=cycles.latency + 1), "INTERVAL": replace(cycles, interval=cycles.interval - 1),
        f"cycles of layer '{name}'": replace(cycles, layers={**cycles.layers, name: cycles.layers[name] + 1}),
    }  # fmt: skip
    for what, predicted in wrong.items():
        failed = icarus.run(moved_testbench(replaced(design, predicted), x, tmp_path / what[:3]) / "run_icarus.sh")
        require_failed(failed, what)
        lines = [line for line in failed.said if "expected" in line]
        assert re.fullmatch(
            rf"{re.escape(what)}: (\d+) \([0-9a-f]+\), expected \d+ \([0-9a-f]+\); answer 00, expected 00", lines[0]
        )
        at_ports = [re.fullmatch(rf"{what.lower()} at the ports: \d+, expected \d+", line) for line in lines[1:]]
        assert (at_ports == []) if what.startswith("cycles") else (len(at_ports) == 1 and all(at_ports)), failed.said


def replaced(design: zs.Design, cycles: Cycles) -> zs.Design:
    """The same design and Verilog, with another prediction."""
    other = replace(design, cycles=cycles)
    other.__dict__["_generated"] = (design.verilog, {"top": "zeroskip"})
    return other


@pytest.mark.icarus
def test_registers_and_answers_are_compared(tmp_path: Path, icarus: Machine) -> None:
    """Another array, an error flag, groups that were not counted; and an answer that is not OKAY."""
    design, x = design_of("flat")
    for number, (port, wire, line) in enumerate([
        (".s_axil_rdata(s_axil_rdata)", ".s_axil_rdata(seen)", r"CONFIG_ID: \d+ \([0-9a-f]{8}\), expected \d+ .*"),
        (".s_axil_rresp(s_axil_rresp)", ".s_axil_rresp()", r"ID: \d+ \(5a534b50\), expected \d+ \(5a534b50\); answer zz, expected 00"),
        (".s_axil_bresp(s_axil_bresp)", ".s_axil_bresp()", r"the write of CONTROL was answered with zz, expected 00"),
    ]):  # fmt: skip
        folder = moved_testbench(design, x, tmp_path / str(number))
        text = (folder / "rtl" / "zeroskip.v").read_text()
        assert port in text
        spoilt = "    wire [31:0] seen; assign s_axil_rdata = seen ^ (seen[31:16] != 16'h5a53 && seen > 32'h1000000);\n"
        text = text.replace(port, wire).replace("    zeroskip_core core", f"{spoilt}    zeroskip_core core")
        (folder / "rtl" / "zeroskip.v").write_text(text if number == 0 else text.replace(spoilt, ""))
        failed = icarus.run(folder / "run_icarus.sh")
        require_failed(failed, line)
        assert any(re.fullmatch(line, said) for said in failed.said), failed.said
