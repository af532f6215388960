"""The exports of Quartus, Radiant, Diamond and Gowin, from a folder that was moved: what they have in common."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.sw.export.checks import images_are_the_programs, no_place_of_the_writer
from tests.sw.export.conftest import Exported
from tests.sw.export.designs import REAL, SMALL, built
from tests.sw.export.lint import icarus_says, slang_says, verilator_says
from tests.sw.export.simulation import gives_the_reference
from tests.sw.export.tcl.run import TclError
from tests.sw.export.vendors.projects import TOOLS, VERILOG, environment, images_named, in_folder, project

from zeroskip.contracts.errors import InputError
from zeroskip.export import TOOLS as REGISTRY
from zeroskip.export import export
from zeroskip.storage.design_folder import load

LONG = [pytest.param(name, marks=pytest.mark.nightly) for name in REAL]
DESIGNS = [*SMALL, *LONG]


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("tool", TOOLS)
def test_the_folder_is_whole_and_the_script_makes_a_project_of_it(
    tool: str, design: str, exported: Exported, tmp_path: Path
) -> None:
    home = exported(design, tool)
    no_place_of_the_writer(home)
    images_are_the_programs(home, built(design))

    made = project(home, tool, "create_project.tcl", tmp_path / "away")
    assert made.part == REGISTRY[tool].example
    assert made.top == "zeroskip"
    assert [path.name for path in made.verilog] == list(VERILOG)
    assert {path.name for path in made.files} - set(VERILOG) <= {"zeroskip.sdc", "zeroskip.lpf"}
    assert all(path.is_relative_to(home) for path in made.files)
    assert made.steps == []

    names = [str(path) for path in made.verilog]
    away = tmp_path / "away"
    assert verilator_says(away, names, "zeroskip") == []
    assert icarus_says(away, names, "zeroskip") == []
    assert slang_says(away, names, "zeroskip") == []
    if tool != "diamond":
        core = made.verilog[1]
        images = images_named(core)
        assert all(path.is_absolute() and path.is_file() for path in images.values())
        images_are_the_programs(home, built(design), images)
        assert core.read_text() == (home / in_folder(home)[1]).read_text().replace('"images/', f'"{home}/images/')


@pytest.mark.icarus
@pytest.mark.parametrize("design", SMALL)
@pytest.mark.parametrize("tool", ["quartus", "radiant"])
def test_the_exported_verilog_computes_the_reference_in_the_predicted_cycles(
    tool: str, design: str, exported: Exported
) -> None:
    """For Quartus that says that its own ``zs_ram.v`` is the array's."""
    home = exported(design, tool)
    gives_the_reference(home, [home / name for name in in_folder(home)], built(design))


@pytest.mark.verilator
@pytest.mark.parametrize("design", LONG)
@pytest.mark.parametrize("tool", ["quartus", "radiant"])
def test_real_networks_compute_the_reference_in_the_predicted_cycles(
    tool: str, design: str, exported: Exported
) -> None:
    home = exported(design, tool)
    files = [home / name for name in in_folder(home)]
    gives_the_reference(home, files, built(design), simulator="verilator")


def test_gowin_and_radiant_get_the_same_verilog(exported: Exported) -> None:
    """So what holds of one's outputs and cycles holds of the other's."""
    radiant, gowin = exported("strips", "radiant"), exported("strips", "gowin")
    for name in in_folder(radiant):
        assert (radiant / name).read_text() == (gowin / name).read_text()


FLOW = {
    "quartus": ["-compile"],
    "radiant": ["Synthesis", "Map", "PAR", "Export"],
    "diamond": ["Synthesis", "Translate", "Map", "PAR", "Export"],
    "gowin": ["all"],
}  # fmt: skip
SYNTHESIS = {"radiant": ["Synthesis"], "diamond": ["Synthesis"], "gowin": ["syn"]}


@pytest.mark.parametrize("tool", TOOLS)
def test_build_runs_the_whole_flow_again_and_again(tool: str, exported: Exported, tmp_path: Path) -> None:
    home = exported("flat", tool)
    project(home, tool, "create_project.tcl", tmp_path / "away")
    for _ in range(2):
        made = project(home, tool, "build.tcl", tmp_path / "away")
        assert made.steps == FLOW[tool]
    if tool in SYNTHESIS:
        assert project(home, tool, "synthesize.tcl", tmp_path / "away").steps == SYNTHESIS[tool]


