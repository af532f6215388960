"""The testbench passes without Python, from a folder that was moved, with and without pauses; and whatever is changed, it fails."""

from __future__ import annotations

import re
import shutil
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
    "the last bias": Change("images/rows0.mem", -1, digit=3, bits=8),
    "the program": Change("images/program.mem", -1),
    "an input": Change("vectors/inputs.mem", 0, digit=1, bits=12),
    "an expected activation": Change("vectors/outputs.mem", 0),
}


def moved_testbench(design: zs.Design, x: np.ndarray, home: Path, name: str = "else where") -> Path:
    """A testbench, moved away from where it was written, into a folder with a blank in its name."""
    design.testbench(x, home / "here" / "tb")
    (home / name).mkdir()
    shutil.move(home / "here" / "tb", home / name / "moved")
    shutil.rmtree(home / "here")
    return home / name / "moved"


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


@pytest.mark.parametrize("kind", ["flat", pytest.param("strips", marks=pytest.mark.slow)])
@pytest.mark.parametrize("simulator", BOTH)
def test_it_passes_and_fails_without_python(tmp_path: Path, kind: str, simulator: str) -> None:
    """All with one compiled model: what is changed is in files that the simulation reads."""
    design, x = design_of(kind)
    place = "else where" if simulator == "icarus" else "elsewhere"  # GNU make knows no blanks
    folder, machine = moved_testbench(design, x, tmp_path, place), Machine.set_up(tmp_path / "bin", simulator)
    script = folder / f"run_{simulator}.sh"
    clean = machine.run(script)
    assert (clean.status, clean.verdict) == (0, expected_verdict(design, x)), "\n".join(clean.said[-20:])
    assert not [line for line in clean.said if "warning" in line.lower()], clean.said
    for seed in (0, 11):
        paused = machine.run(script, f"+pauses={seed}")
        assert (paused.status, paused.verdict) == (0, expected_verdict(design, x, f", with pauses +pauses={seed}")), (
            paused.said
        )

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


@pytest.mark.verilator
def test_a_path_with_blanks_is_refused_where_make_is_needed(tmp_path: Path) -> None:
    design, x = design_of("flat")
    folder = moved_testbench(design, x, tmp_path)
    refused = Machine.set_up(tmp_path / "bin", "verilator").run(folder / "run_verilator.sh")
    assert (refused.status, refused.verdict) == (2, None)
    assert refused.said == [f"run_verilator.sh: GNU make cannot build in a path with blanks: {folder}"]


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


SPOILT = {
    "another array": ("zeroskip.v", "s_axil_rdata", "s_axil_rdata ^ {31'd0, s_axil_rdata[31:24] != 0}", r"ID: \d+ \(5a534b51\), expected \d+ \(5a534b50\); answer 00, .*"),
    "an answer": ("zeroskip.v", "s_axil_rresp", "2'b10", r"ID: \d+ \(5a534b50\), expected \d+ \(5a534b50\); answer 10, expected 00"),
    "the answer to the start": ("zeroskip.v", "s_axil_bresp", "2'b10", r"the write of CONTROL was answered with 10, expected 00"),
    "ready": ("zeroskip.v", "s_axis_tready", "1'bx", r"cycle 9: TREADY, TVALID, AWREADY or ARREADY is unknown"),
    "nothing is taken": ("zeroskip.v", "s_axis_tready", "rst ? s_axis_tready : 1'b0", r"stalled: 0 of 18 output beats, then none for \d+ cycles"),
    "nothing comes": ("zeroskip.v", "m_axis_tvalid", "1'b0", r"stalled: 0 of 18 output beats, then none for \d+ cycles"),
    "a beat is lost": ("zeroskip.v", "m_axis_tlast", "1'b0", r"output beat 1 \(sample 0, its beat 1\): expected .*, keep 0001, last 1; got .*, last 0"),
    "groups": ("control", "groups", "32'd2", r"GROUPS: 2 \(00000002\), expected 3 \(00000003\); answer 00, expected 00"),
    "busy": ("control", "busy", "1'b1", r"STATUS: 7 \(00000007\), expected 3 \(00000003\); answer 00, expected 00"),
    "an error": ("control", "early_last", "1'b1", r"ERROR: 1 \(00000001\), expected 0 \(00000000\); answer 00, expected 00"),
}  # fmt: skip
"""What is changed in the design: an output of the wrapper, or an input of the control; the name, what it becomes, and what is said of it."""


@pytest.mark.icarus
@pytest.mark.parametrize("where, name, value, line", SPOILT.values(), ids=SPOILT)
def test_what_is_wrong_with_the_array_is_said(
    tmp_path: Path, icarus: Machine, where: str, name: str, value: str, line: str
) -> None:
    design, x = design_of("flat")
    folder = moved_testbench(design, x, tmp_path)
    path = folder / "rtl" / ("zeroskip_core.v" if where == "control" else where)
    text = path.read_text()
    if where == "control":
        before, instance, after = text.partition("  zs_control control (\n")
        changed = before + instance + re.sub(rf"\.{name}\(\w+\)", f".{name}({value})", after, count=1)
    else:  # the port is given by another name within, and made of it anew
        changed = re.sub(rf"\.{name}\({name}\)", f".{name}(inner)", text)
        width = re.search(rf"output wire +(\[\d+:0\])? +{name}\b", text)
        assert width is not None
        given = f"    wire {width[1] or ''} inner;\n    assign {name} = {value.replace(name, 'inner')};\n"
        changed = changed.replace("    zeroskip_core core (", f"{given}    zeroskip_core core (")
    assert changed != text
    path.write_text(changed)
    failed = icarus.run(folder / "run_icarus.sh")
    require_failed(failed, line)
    assert any(re.fullmatch(line, said) for said in failed.said), failed.said
