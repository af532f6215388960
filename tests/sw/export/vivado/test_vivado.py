"""What Vivado will be given: scripts that are executed against its documentation, images as its manual wants them, and Verilog that maps."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.sw.export.conftest import Exported
from tests.sw.export.designs import REAL, SMALL, built
from tests.sw.export.folder import Folder
from tests.sw.export.tcl.run import Call, TclError, named, run_tcl

from zeroskip.contracts.errors import InputError
from zeroskip.contracts.layout import Layout
from zeroskip.export import export, tool_named
from zeroskip.export.tools.vivado import processor
from zeroskip.storage.design_folder import load

DESIGNS = [*SMALL, *(pytest.param(name, marks=pytest.mark.nightly) for name in REAL)]
ZYNQ = {"xc7z020clg400-1": "M_AXI_GP0", "xck26-sfvc784-2LV-c": "M_AXI_HPM0_FPD"}


@pytest.fixture(params=DESIGNS)
def folder(request: pytest.FixtureRequest, exported: Exported) -> Folder:
    return Folder(path=exported(request.param, "vivado"), design=request.param, home="images")


def names(calls: list[Call], command: str, root: Path) -> list[str]:
    """The files that the calls name, as they lie in the exported folder."""
    return [Path(word).relative_to(root).as_posix() for call in named(calls, command) for word in call.given]


def test_it_is_whole_and_names_no_place(folder: Folder) -> None:
    folder.is_whole()
    assert sorted(path.name for path in folder.path.iterdir()) == [
        "README.md", "constraints", "create_project.tcl", "driver", "images", "package_ip.tcl", "rtl", "zeroskip-export.json",
    ]  # fmt: skip


def test_the_verilog_is_the_designs_but_for_the_folder_of_the_images(folder: Folder) -> None:
    for name in folder.verilog:
        text = (built(folder.design) / name).read_text()
        assert (folder.path / name).read_text() == text.replace('"images/', '"')
    core = (folder.path / "rtl" / "zeroskip_core.v").read_text()
    for memory in Layout(load(built(folder.design)).program.config).memories:
        assert f'"{memory.name}.mem"' in core


@pytest.mark.icarus
@pytest.mark.verilator
def test_front_ends_are_silent(folder: Folder) -> None:
    folder.lints_clean()


@pytest.mark.icarus
def test_it_simulates_with_bare_names(folder: Folder) -> None:
    folder.simulates()


# --- scripts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step, launched", [("", []), ("synth", ["synth_1"]), ("impl", ["synth_1", "impl_1"])])
def test_the_project_has_every_file_and_runs_what_is_asked(
    folder: Folder, tmp_path: Path, step: str, launched: list[str]
) -> None:
    calls = run_tcl(folder.path / "create_project.tcl", "vivado", *filter(None, [step]), home=tmp_path)
    root = folder.path.resolve()
    project = named(calls, "create_project")[0]
    assert project.options["-part"] == "xc7a35tcpg236-1"
    assert Path(project.given[1]) == root / "project"
    assert names(calls, "add_files", root) == [*folder.verilog, "constraints/zeroskip.xdc"]
    assert sorted(names(calls, "read_mem", root)) == sorted(
        f"images/{path.name}" for path in (root / "images").iterdir()
    )
    assert [call.given for call in named(calls, "launch_runs")] == [[run] for run in launched]
    properties = [call.given for call in named(calls, "set_property")]
    assert ["top", "zeroskip", "sources_1"] in properties
    assert ["USED_IN", "synthesis implementation out_of_context", f"{root}/constraints/zeroskip.xdc"] in properties
    reports = [call.options["-file"] for call in calls if call.command.startswith("report_")]
    assert reports == ([f"{root}/utilization_{step}.txt", f"{root}/timing_{step}.txt"] if step else [])


def test_an_image_that_is_not_found_is_an_error_in_every_script(exported: Exported) -> None:
    path = exported("flat", "vivado", part="xc7z020clg400-1")
    for script in ("create_project.tcl", "package_ip.tcl", "create_system.tcl"):
        config = named(run_tcl(path / script, "vivado"), "set_msg_config")
        assert [call.options for call in config] == [{"-id": "Synth 8-4445", "-new_severity": "ERROR"}]


@pytest.mark.parametrize("script", ["create_project.tcl", "package_ip.tcl", "create_system.tcl"])
@pytest.mark.parametrize("lost", ["rtl/zs_ram.v", "images/rows0.mem", "constraints/zeroskip.xdc"])
def test_a_file_that_was_lost_stops_the_script(exported: Exported, script: str, lost: str) -> None:
    path = exported("flat", "vivado", part="xc7z020clg400-1")
    (path / lost).unlink()
    with pytest.raises(TclError, match=rf"no file .*{lost}"):
        run_tcl(path / script, "vivado")


def test_an_unknown_step_is_refused(exported: Exported) -> None:
    path = exported("flat", "vivado", part="xc7z020clg400-1")
    with pytest.raises(TclError, match=r"^create_project\.tcl:\d+: the step must be synth or impl, not all$"):
        run_tcl(path / "create_project.tcl", "vivado", "all")
    with pytest.raises(TclError, match=r"^create_system\.tcl:\d+: the step must be bitstream, not impl$"):
        run_tcl(path / "create_system.tcl", "vivado", "impl")


def test_the_ip_has_the_interfaces_and_the_range_of_the_port(folder: Folder, tmp_path: Path) -> None:
    calls = run_tcl(folder.path / "package_ip.tcl", "vivado", home=tmp_path)
    assert named(calls, "ipx::package_project")[0].options["-root_dir"] == str(folder.path.resolve())
    asked = [call.given[0] for call in named(calls, "ipx::get_bus_interfaces")]
    assert asked == ["s_axis", "m_axis", "s_axil", "clk", "rst", "s_axil"]
    properties = {call.given[0]: call.given[1] for call in named(calls, "set_property")}
    saved = load(built(folder.design))
    width = next(port["width"] for port in saved.sidecar["ports"] if port["name"] == "s_axil_awaddr")
    assert properties["range"] == str(1 << width)
    assert properties["name"] == "own_net"
    assert properties["slave_memory_map_ref"] == "s_axil"
    assert f"0x{saved.sidecar['config_id']:08X}" in properties["description"]
    order = [call.command for call in calls if call.command.startswith("ipx::")]
    assert order[-4:] == ["ipx::create_xgui_files", "ipx::update_checksums", "ipx::check_integrity", "ipx::save_core"]


def test_a_wrapper_without_an_interface_is_not_packaged(exported: Exported) -> None:
    path = exported("flat", "vivado")
    wrapper = path / "rtl" / "zeroskip.v"
    wrapper.write_text(wrapper.read_text().replace(" m_axis T", " other T"))
    with pytest.raises(TclError, match="interface m_axis was not found"):
        run_tcl(path / "package_ip.tcl", "vivado")


@pytest.mark.parametrize("part, master", ZYNQ.items())
@pytest.mark.parametrize("design", [*SMALL, pytest.param("lenet", marks=pytest.mark.nightly)])
def test_a_zynq_gets_a_whole_system(exported: Exported, tmp_path: Path, design: str, part: str, master: str) -> None:
    """The stubs know the cells' pins, refuse what does not fit, and let no pin of a cell stay open."""
    path = exported(design, "vivado", part=part, clock=125)
    calls = run_tcl(path / "create_system.tcl", "vivado", "bitstream", home=tmp_path)
    pairs = {tuple(call.given) for call in named(calls, "connect_bd_intf_net")}
    assert {
        ("dma/M_AXIS_MM2S", "net/s_axis"),
        ("net/m_axis", "dma/S_AXIS_S2MM"),
        ("registers/M00_AXI", "net/s_axil"),
    } < pairs
    assert (f"ps/{master}", "registers/S00_AXI") in pairs
    assert ["reset/peripheral_reset", "net/rst"] in [call.given for call in named(calls, "connect_bd_net")]
    settings = " ".join(call.options.get("-dict", "") for call in named(calls, "set_property"))
    bits = load(built(design)).program.config.stream_bits
    assert f"CONFIG.c_m_axis_mm2s_tdata_width {bits} " in settings
    assert f"CONFIG.c_m_axi_mm2s_data_width {max(32, bits)} " in settings
    assert "FREQMHZ 125" in settings
    assert named(calls, "write_bitstream")[0].given == [f"{path.resolve()}/system.bit"]
    assert run_tcl(path / "create_system.tcl", "vivado", home=tmp_path)[-1].command == "close_project"