@pytest.mark.parametrize("tool", TOOLS)
def test_a_top_of_the_user_takes_the_place_of_the_core_and_its_constraints(
    tool: str, exported: Exported, tmp_path: Path
) -> None:
    home, away = exported("flat", tool), tmp_path / "away"
    away.mkdir()
    own = {"quartus": "pins.tcl", "radiant": "pins.pdc", "diamond": "pins.lpf", "gowin": "pins.cst"}[tool]
    for name in ("top.v", "board.sdc"):
        (away / name).touch()
    (away / own).write_text("set_location_assignment PIN_V11 -to clk\n" if tool == "quartus" else "")
    made = project(
        home, tool, "create_project.tcl", away, ZEROSKIP_TOP="board", ZEROSKIP_FILES=f"top.v {own} board.sdc"
    )
    assert made.top == "board"
    assert [path.name for path in made.verilog] == [*VERILOG, "top.v"]
    others = {path.name for path in made.files if path.suffix != ".v"}
    assert others == {"board.sdc"} | (set() if tool == "quartus" else {own})
    if tool == "quartus":
        assert [call.command for call in made.calls].count("set_location_assignment") == 1
        assert not [call for call in made.calls if "VIRTUAL_PIN" in call.options.values()]


@pytest.mark.parametrize("tool", TOOLS)
def test_a_file_of_the_user_that_is_absent_is_named(tool: str, exported: Exported, tmp_path: Path) -> None:
    home = exported("flat", tool)
    with pytest.raises(TclError, match=r"ZEROSKIP_FILES: nowhere\.v must be an existing file"):
        project(home, tool, "create_project.tcl", tmp_path / "away", ZEROSKIP_FILES="nowhere.v")
    assert not (home / "project").exists()


@pytest.mark.parametrize("tool", TOOLS)
def test_after_a_move_the_script_names_the_new_place(tool: str, exported: Exported, tmp_path: Path) -> None:
    home = exported("flat", tool)
    project(home, tool, "create_project.tcl", tmp_path / "away")
    new = home.rename(tmp_path / "a new place")
    made = project(new, tool, "create_project.tcl", tmp_path / "away")
    assert all(path.is_relative_to(new) for path in made.files)
    if tool != "diamond":
        assert all(path.is_relative_to(new) for path in images_named(made.verilog[1]).values())


@pytest.mark.parametrize("tool", TOOLS)
def test_the_clock_stands_in_the_constraints(tool: str, exported: Exported) -> None:
    home = exported("flat", tool, clock=125.0)
    assert (home / "zeroskip.sdc").read_text() == "create_clock -name clk -period 8.000 [get_ports {clk}]\n"
    if tool == "diamond":
        assert (home / "zeroskip.lpf").read_text() == 'FREQUENCY PORT "clk" 125.000 MHz;\n'


@pytest.mark.parametrize("tool", TOOLS)
def test_the_readme_names_only_files_that_are_there_and_three_commands(tool: str, exported: Exported) -> None:
    home = exported("flat", tool)
    text = (home / "README.md").read_text()
    (commands,) = re.findall(r"```\n(.*?)```", text, re.DOTALL)
    assert len(commands.splitlines()) == 3
    for name in re.findall(r"`([\w/]+\.\w+|images/)`", text):
        assert name.startswith(("project/", "placed/")) or (home / name).exists(), name
    for line in commands.splitlines():
        (script,) = re.findall(r"(?<=[ /])(\w+\.tcl)(?![^#]*\.tcl)", line.partition("#")[0])
        assert (home / script).is_file(), line
    assert max(map(len, text.splitlines())) < 160


