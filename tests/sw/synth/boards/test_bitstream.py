"""From design to bitstream with stand-ins for the tools: order of the seeds, refusals, the report. Real runs are in tests/flow/boards."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from zeroskip.contracts.bridge import BOARD_TOP
from zeroskip.contracts.errors import CapacityError, ImageError, InputError, ToolMissingError
from zeroskip.synth import tools
from zeroskip.synth.boards import BOARDS, Bitstream, bitstream

FLOW = sys.modules[bitstream.__module__]
"""The module, whose name its function has in the package."""

CELLS = {"SB_LUT4": 900, "SB_DFFE": 700, "SB_RAM40_4K": 29, "SB_MAC16": 3}


class Tools:
    """Stand-ins that note what they were asked for. fmax : MHz by seed; cells : what Yosys counts."""

    def __init__(self) -> None:
        self.fmax = {1: 15.0, 2: 20.0}
        self.cells = dict(CELLS)
        self.seeds: list[int] = []
        self.script = self.pins = ""
        self.packed: list[str] = []

    def yosys(self, script: str, folder: Path, design: Path) -> None:
        self.script = script
        self.pins = next(folder.glob("pins.*")).read_text()
        assert (folder / "images").is_dir()
        stat = {"modules": {f"\\{BOARD_TOP}": {"num_cells_by_type": self.cells}}}
        (folder / "stat.json").write_text(json.dumps(stat))

    def nextpnr(self, *arguments: Any, extra: Sequence[str], within: str) -> str:
        _, netlist, seed, freq, folder, _ = arguments
        assert netlist == "mapped.json"
        assert within == "the board's top"
        self.seeds.append(seed)
        self.extra, self.freq = list(extra), freq
        (folder / "placed.asc").write_text(f"seed {seed}")
        step = {"delay": 1.0, "from": {"cell": "a", "port": "Q"}, "to": {"cell": "b", "port": "D"}, "type": "routing"}
        return json.dumps({
            "fmax": {"clk": {"achieved": self.fmax[seed]}}, "utilization": {"ICESTORM_LC": {"used": 10, "available": 5280}},
            "critical_paths": [{"from": "posedge clk", "to": "posedge clk", "path": [step]}],
        })  # fmt: skip

    def run_packer(self, packer: str, arguments: Sequence[str], folder: Path, where: str) -> None:
        self.packed = [packer, *arguments]
        (folder / arguments[-1]).write_bytes((folder / arguments[0]).read_bytes().upper())


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Tools:
    fake = Tools()
    for name in ("yosys", "nextpnr", "run_packer"):
        monkeypatch.setattr(FLOW, name, getattr(fake, name))
    monkeypatch.setattr(FLOW, "tool_versions", lambda part: {"yosys": "1"})
    monkeypatch.setattr(FLOW, "packer_version", lambda packer: {packer: "2"})
    return fake


BOARD = BOARDS["icebreaker"]
TOP = {"top.v": "module zeroskip_board; endmodule\n"}


def made(design: Path, **options: Any) -> Bitstream:
    said: list[str] = []
    return bitstream(design, BOARD, BOARD.bridge(), TOP, config_id=0xABC, progress=said.append, **options)


def test_the_first_seed_that_is_fast_enough(design: Path, fake: Tools) -> None:
    fake.fmax = {1: 11.9, 2: 12.0, 3: 99.0}
    found = made(design)
    assert fake.seeds == [1, 2]
    assert found.content == b"SEED 2"
    assert fake.packed == ["icepack", "placed.asc", "packed.bin"]
    assert (fake.extra, fake.freq) == (["--pcf", "pins.pcf", "--asc", "placed.asc"], 12.0)
    assert fake.pins.splitlines()[1] == "set_io clk 35"
    report = found.report
    assert (report.seed, report.fmax, report.clock_mhz) == (2, {1: 11.9, 2: 12.0}, 12.0)
    assert report.sha256 == hashlib.sha256(b"SEED 2").hexdigest()
    assert (report.area.lut4, report.area.ff, report.area.bram, report.area.dsp) == (900, 700, 29, 3)
    assert report.tools == {"yosys": "1", "icepack": "2"}
    assert report.pins == {"clk": "35", "rx": "6", "tx": "9", "lamp_alive": "37", "lamp_fault": "11"}
    assert report.to_json()["fmax"] == {"1": 11.9, "2": 12.0}
    rows = dict(report.rows("x.bin"))
    assert rows["to load it"] == "iceprog x.bin"
    assert rows["block RAMs"] == "29 of 30 (96.7 %)"
    assert rows["clock"] == "12 MHz; Fmax 11.9 (seed 1), 12.0 (seed 2) MHz"
    assert rows["critical path"].startswith("a.Q to b.D (1.00 ns")


def test_small_memories_are_built_of_flip_flops_where_the_board_says_so(design: Path, fake: Tools) -> None:
    made(design)
    steps = fake.script.splitlines()
    assert steps[0] == 'read_verilog "rtl/lane_0.v" "rtl/lane_1.v" "rtl/zeroskip.v" top.v'
    assert steps[1] == "synth_ice40 -dsp -abc9 -device u -top zeroskip_board -run begin:map_ram"
    assert 'setattr -set ram_style "registers" t:$mem_v2 r:SIZE<=8 %i r:WIDTH<=12 %i' in steps
    bitstream(design, replace(BOARD, registers=0), BOARD.bridge(), TOP, config_id=1)
    assert "ram_style" not in fake.script


def test_too_slow_for_the_oscillator(design: Path, fake: Tools) -> None:
    fake.fmax = {1: 9.75, 2: 11.0, 3: 10.0}
    with pytest.raises(
        CapacityError,
        match=r"design on icebreaker: is too slow for the board's clock: needs 12 MHz, reaches 9\.8 MHz \(seed 1\), 11\.0 MHz \(seed 2\), 10\.0"
        r" MHz \(seed 3\)$",
    ):
        made(design)
    assert fake.packed == []


def test_too_large_for_the_part(design: Path, fake: Tools) -> None:
    fake.cells["SB_RAM40_4K"] = 35
    with pytest.raises(
        CapacityError,
        match=r"design on icebreaker does not fit ice40-up5k \(iCE40UP5K\): needs 35 block RAMs \(4 kbit\), available 30$",
    ):
        made(design)
    assert fake.seeds == []


@pytest.mark.usefixtures("fake")
def test_incomplete_designs(design: Path, tmp_path: Path) -> None:
    (design / "images" / "lane_1.mem").unlink()
    with pytest.raises(ImageError, match=r"image 'images/lane_1\.mem', which rtl/lane_1\.v reads, is missing$"):
        made(design)
    with pytest.raises(ImageError, match=r"holds no rtl/\*\.v$"):
        made(tmp_path / "none")


@pytest.mark.usefixtures("fake")
def test_bad_seeds(design: Path) -> None:
    with pytest.raises(InputError, match=r"^seeds must be different positive integers, at least one, not \[0\]$"):
        made(design, seeds=(0,))


def test_a_missing_packer_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "find_spec", lambda name: None)
    with pytest.raises(
        ToolMissingError, match=r"^synthesis needs apycula, which is not installed: pip install 'zeroskip\[synth\]'$"
    ):
        tools.packer_version("gowin_pack")
