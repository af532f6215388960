"""The checks of exported folders can fail: each is shown what it is there to find."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.sw.export.checks import images_are_the_programs, mif_words, no_place_of_the_writer, plain_words
from tests.sw.export.conftest import Exported
from tests.sw.export.designs import built
from tests.sw.export.lint import icarus_says, slang_says, verilator_says
from tests.sw.export.netlist import synthesised
from tests.sw.export.simulation import gives_the_reference

FILES = ("rtl/zeroskip.v", "rtl/zeroskip_core.v", "rtl/zs_multiplier.v", "rtl/zs_ram.v")


@pytest.mark.parametrize(
    "line",
    ["set d {here}/x.v", "read home: {home}/a", '"/home/somebody/a.v"', "(/tmp/x)", r'"C:\Users\x"', "-o /work/a"],
)
def test_a_path_of_the_writer_is_found(tmp_path: Path, line: str) -> None:
    text = line.format(here=Path.cwd(), home=Path.home())
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.tcl").write_text(f"# first\n{text}\n")
    with pytest.raises(AssertionError, match=r"sub/a\.tcl:2: names "):
        no_place_of_the_writer(tmp_path)


@pytest.mark.parametrize("line", ["https://a.org/home/x", "images/tmp/x", "// home/work", "a /* work */ b", "../tmp/a"])
def test_what_is_no_path_from_the_root_passes(tmp_path: Path, line: str) -> None:
    (tmp_path / "a.txt").write_text(f"{line}\n")
    (tmp_path / "b.bin").write_bytes(b"\xff\x00/home/x")
    no_place_of_the_writer(tmp_path)


def test_a_place_that_is_named_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("in /srv/build/net\n")
    with pytest.raises(AssertionError, match=r"a\.txt:1: names /srv/build"):
        no_place_of_the_writer(tmp_path, Path("/srv/build"))


@pytest.mark.parametrize(
    "content, message",
    [
        ("@0\n0a\n", "1: must be 2 digits"), ("0a\n0A\n", "2: must be 2 digits"), ("0a 0b\n", "1: must be"), ("0a\n\n", "2: must be"),
        ("0a // x\n", "1: must be"), ("a\n", "1: must be"), ("0a", "must end with LF"), ("0a\r\n", "must end with LF"),
        ("ff\n", "1: has more than 7 bits"),
    ],
)  # fmt: skip
def test_plain_images_are_read_strictly(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "a.mem"
    path.write_bytes(content.encode())
    with pytest.raises(AssertionError, match=message):
        plain_words(path, 7)


MIF = "-- a\nWIDTH=7;\nDEPTH = 3;\nADDRESS_RADIX=HEX;\nDATA_RADIX=HEX;\nCONTENT BEGIN\n0 : 1f;\n[1..2] : 00;\nEND;\n"


def test_memory_initialization_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.mif").write_text(MIF)
    assert mif_words(tmp_path / "a.mif", 7) == [0x1F, 0, 0]


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("1..2", "0..2", "given twice"),
        ("DEPTH = 3", "DEPTH = 4", "not every address"),
        ("1f", "ff", "more than 7 bits"),
        ("=7", "=8", "WIDTH"),
    ],
)
def test_memory_initialization_files_are_read_strictly(tmp_path: Path, old: str, new: str, message: str) -> None:
    (tmp_path / "a.mif").write_text(MIF.replace(old, new))
    with pytest.raises(AssertionError, match=message):
        mif_words(tmp_path / "a.mif", 7)


def test_an_image_that_is_not_the_programs_is_found(exported: Exported) -> None:
    folder = exported("strips", "filelist")
    design = built("strips")
    images_are_the_programs(folder, design)
    path = folder / "images" / "lane00.weights.mem"
    lines = path.read_text().splitlines(keepends=True)
    for content, message in (
        ([*lines[:-1], "ff\n"], f"word {len(lines) - 1} is 0xff, not 0x0"),
        (lines[:-1], f"has {len(lines) - 1} words, the memory {len(lines)}"),
    ):
        path.write_text("".join(content))
        with pytest.raises(AssertionError, match=message):
            images_are_the_programs(folder, design)
    path.write_text("".join(lines))
    (folder / "images" / "other.mem").write_text("00\n")
    with pytest.raises(AssertionError, match=r"no memory reads images/other\.mem"):
        images_are_the_programs(folder, design)


@pytest.mark.icarus
@pytest.mark.verilator
@pytest.mark.parametrize(
    "fault", ["wire w; assign w = undeclared;", "wire [3:0] w = 5'd17; wire v = w[7];", "wire = ;"]
)
def test_each_front_end_says_something_of_a_fault(tmp_path: Path, fault: str) -> None:
    (tmp_path / "a.v").write_text(f"module a(input clk);\n{fault}\nendmodule\n")
    for says in (verilator_says, icarus_says, slang_says):
        assert says(tmp_path, ["a.v"], "a"), says.__name__


@pytest.mark.icarus
@pytest.mark.verilator
def test_front_ends_say_nothing_of_what_is_right_and_miss_no_file(tmp_path: Path) -> None:
    (tmp_path / "a.v").write_text("module a(input wire x, output wire y);\n    assign y = !x;\nendmodule\n")
    for says in (verilator_says, icarus_says, slang_says):
        assert says(tmp_path, ["a.v"], "a") == []
        assert says(tmp_path, ["a.v", "b.v"], "a"), says.__name__


def test_synthesis_counts_and_fails_where_yosys_does(tmp_path: Path) -> None:
    (tmp_path / "m.mem").write_text("".join(f"{i * 257 % 65521:04x}\n" for i in range(1024)))
    (tmp_path / "a.v").write_text("""
module part(input clk, input [9:0] address, input [17:0] x, y, output reg [15:0] q, output reg [35:0] p);
    reg [15:0] mem [0:1023];
    initial $readmemh("m.mem", mem);
    always @(posedge clk) begin q <= mem[address]; p <= x * y; end
endmodule
module a(input clk, input [9:0] address, input [17:0] x, y, output [15:0] q, r, output [35:0] p, s);
    part one(clk, address, x, y, q, p);
    part two(clk, ~address, ~x, y, r, s);
endmodule
""")
    found = synthesised(tmp_path, ["a.v"], "ecp5", "a")
    assert (found.bram, found.dsp, found.ff) == (2, 2, 72)
    (tmp_path / "m.mem").unlink()
    with pytest.raises(AssertionError, match=r"m\.mem"):
        synthesised(tmp_path, ["a.v"], "ecp5", "a")


@pytest.mark.icarus
def test_a_simulation_with_a_wrong_image_fails(exported: Exported) -> None:
    folder = exported("flat", "filelist")
    files = [folder / name for name in FILES]
    gives_the_reference(folder, files, built("flat"))
    path = folder / "images" / "lane00.weights.mem"
    path.write_text("".join(f"{-int(line, 16) & 0xFF:02x}\n" for line in path.read_text().splitlines()))
    with pytest.raises(AssertionError, match="expected"):
        gives_the_reference(folder, files, built("flat"))
