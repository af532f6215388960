"""The tables of the four vendors find a slip in a script: an unknown word, option or value, and a file that is not there."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.sw.export.conftest import Exported
from tests.sw.export.tcl.run import TclError, run_tcl
from tests.sw.export.vendors.projects import TOOLS, in_folder, project

SLIPS = [
    ("quartus", "TOP_LEVEL_ENTITY", "TOP_LEVEL", '"TOP_LEVEL" is no property'),
    ("quartus", "project_new own_net -overwrite", "project_new own_net -force", "project_new has no option -force"),
    ("quartus", "set_instance_assignment", "set_instance", 'unknown command "set_instance"'),
    ("quartus", "DEVICE 5CSEBA6U23I7", "DEVICE xc7a35t", "DEVICE must match"),
    (
        "quartus",
        "-name SDC_FILE [file join $zeroskip::home zeroskip.sdc]",
        "-name SDC_FILE zeroskip.sdc",
        "SDC_FILE: no file",
    ),
    ("radiant", "-synthesis synplify", "-synthesis yosys", "must be one of synplify|lse"),
    ("radiant", "-impl impl top", "-impl impl Top", "must be one of top|"),
    ("radiant", "prj_save", "prj_project save", 'unknown command "prj_project"'),
    ("radiant", "LIFCL-40-9BG400C", "LFE5U-25F-6BG256C", "prj_create -dev must match"),
    ("diamond", "prj_src add", "prj_src_add", 'unknown command "prj_src_add"'),
    ("diamond", "zeroskip.lpf]", "other.lpf]", "prj_project -lpf: no file"),
    ("diamond", "-dev LFE5U-25F-6BG256C", "", "prj_project new needs -dev"),
    ("gowin", "-top_module", "-top", "set_option has no option -top"),
    ("gowin", "-type sdc", "-type xdc", "must be one of verilog|"),
    ("gowin", "verilog_std v2001", "verilog_std v2005", "must be one of v1995|"),
    ("gowin", "-pn GW2AR-LV18QN88C8/I7", "", "create_project needs -pn"),
]


@pytest.mark.parametrize("tool, right, wrong, message", SLIPS)
def test_a_slip_is_found(tool: str, right: str, wrong: str, message: str, exported: Exported, tmp_path: Path) -> None:
    home = exported("flat", tool)
    script = home / "create_project.tcl"
    assert right in script.read_text()
    script.write_text(script.read_text().replace(right, wrong))
    with pytest.raises(TclError) as caught:
        project(home, tool, "create_project.tcl", tmp_path / "away")
    assert message in str(caught.value)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_file_that_is_not_there_is_found(tool: str, exported: Exported, tmp_path: Path) -> None:
    home = exported("flat", tool)
    (home / in_folder(home)[-1]).unlink()
    with pytest.raises(TclError, match=r"no file .*zs_ram\.v"):
        project(home, tool, "create_project.tcl", tmp_path / "away")


@pytest.mark.parametrize(
    "right, wrong, message",
    [
        ("axi4stream", "axis", "must be one of clock|"),
        ("s_axis_tdata tdata", "s_axis_tdata data", "axi4stream has no signal data"),
        ("associatedReset rst", "associatedReset reset", "reset is no reset"),
        ("synchronousEdges BOTH", "synchronousEdges RISING", "synchronousEdges must be one of"),
        ("Input 1", "in 1", "must be one of Input|"),
        ("QUARTUS_SYNTH", "QUARTUS", "must be one of QUARTUS_SYNTH|"),
    ],
)
def test_a_slip_in_the_component_is_found(
    right: str, wrong: str, message: str, exported: Exported, tmp_path: Path
) -> None:
    script = exported("flat", "quartus") / "zeroskip_hw.tcl"
    assert right in script.read_text()
    script.write_text(script.read_text().replace(right, wrong))
    with pytest.raises(TclError) as caught:
        run_tcl(script, "platform_designer", home=tmp_path)
    assert message in str(caught.value)