@pytest.mark.parametrize("old, new", [("net/clk", ""), ("net/rst", "net/reset"), ("net/m_axis dma", "net/s_axil dma")])
def test_a_system_with_a_fault_is_found(exported: Exported, old: str, new: str) -> None:
    path = exported("flat", "vivado", part="xc7z020clg400-1")
    script = path / "create_system.tcl"
    script.write_text(script.read_text().replace(old, new))
    with pytest.raises(TclError, match=r"is not connected|there is no such pin|is connected twice"):
        run_tcl(script, "vivado")


@pytest.mark.parametrize("clock, period", [(100, "10.000"), (133.3, "7.502"), (9999, "0.100")])
def test_constraints_have_the_clock_that_was_asked_for(exported: Exported, clock: float, period: str) -> None:
    path = exported("flat", "vivado", clock=clock)
    calls = run_tcl(path / "constraints" / "zeroskip.xdc", "xdc")
    assert [call for call in calls if call.command != "get_ports"] == [
        Call(command="create_clock", given=["clk"], options={"-name": "clk", "-period": period})
    ]
    ports = {port["name"] for port in load(built("flat")).sidecar["ports"]}
    assert {word for call in named(calls, "get_ports") for word in call.given} <= ports


def test_the_readme_names_scripts_that_are_there(exported: Exported) -> None:
    for part in ("xc7a35tcpg236-1", *ZYNQ):
        path = exported("flat", "vivado", part=part)
        text = (path / "README.md").read_text()
        commands = text.split("```")[1].strip().splitlines()
        assert len(commands) == 3
        for command in commands:
            assert (
                command.split()[-1] == "project/project.xpr"
                or (path / command.split("-source ")[1].split()[0]).is_file()
            )
        assert ("create_system.tcl" in text) == (path / "create_system.tcl").exists() == (part in ZYNQ)


