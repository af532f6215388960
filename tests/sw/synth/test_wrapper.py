"""The measuring wrapper."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from zeroskip.contracts.errors import InputError
from zeroskip.synth.wrapper import Port, wrap

CLK = Port("clk", "input", 1)


def test_each_port_bit_has_a_register_of_its_own() -> None:
    text = wrap(
        "a.b", [CLK, Port("x", "input", 3), Port("y", "output", 2), Port("z", "output", 1), Port("w", "input", 1)]
    )
    assert r"\a.b core (" in text
    for link in (
        r".\clk (clk)",
        r".\x (inputs[2:0])",
        r".\w (inputs[3:3])",
        r".\y (outputs[1:0])",
        r".\z (outputs[2:2])",
    ):
        assert link in text
    assert "reg [3:0] inputs;" in text
    assert "reg [2:0] captured, folded;" in text


@pytest.mark.parametrize(
    "ports, clock, message",
    [
        ([Port("x", "input", 1)], None, "must have a clock input named clk or aclk or clock$"),
        ([CLK], "ck", "must have a clock input named ck$"),
        ([CLK, Port("io", "inout", 1)], None, "port 'io' must be an input or an output, not inout$"),
        ([CLK, Port("x", "input", 1)], None, "must have an output$"),
    ],
)
def test_refusals(ports: list[Port], clock: str | None, message: str) -> None:
    with pytest.raises(InputError, match=f"^module 'top': {message}"):
        wrap("top", ports, clock)


@pytest.mark.icarus
def test_every_output_bit_reaches_the_pin(tmp_path: Path) -> None:
    """One pulse on all eight outputs: the pin must give eight, one after the other."""
    core = "module \\c.x (input clk, input [7:0] d, output [7:0] q); assign q = {8{d[0]}}; endmodule\n"
    bench = """module t; reg clk = 0, si = 0; wire so; integer i;
zeroskip_measure dut (clk, si, so);
initial begin dut.inputs = 0; dut.captured = 0; dut.folded = 0;
for (i = 0; i < 64; i = i + 1) begin si = i == 0; #1 clk = 1; #1 clk = 0; if (so) $write("%0d ", i); end end endmodule
"""
    (tmp_path / "t.v").write_text(core + wrap("c.x", [CLK, Port("d", "input", 8), Port("q", "output", 8)]) + bench)
    subprocess.run(["iverilog", "-g2005", "-o", "t", "t.v"], cwd=tmp_path, check=True)
    shown = subprocess.run(["vvp", "-n", "t"], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert shown.split() == [str(cycle) for cycle in range(3, 11)]
