"""Signals and instances as Verilog says, in the two forms that the design has, and the groups made of them."""

from __future__ import annotations

import pytest

from zeroskip.contracts.errors import InputError
from zeroskip.waves import Group, Wave, wanted
from zeroskip.waves.hierarchy import Hierarchy

WRAPPER = """
module outer #(
    // a comment with wire [3:0] nothing;
    parameter AUTOSTART = 0
) (
    (* X_INTERFACE_INFO = "a:b" *)
    input  wire          clk,
    input  wire [16:0]   s_axis_tdata,
    output wire          s_axis_tready
);
    core core (
        .clk(clk),
        .s_axis_tdata(s_axis_tdata)
    );
endmodule
"""
CORE = """
module core(clk, s_axis_tdata, grant);
  input clk;
  wire clk;
  input [16:0] s_axis_tdata;
  reg signed [8:0] high = 0;
  reg [7:0] mem [3:0];
  lane lane00 (
    .clk(clk)
  );
  lane lane01 (.clk(clk));
  ram #(
    .WIDTH(32'd8),
    .NAME("x (y)")
  ) ram (
    .clk(clk)
  );
  assign high = clk ? high : 0;
endmodule

module lane(clk);
  input clk;
  wire [3:0] grant;
endmodule

module ram #(parameter WIDTH = 8, parameter NAME = "") (
    input  wire clk,
    output reg  [WIDTH-1:0] read_data
);
endmodule
"""


def test_widths_and_instances() -> None:
    found = Hierarchy([WRAPPER, CORE], "outer")
    assert found.instances == ["", "core", "core.lane00", "core.lane01", "core.ram"]
    widths = {
        "clk": 1, "s_axis_tdata": 17, "core.s_axis_tdata": 17, "core.high": 9, "core.lane01.grant": 4, "core.ram.clk": 1,
        "nothing": None, "core.mem": None, "core.ram.read_data": None, "core.lane02.grant": None, "core.lane00.high": None,
    }  # fmt: skip
    assert {path: found.width(path) for path in widths} == widths


def test_a_missing_top_is_refused() -> None:
    with pytest.raises(InputError, match=r"^the design's Verilog has no module 'zeroskip'$"):
        Hierarchy([WRAPPER], "zeroskip")


def test_only_what_exists_and_is_recorded_is_wanted() -> None:
    """No ports but some, no array; and an array whose results are too wide for Verilator's waves."""
    assert wanted([WRAPPER, CORE], "outer") == [
        Group("clock and reset", (Wave("clk", "clk", 1),)),
        Group("input stream", (Wave("s_axis_tready", "s_axis_tready", 1), Wave("s_axis_tdata", "s_axis_tdata", 17))),
    ]
    array = (
        "module top(rst);\n  input rst;\n  array array (.rst(rst));\nendmodule\n"
        "module array(rst);\n  input rst;\n  merge merge (.rst(rst));\n  l lane63 (.rst(rst));\nendmodule\n"
        "module merge(rst);\n  input rst;\n  wire [255:0] grant;\n  wire [256:0] total;\nendmodule\n"
        "module l(rst);\n  input rst;\n  gate gate (.rst(rst));\nendmodule\nmodule gate(rst);\n  wire issue;\nendmodule\n"
    )
    assert wanted([array], "top") == [
        Group("clock and reset", (Wave("rst", "rst", 1),)),
        Group("lane 63", (Wave("array.lane63.gate.issue", "gate.issue", 1),)),
        Group("merge", (Wave("array.merge.grant", "merge.grant", 256),)),
    ]