@pytest.mark.parametrize(
    "tool, part",
    [
        *[("quartus", part) for part in ("5CEBA4F23C7", "10CX105YF672E5G", "EP4CE22F17C6", "10M08SAE144C8G", "10CL025YU256C8G")],
        *[("radiant", part) for part in ("LIFCL-17-8SG72C", "LFCPNX-100-9LFG672C", "LFD2NX-40-8BG256C", "iCE40UP5K-SG48I")],
        *[("diamond", part) for part in ("LFE5UM5G-85F-8BG756C", "LCMXO3LF-6900C-5BG256C", "LCMXO2-7000HC-4TG144C")],
        *[("gowin", part) for part in ("GW1NR-LV9QN88PC6/I5", "GW5A-LV25UG324C2/I1", "GW5AST-LV138FPG676AES")],
    ],
)  # fmt: skip
def test_parts_of_the_vendor_are_taken(tool: str, part: str, exported: Exported, tmp_path: Path) -> None:
    home = exported("flat", tool, part=part)
    assert project(home, tool, "create_project.tcl", tmp_path / "away").part == part


@pytest.mark.parametrize(
    "part", ["xc7a35tcpg236-1", "", "LFE5U", "GW2AR", "5CSEBA6", "LIFCL-40", "a b", "LFE5U-25F-6BG256C; exit"]
)
@pytest.mark.parametrize("tool", TOOLS)
def test_another_part_is_refused_in_one_line_with_an_example(tool: str, part: str, tmp_path: Path) -> None:
    example = REGISTRY[tool].example
    with pytest.raises(InputError) as caught:
        export(built("flat"), tool, part=part, out=tmp_path / "out")
    assert str(caught.value) == f"part must be one of {tool}'s, as {example}, not {part!r}"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("tool", TOOLS)
def test_edalize_makes_the_same_project(tool: str, exported: Exported, tmp_path: Path) -> None:
    """Its scripts are run with these tools by others: the tables take them, and they agree on part, top and files."""
    edatool = pytest.importorskip("edalize.edatool", reason="edalize is missing; install it with: pip install edalize")
    home = exported("flat", tool)
    made = project(home, tool, "create_project.tcl", tmp_path / "away")
    work = tmp_path / "edalize"
    work.mkdir()
    files = [
        {"name": str(path), "file_type": {".v": "verilogSource", ".sdc": "SDC", ".lpf": "LPF"}[path.suffix]}
        for path in made.files
    ]
    options = {"part": made.part, "family": "Cyclone V", "device": made.part}
    edam = {"name": "net", "toplevel": "zeroskip", "files": files}
    if tool == "gowin":
        from edalize.flows.generic import Generic

        generic = Generic({**edam, "flow_options": {"tool": tool, **options}}, str(work))
        generic.configure()
        script = "edalize_gowin_template.tcl"
    else:
        backend = edatool.get_edatool(tool)({**edam, "tool_options": {tool: options}}, str(work))
        backend.configure()
        script = "net.tcl"
    with environment():
        theirs = project(work, tool, script, work)
    assert (theirs.part, theirs.top) == (made.part, made.top)
    assert theirs.verilog == made.verilog
    assert {path.suffix for path in theirs.files} == {path.suffix for path in made.files}


def test_the_attributes_are_the_vendors(exported: Exported) -> None:
    """A word in a vendor's spelling stands on every memory, and nothing of another's."""
    for tool in ("radiant", "diamond", "gowin"):
        text = (exported("flat", tool) / "rtl" / "zs_ram.v").read_text()
        assert '`define ZEROSKIP_RAM_ATTRIBUTES (* syn_ramstyle = "no_rw_check" *)' in text.partition("`ifndef")[0]
    text = (exported("flat", "quartus") / "zs_ram.v").read_text()
    assert '(* ramstyle = "no_rw_check" *) reg [WIDTH-1:0] mem' in text
    assert "ram_style" not in text
    assert "syn_ramstyle" not in text


def test_no_memory_with_an_image_is_written_by_parts() -> None:
    """What Quartus' ``zs_ram.v`` relies on."""
    for design in SMALL:
        core = load(built(design)).verilog["zeroskip_core.v"]
        instances = re.findall(r"zs_ram #\((.*?)\) \w+ \(", core, re.DOTALL)
        assert len(instances) > 5
        assert any(".PARTS(32'd1)" not in one and ".PARTS(1)" not in one for one in instances) == (design == "strips")
        for one in instances:
            parts = int(re.findall(r"\.PARTS\((?:32'd)?(\d+)\)", one)[0])
            assert parts == 1 or ".IMAGE()" in one
