"""A small design with everything that a real one has: lanes, images, multipliers, many ports."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from zeroskip.storage.images import write

TOP = r"""
module \zeroskip (
  input clk, input rst,
  input [31:0] s_axis_tdata, input s_axis_tvalid, output s_axis_tready, input s_axis_tlast,
  output [31:0] m_axis_tdata, output m_axis_tvalid, input m_axis_tready, output reg m_axis_tlast,
  input [15:0] s_axi_awaddr, input s_axi_awvalid, output s_axi_awready,
  input [31:0] s_axi_wdata, input s_axi_wvalid, output s_axi_wready, output reg [31:0] s_axi_rdata
);
  wire [31:0] y0, y1;
  reg [31:0] sum;
  reg valid;
  \zeroskip.lane_0 lane_0 (.clk(clk), .rst(rst), .x(s_axis_tdata[15:0]), .we(s_axi_wvalid & ~s_axi_awaddr[9]),
                           .address(s_axi_awaddr[7:0]), .data(s_axi_wdata[15:0]), .y(y0));
  \zeroskip.lane_1 lane_1 (.clk(clk), .rst(rst), .x(s_axis_tdata[31:16]), .we(s_axi_wvalid & s_axi_awaddr[9]),
                           .address(s_axi_awaddr[7:0]), .data(s_axi_wdata[15:0]), .y(y1));
  always @(posedge clk) begin
    valid <= s_axis_tvalid & ~rst;
    m_axis_tlast <= s_axis_tlast;
    if (m_axis_tready) sum <= y0 + y1;
    s_axi_rdata <= s_axi_wdata ^ {16'd0, s_axi_awaddr};
  end
  assign m_axis_tdata = sum;
  assign m_axis_tvalid = valid;
  assign s_axis_tready = m_axis_tready;
  assign s_axi_awready = s_axi_awvalid;
  assign s_axi_wready = ~rst;
endmodule
"""

LANE = r"""
module \zeroskip.lane_{n} (
  input clk, input rst, input [15:0] x, input we, input [7:0] address, input [15:0] data, output reg [31:0] y
);
  (* no_rw_check *) reg [15:0] mem [0:255];
  initial $readmemh("images/lane_{n}.mem", mem);
  reg [7:0] pointer;
  reg [15:0] q, weight;
  reg [31:0] product;
  wire [7:0] next;
  \zeroskip.lane_{n}.step step (.clk(clk), .rst(rst), .weight(weight), .pointer(next));
  always @(posedge clk) begin
    if (we) mem[address] <= data;
    q <= mem[pointer];
    weight <= q;
    pointer <= next;
    product <= $signed(weight) * $signed(x);
    y <= rst ? 0 : y + product;
  end
endmodule
module \zeroskip.lane_{n}.step (input clk, input rst, input [15:0] weight, output reg [7:0] pointer);
  always @(posedge clk) pointer <= rst ? 0 : pointer + weight[0] + 1;
endmodule
"""


@pytest.fixture
def design(tmp_path: Path) -> Path:
    """Folder of a saved design: two lanes, 164 port bits."""
    folder = tmp_path / "design"
    (folder / "rtl").mkdir(parents=True)
    (folder / "images").mkdir()
    (folder / "manifest.json").write_text(json.dumps({"verilog": {"top": "zeroskip"}}))
    (folder / "rtl" / "zeroskip.v").write_text(TOP)
    for n in range(2):
        (folder / "rtl" / f"lane_{n}.v").write_text(LANE.replace("{n}", str(n)))
        write(folder / "images" / f"lane_{n}.mem", [(i * 257 + n) & 0xFFFF for i in range(256)], 16)
    return folder
