"""FuseSoC runs the targets of the exported core, with tools from PyPI and Debian."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.sw.export.conftest import Exported

from zeroskip.contracts.registers import VERSION_RESET

pytest.importorskip("fusesoc", reason="fusesoc is missing; install it with: pip install fusesoc")
BESIDE = Path(sys.executable).parent
CORE = "zeroskip::own_net"
BUILT = f"zeroskip__own_net_{VERSION_RESET >> 16}.{VERSION_RESET & 0xFFFF}"
"""FuseSoC's folder for it: name and version."""


@pytest.fixture
def tools(require_tool: Callable[[str], str]) -> None:
    for name in ("make", "tclsh"):
        require_tool(name)


def fusesoc(folder: Path, *words: str, roots: tuple[str, ...] = (".",), core: str = CORE) -> tuple[int, str]:
    """``fusesoc run`` in ``folder`` with the launcher that the README tells. Status, and all that it said.

    words : options before the core's name, then ``--`` and those behind it
    """
    before, after = (words[: words.index("--")], words[words.index("--") + 1 :]) if "--" in words else (words, ())
    command = [str(BESIDE / "fusesoc"), *(f"--cores-root={root}" for root in roots), "run", *before, core, *after]
    environment = {
        **os.environ, "EDALIZE_LAUNCHER": str(folder / "from_pypi.sh"), "PATH": f"{BESIDE}{os.pathsep}{os.environ['PATH']}",
    }  # fmt: skip
    both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    done = subprocess.run(command, cwd=folder, env=environment, text=True, check=False, timeout=1800, **both)
    return done.returncode, done.stdout


def verdict(said: str) -> str:
    return next((line for line in said.splitlines() if line.startswith(("PASS", "FAIL"))), said[-3000:])


@pytest.mark.icarus
@pytest.mark.parametrize("name", ["flat", "strips"])
def test_icarus_simulates_it(name: str, exported: Exported, tools: None) -> None:
    status, said = fusesoc(exported(name, "fusesoc"), "--target=sim", "--tool=icarus")
    assert verdict(said).startswith("PASS: 0 failures; ")
    assert status == 0


@pytest.mark.verilator
@pytest.mark.slow
def test_verilator_simulates_it(exported: Exported, tools: None) -> None:
    """Also with pauses, which are a plusarg, on the same model."""
    folder = exported("strips", "fusesoc")
    for pauses, told in (((), "8 files"), (("--", "--pauses=7"), "+pauses=7")):
        status, said = fusesoc(folder, "--target=sim", "--tool=verilator", *pauses)
        assert verdict(said).startswith("PASS: 0 failures; ")
        assert verdict(said).endswith(told) or not pauses
        assert status == 0
        assert (folder / "build" / BUILT / "sim" / "Vtestbench").is_file()


@pytest.mark.nightly
@pytest.mark.verilator
@pytest.mark.parametrize("name", ["demo", "lenet", "resnet8"])
def test_real_networks(name: str, exported: Exported, tools: None) -> None:
    status, said = fusesoc(exported(name, "fusesoc"), "--target=sim", "--tool=verilator")
    assert verdict(said).startswith("PASS: 0 failures; ")
    assert status == 0


@pytest.mark.icarus
def test_a_changed_weight_ends_with_an_error(exported: Exported, tools: None) -> None:
    folder = exported("strips", "fusesoc")
    weights = folder / "images" / "lane00.weights.mem"
    first, *rest = weights.read_text().split()
    weights.write_text("\n".join([f"{int(first, 16) ^ 0x40:02x}", *rest]) + "\n")
    status, said = fusesoc(folder, "--target=sim")
    assert status == 1
    assert verdict(said).startswith("FAIL: ")
    assert "output beat" in said


