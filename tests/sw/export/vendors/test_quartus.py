"""What Quartus has besides a project: the .qip for projects that exist, and the component for Platform Designer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.sw.export.checks import images_are_the_programs
from tests.sw.export.conftest import Exported
from tests.sw.export.designs import SMALL, built
from tests.sw.export.lint import icarus_says
from tests.sw.export.tcl.run import Call, TclError, named, run_tcl
from tests.sw.export.vendors.projects import VERILOG, images_named, project

from zeroskip.storage.design_folder import load


@pytest.mark.parametrize("design", SMALL)
def test_the_qip_adds_verilog_images_and_the_folder_in_which_they_are_looked_up(
    design: str, exported: Exported, tmp_path: Path
) -> None:
    home = exported(design, "quartus")
    calls = [
        (call.options["-name"], Path(call.given[0]))
        for call in run_tcl(home / "zeroskip.qip", "quartus", home=tmp_path)
    ]
    assert [path.name for kind, path in calls if kind == "VERILOG_FILE"] == list(VERILOG)
    (search,) = [path for kind, path in calls if kind == "SEARCH_PATH"]
    listed = {path for kind, path in calls if kind == "MISC_FILE"}
    named_in_core = images_named(home / "zeroskip_core.v")
    assert {(search / path).resolve() for path in named_in_core.values()} == {path.resolve() for path in listed}
    images_are_the_programs(home, built(design), {name: search / path for name, path in named_in_core.items()})


def component(home: Path, place: Path) -> tuple[list[Call], dict[str, list[Call]]]:
    """Calls of the component's script, and those of the procedures that make its filesets, by the fileset's kind."""
    calls = run_tcl(home / "zeroskip_hw.tcl", "platform_designer", home=place)
    made = {}
    for call in named(calls, "add_fileset"):
        driver = home / "driver.tcl"
        driver.write_text(
            f"source [file join [file dirname [info script]] zeroskip_hw.tcl]\n{call.given[2]} an_entity\n"
        )
        made[call.given[1]] = named(run_tcl(driver, "platform_designer", home=place), "add_fileset_file")
        driver.unlink()
    return calls, made


@pytest.mark.parametrize("design", SMALL)
def test_the_component_has_every_port_once_with_its_direction_and_width(
    design: str, exported: Exported, tmp_path: Path
) -> None:
    calls, _ = component(exported(design, "quartus"), tmp_path)
    got = [(call.given[1], call.given[3].lower(), int(call.given[4])) for call in named(calls, "add_interface_port")]
    ports = load(built(design)).sidecar["ports"]
    assert sorted(got) == sorted((port["name"], port["direction"], port["width"]) for port in ports)
    interfaces = {call.given[0]: (call.given[1], call.given[2]) for call in named(calls, "add_interface")}
    assert interfaces == {
        "clk": ("clock", "end"), "rst": ("reset", "end"), "s_axil": ("axi4lite", "end"), "s_axis": ("axi4stream", "end"),
        "m_axis": ("axi4stream", "start"),
    }  # fmt: skip
    roles = {call.given[1]: (call.given[0], call.given[2]) for call in named(calls, "add_interface_port")}
    for port, (bus, role) in roles.items():
        assert port in (f"{bus}_{role}", "clk", "rst")
    (autostart,) = named(calls, "add_parameter")
    assert autostart.given[:3] == ["AUTOSTART", "INTEGER", "0"]
    assert re.search(r"parameter AUTOSTART = 0", load(built(design)).verilog["zeroskip.v"])


@pytest.mark.icarus
@pytest.mark.parametrize("design", SMALL)
def test_the_component_generates_verilog_that_finds_its_images(design: str, exported: Exported, tmp_path: Path) -> None:
    """Each fileset is written to a folder of its own, as Platform Designer does."""
    home = exported(design, "quartus")
    _, made = component(home, tmp_path)
    assert sorted(made) == ["QUARTUS_SYNTH", "SIM_VERILOG"]
    for kind, files in made.items():
        system = tmp_path / kind
        system.mkdir()
        for call in files:
            name, _, form, content = call.given
            (system / name).write_text(Path(content).read_text() if form == "PATH" else content)
        assert [call.given[0] for call in files] == list(VERILOG)
        assert icarus_says(system, list(VERILOG), "zeroskip") == []
        images_are_the_programs(home, built(design), images_named(system / "zeroskip_core.v"))


def test_every_port_but_the_clock_is_a_virtual_pin(exported: Exported, tmp_path: Path) -> None:
    made = project(exported("flat", "quartus"), "quartus", "create_project.tcl", tmp_path / "away")
    pins = [call.options["-to"] for call in made.calls if call.options.get("-name") == "VIRTUAL_PIN"]
    ports = load(built("flat")).sidecar["ports"]
    assert sorted(pins) == sorted(
        port["name"] + ("[*]" if port["width"] > 1 else "") for port in ports if port["name"] != "clk"
    )


def test_a_file_of_an_unknown_kind_is_refused(exported: Exported, tmp_path: Path) -> None:
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / "x.edf").touch()
    with pytest.raises(TclError, match=r"ZEROSKIP_FILES: \S+x\.edf must be a \.v, \.sv, \.vhd, "):
        project(exported("flat", "quartus"), "quartus", "create_project.tcl", tmp_path / "away", ZEROSKIP_FILES="x.edf")


def test_a_ram_with_parts_and_an_image_does_not_elaborate(exported: Exported) -> None:
    home = exported("flat", "quartus")
    (home / "bad.v").write_text(
        'module bad(input clk, output [7:0] q); zs_ram #(.WIDTH(8), .DEPTH(4), .ADDRESS(2), .PARTS(2), .IMAGE("images/input.mem")) ram '
        "(.clk(clk), .write_enable(2'd0), .write_address(2'd0), .write_data(8'd0), .read_enable(1'b1), .read_address(2'd0), "
        ".read_data(q)); endmodule\n"
    )
    said = icarus_says(home, ["bad.v", "zs_ram.v"], "bad")
    assert any("zs_ram_with_parts_has_no_image" in line for line in said)
