// Gowin block RAM. Ports, widths, byte enables and resets are as Yosys describes and maps them; INIT_RAM holds the words without gaps.
// Modelled is what synthesis makes of this project's memories: port A writes and port B reads, without output register. The forms with a 9
// hold units of nine bits, the others of eight. Words of two units and more take byte enables from the lowest bits of the writing port's
// address.
// Outputs that are not modelled are X: port A's own, and all where a reset is used or port B writes. At power-up they are X too.
`define ZS_INIT_PARAMETERS(BITS) \
    parameter [BITS-1:0] INIT_RAM_00 = 0, INIT_RAM_01 = 0, INIT_RAM_02 = 0, INIT_RAM_03 = 0, \
    parameter [BITS-1:0] INIT_RAM_04 = 0, INIT_RAM_05 = 0, INIT_RAM_06 = 0, INIT_RAM_07 = 0, \
    parameter [BITS-1:0] INIT_RAM_08 = 0, INIT_RAM_09 = 0, INIT_RAM_0A = 0, INIT_RAM_0B = 0, \
    parameter [BITS-1:0] INIT_RAM_0C = 0, INIT_RAM_0D = 0, INIT_RAM_0E = 0, INIT_RAM_0F = 0, \
    parameter [BITS-1:0] INIT_RAM_10 = 0, INIT_RAM_11 = 0, INIT_RAM_12 = 0, INIT_RAM_13 = 0, \
    parameter [BITS-1:0] INIT_RAM_14 = 0, INIT_RAM_15 = 0, INIT_RAM_16 = 0, INIT_RAM_17 = 0, \
    parameter [BITS-1:0] INIT_RAM_18 = 0, INIT_RAM_19 = 0, INIT_RAM_1A = 0, INIT_RAM_1B = 0, \
    parameter [BITS-1:0] INIT_RAM_1C = 0, INIT_RAM_1D = 0, INIT_RAM_1E = 0, INIT_RAM_1F = 0, \
    parameter [BITS-1:0] INIT_RAM_20 = 0, INIT_RAM_21 = 0, INIT_RAM_22 = 0, INIT_RAM_23 = 0, \
    parameter [BITS-1:0] INIT_RAM_24 = 0, INIT_RAM_25 = 0, INIT_RAM_26 = 0, INIT_RAM_27 = 0, \
    parameter [BITS-1:0] INIT_RAM_28 = 0, INIT_RAM_29 = 0, INIT_RAM_2A = 0, INIT_RAM_2B = 0, \
    parameter [BITS-1:0] INIT_RAM_2C = 0, INIT_RAM_2D = 0, INIT_RAM_2E = 0, INIT_RAM_2F = 0, \
    parameter [BITS-1:0] INIT_RAM_30 = 0, INIT_RAM_31 = 0, INIT_RAM_32 = 0, INIT_RAM_33 = 0, \
    parameter [BITS-1:0] INIT_RAM_34 = 0, INIT_RAM_35 = 0, INIT_RAM_36 = 0, INIT_RAM_37 = 0, \
    parameter [BITS-1:0] INIT_RAM_38 = 0, INIT_RAM_39 = 0, INIT_RAM_3A = 0, INIT_RAM_3B = 0, \
    parameter [BITS-1:0] INIT_RAM_3C = 0, INIT_RAM_3D = 0, INIT_RAM_3E = 0, INIT_RAM_3F = 0
`define ZS_INIT { \
    INIT_RAM_3F, INIT_RAM_3E, INIT_RAM_3D, INIT_RAM_3C, INIT_RAM_3B, INIT_RAM_3A, INIT_RAM_39, INIT_RAM_38, \
    INIT_RAM_37, INIT_RAM_36, INIT_RAM_35, INIT_RAM_34, INIT_RAM_33, INIT_RAM_32, INIT_RAM_31, INIT_RAM_30, \
    INIT_RAM_2F, INIT_RAM_2E, INIT_RAM_2D, INIT_RAM_2C, INIT_RAM_2B, INIT_RAM_2A, INIT_RAM_29, INIT_RAM_28, \
    INIT_RAM_27, INIT_RAM_26, INIT_RAM_25, INIT_RAM_24, INIT_RAM_23, INIT_RAM_22, INIT_RAM_21, INIT_RAM_20, \
    INIT_RAM_1F, INIT_RAM_1E, INIT_RAM_1D, INIT_RAM_1C, INIT_RAM_1B, INIT_RAM_1A, INIT_RAM_19, INIT_RAM_18, \
    INIT_RAM_17, INIT_RAM_16, INIT_RAM_15, INIT_RAM_14, INIT_RAM_13, INIT_RAM_12, INIT_RAM_11, INIT_RAM_10, \
    INIT_RAM_0F, INIT_RAM_0E, INIT_RAM_0D, INIT_RAM_0C, INIT_RAM_0B, INIT_RAM_0A, INIT_RAM_09, INIT_RAM_08, \
    INIT_RAM_07, INIT_RAM_06, INIT_RAM_05, INIT_RAM_04, INIT_RAM_03, INIT_RAM_02, INIT_RAM_01, INIT_RAM_00 \
}
`define ZS_UNITS (BIT_WIDTH_0 >= 32 ? ADA[3:0] : BIT_WIDTH_0 >= 16 ? {2'b00, ADA[1:0]} : 4'b0001)

module DPB #(
    parameter READ_MODE0 = 0,
    parameter READ_MODE1 = 0,
    parameter WRITE_MODE0 = 0,
    parameter WRITE_MODE1 = 0,
    parameter BIT_WIDTH_0 = 16,
    parameter BIT_WIDTH_1 = 16,
    parameter [2:0] BLK_SEL_0 = 0,
    parameter [2:0] BLK_SEL_1 = 0,
    parameter RESET_MODE = "SYNC",
    `ZS_INIT_PARAMETERS(256)
) (
    input  wire CLKA, CEA, OCEA, RESETA, WREA, CLKB, CEB, OCEB, RESETB, WREB,
    input  wire [13:0] ADA, ADB,
    input  wire [2:0] BLKSELA, BLKSELB,
    input  wire [15:0] DIA, DIB,
    output wire [15:0] DOA, DOB
);
    generate
        if (READ_MODE0 != 0 || READ_MODE1 != 0) begin : refused
            zs_no_model_of_this_DPB has_an_option_that_is_not_modelled ();
        end
    endgenerate

    wire [35:0] q;
    assign DOA = 16'bx;
    assign DOB = (RESETA | RESETB | WREB) === 1'b0 ? q[15:0] : 16'bx;

    zs_block_ram #(.UNIT(8), .WRITE_WIDTH(BIT_WIDTH_0), .READ_WIDTH(BIT_WIDTH_1), .INIT(`ZS_INIT)) ram (
        .write_clk(CLKA), .write_enable(CEA & WREA & (BLKSELA == BLK_SEL_0)), .units(`ZS_UNITS), .write_address(ADA),
        .data({20'b0, DIA}),
        .read_clk(CLKB), .read_enable(CEB & (BLKSELB == BLK_SEL_1)), .read_address(ADB), .q(q)
    );
endmodule

module DPX9B #(
    parameter READ_MODE0 = 0,
    parameter READ_MODE1 = 0,
    parameter WRITE_MODE0 = 0,
    parameter WRITE_MODE1 = 0,
    parameter BIT_WIDTH_0 = 18,
    parameter BIT_WIDTH_1 = 18,
    parameter [2:0] BLK_SEL_0 = 0,
    parameter [2:0] BLK_SEL_1 = 0,
    parameter RESET_MODE = "SYNC",
    `ZS_INIT_PARAMETERS(288)
) (
    input  wire CLKA, CEA, OCEA, RESETA, WREA, CLKB, CEB, OCEB, RESETB, WREB,
    input  wire [13:0] ADA, ADB,
    input  wire [2:0] BLKSELA, BLKSELB,
    input  wire [17:0] DIA, DIB,
    output wire [17:0] DOA, DOB
);
    generate
        if (READ_MODE0 != 0 || READ_MODE1 != 0) begin : refused
            zs_no_model_of_this_DPX9B has_an_option_that_is_not_modelled ();
        end
    endgenerate

    wire [35:0] q;
    assign DOA = 18'bx;
    assign DOB = (RESETA | RESETB | WREB) === 1'b0 ? q[17:0] : 18'bx;

    zs_block_ram #(.UNIT(9), .WRITE_WIDTH(BIT_WIDTH_0), .READ_WIDTH(BIT_WIDTH_1), .INIT(`ZS_INIT)) ram (
        .write_clk(CLKA), .write_enable(CEA & WREA & (BLKSELA == BLK_SEL_0)), .units(`ZS_UNITS), .write_address(ADA),
        .data({18'b0, DIA}),
        .read_clk(CLKB), .read_enable(CEB & (BLKSELB == BLK_SEL_1)), .read_address(ADB), .q(q)
    );
endmodule

module SDPX9B #(
    parameter READ_MODE = 0,
    parameter BIT_WIDTH_0 = 36,
    parameter BIT_WIDTH_1 = 36,
    parameter [2:0] BLK_SEL_0 = 0,
    parameter [2:0] BLK_SEL_1 = 0,
    parameter RESET_MODE = "SYNC",
    `ZS_INIT_PARAMETERS(288)
) (
    input  wire CLKA, CEA, RESETA, CLKB, CEB, OCE, RESETB,
    input  wire [13:0] ADA, ADB,
    input  wire [2:0] BLKSELA, BLKSELB,
    input  wire [35:0] DI,
    output wire [35:0] DO
);
    generate
        if (READ_MODE != 0) begin : refused
            zs_no_model_of_this_SDPX9B has_an_option_that_is_not_modelled ();
        end
    endgenerate

    wire [35:0] q;
    assign DO = (RESETA | RESETB) === 1'b0 ? q : 36'bx;

    zs_block_ram #(.UNIT(9), .WRITE_WIDTH(BIT_WIDTH_0), .READ_WIDTH(BIT_WIDTH_1), .INIT(`ZS_INIT)) ram (
        .write_clk(CLKA), .write_enable(CEA & (BLKSELA == BLK_SEL_0)), .units(`ZS_UNITS), .write_address(ADA), .data(DI),
        .read_clk(CLKB), .read_enable(CEB & (BLKSELB == BLK_SEL_1)), .read_address(ADB), .q(q)
    );
endmodule