# --- parts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "part, kind",
    [
        ("xc7a35tcpg236-1", None), ("xc7a35ticsg324-1L", None), ("xc7k325tffg900-2", None), ("xc7s50csga324-1", None),
        ("xc7vx690tffg1761-2", None), ("xa7a35tcpg236-1I", None), ("xc7z007sclg400-1", 7), ("xc7z020clg400-1", 7),
        ("xq7z020cl400-1I", 7), ("xcku040-ffva1156-2-e", None), ("xcau15p-ffvb676-2-e", None), ("xcvu9p-flga2104-2L-e", None),
        ("xcvu37p-fsvh2892-2-e-es1", None), ("xcvc1902-vsva2197-2MP-e-S", None), ("xczu3eg-sbva484-1-e", "ultrascale"),
        ("xck26-sfvc784-2LV-c", "ultrascale"), ("xck24-ubva530-2LV-c", "ultrascale"),
    ],
)  # fmt: skip
def test_parts_as_amd_orders_them(part: str, kind: object, tmp_path: Path) -> None:
    folder = export(built("flat"), "vivado", out=tmp_path / "out", part=part)
    assert f"set part {part}\n" in (folder / "create_project.tcl").read_text()
    assert processor(part) == kind


@pytest.mark.parametrize(
    "part",
    [
        "artix7",
        "xc7a35t",
        "xc7a35tcpg236",
        "XC7A35TCPG236-1",
        "xc7a35tcpg236-4",
        "LFE5U-85F",
        "",
        "xc7a35tcpg236-1; exit",
        "xczu3eg-sbva484-1",
    ],
)
def test_other_words_are_no_parts(part: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^part must be one of vivado's, as xc7a35tcpg236-1, not '"):
        export(built("flat"), "vivado", out=tmp_path / "out", part=part)
    assert not (tmp_path / "out").exists()


def test_the_example_is_a_part() -> None:
    tool = tool_named("vivado")
    assert tool.example == "xc7a35tcpg236-1"
