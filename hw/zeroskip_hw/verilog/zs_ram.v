// Simple dual-port block RAM: one write port with PARTS enables, one read port of one cycle.
// STYLE goes to synthesis as ram_style, unless told otherwise: "block" where a lane's gates shall not hold the words, "auto" elsewhere.
// IMAGE, unless empty, is read by $readmemh when simulation or synthesis starts; define ZEROSKIP_NO_IMAGES to leave memories unset.
// ZEROSKIP_RAM_ATTRIBUTES are the attributes of the memory, in the spelling of the synthesis tool.
`ifndef ZEROSKIP_RAM_ATTRIBUTES
`define ZEROSKIP_RAM_ATTRIBUTES (* no_rw_check, ram_style = STYLE *)
`endif
module zs_ram #(
    parameter WIDTH = 8,
    parameter DEPTH = 2,
    parameter ADDRESS = 1,
    parameter PARTS = 1,
    /* verilator lint_off UNUSEDPARAM */
    parameter STYLE = "auto",  // an attribute is its only use
    parameter IMAGE = ""       // not used with ZEROSKIP_NO_IMAGES
    /* verilator lint_on UNUSEDPARAM */
) (
    input  wire               clk,
    input  wire [PARTS-1:0]   write_enable,
    input  wire [ADDRESS-1:0] write_address,
    input  wire [WIDTH-1:0]   write_data,
    input  wire               read_enable,
    input  wire [ADDRESS-1:0] read_address,
    output reg  [WIDTH-1:0]   read_data
);
    localparam PART = WIDTH / PARTS;

    // A read never meets a write of the same word, so synthesis need not guard the old one.
    `ZEROSKIP_RAM_ATTRIBUTES reg [WIDTH-1:0] mem [0:DEPTH-1];

`ifndef ZEROSKIP_NO_IMAGES
    generate
        if (IMAGE != "") begin : image
            initial $readmemh(IMAGE, mem);
        end
    endgenerate
`endif

    integer i;
    always @(posedge clk) begin
        for (i = 0; i < PARTS; i = i + 1)
            if (write_enable[i])
                mem[write_address][i*PART +: PART] <= write_data[i*PART +: PART];
        if (read_enable)
            read_data <= mem[read_address];
    end
endmodule
