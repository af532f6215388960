"""Every signal that a save file names is in the recorded waves of both simulators, under that path and with that width."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.flow.testbench.designs import design_of
from tests.flow.testbench.machine import Machine

from zeroskip.waves import groups
from zeroskip.waves.groups import BEFORE_LANES, BEHIND_LANES, LANE, PORTS, wanted

KINDS = ["flat", "strips"]


def recorded(path: Path) -> dict[str, int]:
    """Width by path of every signal in a VCD or FST file."""
    if path.suffix == ".vcd":
        return in_vcd(path)
    pywellen = pytest.importorskip("pywellen", reason="pywellen is missing; install it with: pip install pywellen")
    return {variable.full_name: variable.bitwidth or 1 for variable in pywellen.Waveform(str(path)).all_vars()}


def in_vcd(path: Path) -> dict[str, int]:
    """The head of the file alone."""
    scopes: list[str] = []
    found = {}
    with path.open() as lines:
        for line in lines:
            words = line.split()
            if words[:1] == ["$scope"]:
                scopes.append(words[2])
            elif words[:1] == ["$upscope"]:
                scopes.pop()
            elif words[:1] == ["$var"]:
                found[".".join([*scopes, words[4]])] = int(words[2])
            elif words[:1] == ["$enddefinitions"]:
                break
    return found


def named(folder: Path) -> dict[str, int]:
    """Width by path of every trace in waves.gtkw; the Surfer file must name the same."""
    text = (folder / "waves.gtkw").read_text()
    traces = re.findall(r"^\+\{[^}]*\} ([\w.]+)(?:\[(\d+):0\])?$", text, re.MULTILINE)
    assert len(traces) == text.count("\n+")
    found = {path: int(high or 0) + 1 for path, high in traces}
    assert len(found) == len(traces)
    commands = [line.split() for line in (folder / "waves.sucl").read_text().splitlines()]
    assert [words[1] for words in commands if words[0] == "variable_add"] == list(found)
    assert {words[0] for words in commands} == {"divider_add", "variable_add", "zoom_fit"}
    assert all(re.fullmatch(r"\w+", words[1]) and len(words) == 2 for words in commands if words[0] == "divider_add")
    return found


def require_recorded(folder: Path, dump: str, scope: str) -> None:
    assert f'[dumpfile] "{dump}"' in (folder / "waves.gtkw").read_text().splitlines()
    wanted_signals, there = named(folder), recorded(folder / dump)
    assert len(wanted_signals) > 60
    assert all(path.startswith(f"{scope}.") for path in wanted_signals)
    assert {path: there.get(path) for path in wanted_signals} == wanted_signals


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "simulator, dump",
    [
        pytest.param("icarus", "waves.vcd", marks=pytest.mark.icarus),
        pytest.param("verilator", "dump.fst", marks=[pytest.mark.verilator, pytest.mark.slow]),
    ],
)
def test_beside_the_waves_of_a_simulation(tmp_path: Path, kind: str, simulator: str, dump: str) -> None:
    if simulator == "verilator" and not all(Path(f"/usr/include/{name}").exists() for name in ("lz4.h", "zlib.h")):
        pytest.skip("lz4.h or zlib.h is missing; install them with: apt-get install liblz4-dev zlib1g-dev")
    design, x = design_of(kind)
    run = design.simulate(x[:1], simulator=simulator, waves=True, folder=tmp_path)
    assert run.failure is None
    require_recorded(tmp_path, dump, "bulk.dut")


@pytest.mark.icarus
@pytest.mark.parametrize("kind", KINDS)
def test_in_the_folder_of_a_testbench(tmp_path: Path, kind: str) -> None:
    design, x = design_of(kind)
    folder = design.testbench(x[:1], tmp_path / "tb")
    assert Machine.set_up(tmp_path / "bin", "icarus").run(folder / "run_icarus.sh", "+waves").status == 0
    require_recorded(folder, "waves.vcd", "testbench.dut")
    window = re.findall(r"^add wave .* /(\S+)$", (folder / "run_questa.do").read_text(), re.MULTILINE)
    assert [path.replace("/", ".") for path in window] == list(named(folder))


def test_no_name_in_the_lists_is_idle() -> None:
    """Each is found in one of the two arrays, of which the second has every feature; and there are as many groups of lanes as lanes."""
    found = set()
    for kind in KINDS:
        design, _ = design_of(kind)
        made = wanted(design.verilog.values(), "zeroskip")
        found |= {wave.path.removeprefix("core.") for group in made for wave in group.waves}
        assert len([group for group in made if group.title.startswith("lane ")]) == design.config.lanes
    listed = {
        name for names in (*PORTS.values(), *BEFORE_LANES.values(), *BEHIND_LANES.values()) for name in names.split()
    }
    listed |= {f"array.lane01.{name}" for name in LANE.split()}
    assert sorted(listed - found) == []


def test_what_verilator_leaves_out_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    design, _ = design_of("strips")
    monkeypatch.setattr(groups, "WIDEST", 15)
    made = wanted(design.verilog.values(), "zeroskip")
    assert max(wave.width for group in made for wave in group.waves) <= 15
