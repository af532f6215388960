"""The sink of the testbench against a source that breaks the rules of AXI4-Stream; the array itself never does."""

from __future__ import annotations

import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

HARNESS = """
module harness;
    reg clk = 0, rst = 1, valid = 0, last = 0;
    reg [7:0] data = 0;
    reg [3:0] random = 0;
    wire ready;
    wire [31:0] taken, failures;
    integer step = 0;
    zs_tb_sink #(.WIDTH(8), .BEATS(2), .SAMPLE_BEATS(2), .FILE("beats.mem")) sink (
        .clk(clk), .rst(rst), .pausing(1'b1), .random(random), .data(data), .keep(1'b1), .last(last), .valid(valid), .ready(ready),
        .taken(taken), .failures(failures)
    );
    always #5 clk = !clk;
    // Each step: offered, with its data, and whether the sink will be ready in the next.
    task offer(input v, input [7:0] d, input l, input r);
        begin valid <= v; data <= d; last <= l; random <= r ? 15 : 0; @(posedge clk); end
    endtask
    initial begin
        repeat (3) @(posedge clk);
        rst <= 0;
        @(posedge clk);
STEPS
        offer(0, 0, 0, 0);
        offer(0, 0, 0, 0);
        offer(0, 0, 0, 0);
        $display("%0d taken, %0d failures", taken, failures);
        $finish(0);
    end
endmodule
"""
CASES = {
    "right": ([(1, 0x10, 0, 0), (1, 0x10, 0, 1), (1, 0x10, 0, 1), (1, 0x11, 1, 0)], ["2 taken, 0 failures"]),
    "changed while it waits": (
        [(1, 0x10, 0, 0), (1, 0x12, 0, 1), (1, 0x10, 0, 1), (1, 0x11, 1, 0)],
        ["output beat 0: changed while it was offered", "output beat 0: changed while it was offered", "2 taken, 2 failures"],
    ),
    "withdrawn": (
        [(1, 0x10, 0, 0), (0, 0x10, 0, 1), (1, 0x10, 0, 1), (1, 0x11, 1, 0)],
        ["output beat 0: changed while it was offered", "2 taken, 1 failures"],
    ),
    "one beat more": (
        [(1, 0x10, 0, 1), (1, 0x10, 0, 1), (1, 0x11, 1, 1), (1, 0x13, 1, 0)],
        ["output beat 2: data 13, keep 1, last 1, where nothing was expected", "3 taken, 1 failures"],
    ),
    "an unknown bit": (
        [(1, 0x10, 0, 1), (1, 0x10, 0, 1), (1, "8'bx", 1, 0)],
        ["output beat 1 (sample 0, its beat 1): expected data 11, keep 1, last 1; got data xx, keep 1, last 1", "2 taken, 1 failures"],
    ),
}  # fmt: skip


@pytest.mark.icarus
@pytest.mark.parametrize("steps, expected", CASES.values(), ids=CASES)
def test_the_rules_of_a_stream(tmp_path: Path, steps: list[tuple[object, ...]], expected: list[str]) -> None:
    (tmp_path / "beats.mem").write_text("110\n311\n")  # {last, keep, data}
    (tmp_path / "sink.v").write_text((files("zeroskip.testbench") / "verilog" / "zs_tb_sink.v").read_text())
    calls = "\n".join(f"        offer({', '.join(map(str, step))});" for step in steps)
    (tmp_path / "harness.v").write_text(HARNESS.replace("STEPS", calls))
    subprocess.run(["iverilog", "-g2005", "-o", "h.vvp", "harness.v", "sink.v"], cwd=tmp_path, check=True)
    said = subprocess.run(["vvp", "-n", "h.vvp"], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert said.splitlines() == expected