@pytest.mark.verilator
def test_lint_is_clean_with_every_parameter(exported: Exported, tools: None) -> None:
    folder = exported("strips", "fusesoc")
    for parameters in ((), ("--AUTOSTART=1",), ("--ZEROSKIP_NO_IMAGES",)):
        status, said = fusesoc(folder, "--target=lint", "--", *parameters)
        assert "%Warning" not in said
        assert status == 0, said[-3000:]


@pytest.mark.verilator
def test_lint_ends_with_an_error_where_it_finds_something(exported: Exported, tools: None) -> None:
    folder = exported("flat", "fusesoc")
    top = folder / "rtl" / "zeroskip.v"
    top.write_text(top.read_text().replace("endmodule", "    wire nobody;\n    wire repeated = nobody;\nendmodule"))
    status, said = fusesoc(folder, "--target=lint")
    assert "%Warning-UNDRIVEN" in said
    assert status == 1


OTHER = """CAPI=2:
name: me::two:1.0
filesets:
  rtl:
    files: [two.v]
    file_type: verilogSource-2005
    depend: ["zeroskip::own_net:3.0"]
targets:
  default: {filesets: [rtl], toplevel: two}
  sim: {filesets: [rtl], toplevel: two, flow: sim, flow_options: {tool: icarus}, parameters: [ZEROSKIP_NO_IMAGES]}
"""

TWO = """module two;
    reg clk = 0, rst = 1;
    wire ready;
    zeroskip #(.AUTOSTART(1)) net (
        .clk(clk), .rst(rst), .s_axis_tvalid(1'b0), .s_axis_tready(ready), .m_axis_tready(1'b0),
        .s_axil_awvalid(1'b0), .s_axil_wvalid(1'b0), .s_axil_bready(1'b0), .s_axil_arvalid(1'b0), .s_axil_rready(1'b0)
    );
    always #5 clk = !clk;
    initial begin
        #100 rst = 0;
        repeat (200) @(posedge clk);
        $display("ready %b", ready);
        $finish;
    end
endmodule
"""


@pytest.mark.icarus
def test_another_core_depends_on_it_and_finds_the_images(exported: Exported, tools: None) -> None:
    folder = exported("flat", "fusesoc")
    other = folder.parent / "other"
    other.mkdir()
    (other / "two.core").write_text(OTHER)
    (other / "two.v").write_text(TWO)
    status, said = fusesoc(folder, "--target=sim", roots=(".", str(other)), core="me::two")
    assert status == 0, said[-3000:]
    assert "ready 1" in said  # an array without its program never is
    status, said = fusesoc(
        folder, "--target=sim", "--", "--ZEROSKIP_NO_IMAGES", roots=(".", str(other)), core="me::two"
    )
    assert status == 0, said[-3000:]
    assert "ready 1" not in said


@pytest.mark.nightly
def test_the_open_flow_makes_a_bitstream(exported: Exported, tools: None) -> None:
    folder = exported("flat", "fusesoc")
    status, said = fusesoc(folder, "--target=synth")
    assert status == 0, said[-3000:]
    home = folder / "build" / BUILT / "synth"
    assert (home / f"{BUILT}.bit").read_bytes()[:200].find(b"LFE5UM5G-85F") > 0
    report = json.loads((home / "report.json").read_text())
    assert min(clock["achieved"] for clock in report["fmax"].values()) > 100
    assert report["utilization"]["DP16KD"]["used"] > 0
    assert report["utilization"]["MULT18X18D"]["used"] > 0


def test_a_script_that_yosys_would_get_otherwise_is_refused(exported: Exported, tools: None) -> None:
    folder = exported("flat", "fusesoc")
    for words, message in (
        (["-p", "synth_ecp5"], "-p must be 'tcl SCRIPT', not 'synth_ecp5'"),
        (["-q", "x"], "must be called as yosys -l LOG -p 'tcl SCRIPT', not with -q"),
    ):
        done = subprocess.run([folder / "from_pypi.sh", "yosys", *words], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (2, f"yosys_tcl.tcl: {message}\n")
