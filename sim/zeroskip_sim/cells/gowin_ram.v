// Gowin block RAM. Gowin UG285 describes ports, widths, byte enables and write modes; INIT_RAM holds the words without gaps. Modelled is
// what synthesis makes of memories: no output register (READ_MODE 0), and one block, selected always. The forms with a 9 hold units of
// nine bits, the others of eight. Words of two units and more take byte enables from the lowest bits of the writing port's address.
// A reset of the output is not modelled: the output is then X. The outputs are X at power-up.
`define ZS_INIT_PARAMETERS(BITS) \
    parameter [BITS-1:0] INIT_RAM_00 = 0, INIT_RAM_01 = 0, INIT_RAM_02 = 0, INIT_RAM_03 = 0, INIT_RAM_04 = 0, INIT_RAM_05 = 0, INIT_RAM_06 = 0, INIT_RAM_07 = 0, \
    parameter [BITS-1:0] INIT_RAM_08 = 0, INIT_RAM_09 = 0, INIT_RAM_0A = 0, INIT_RAM_0B = 0, INIT_RAM_0C = 0, INIT_RAM_0D = 0, INIT_RAM_0E = 0, INIT_RAM_0F = 0, \
    parameter [BITS-1:0] INIT_RAM_10 = 0, INIT_RAM_11 = 0, INIT_RAM_12 = 0, INIT_RAM_13 = 0, INIT_RAM_14 = 0, INIT_RAM_15 = 0, INIT_RAM_16 = 0, INIT_RAM_17 = 0, \
    parameter [BITS-1:0] INIT_RAM_18 = 0, INIT_RAM_19 = 0, INIT_RAM_1A = 0, INIT_RAM_1B = 0, INIT_RAM_1C = 0, INIT_RAM_1D = 0, INIT_RAM_1E = 0, INIT_RAM_1F = 0, \
    parameter [BITS-1:0] INIT_RAM_20 = 0, INIT_RAM_21 = 0, INIT_RAM_22 = 0, INIT_RAM_23 = 0, INIT_RAM_24 = 0, INIT_RAM_25 = 0, INIT_RAM_26 = 0, INIT_RAM_27 = 0, \
    parameter [BITS-1:0] INIT_RAM_28 = 0, INIT_RAM_29 = 0, INIT_RAM_2A = 0, INIT_RAM_2B = 0, INIT_RAM_2C = 0, INIT_RAM_2D = 0, INIT_RAM_2E = 0, INIT_RAM_2F = 0, \
    parameter [BITS-1:0] INIT_RAM_30 = 0, INIT_RAM_31 = 0, INIT_RAM_32 = 0, INIT_RAM_33 = 0, INIT_RAM_34 = 0, INIT_RAM_35 = 0, INIT_RAM_36 = 0, INIT_RAM_37 = 0, \
    parameter [BITS-1:0] INIT_RAM_38 = 0, INIT_RAM_39 = 0, INIT_RAM_3A = 0, INIT_RAM_3B = 0, INIT_RAM_3C = 0, INIT_RAM_3D = 0, INIT_RAM_3E = 0, INIT_RAM_3F = 0
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
`define ZS_UNITS(WIDTH, ADDRESS) (WIDTH >= 32 ? ADDRESS[3:0] : WIDTH >= 16 ? {2'b00, ADDRESS[1:0]} : 4'b0001)

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
    wire [35:0] q_a, q_b;
    zs_block_ram #(
        .UNIT(8), .WIDTH_A(BIT_WIDTH_0), .WIDTH_B(BIT_WIDTH_1), .MODE_A(WRITE_MODE0), .MODE_B(WRITE_MODE1), .INIT(`ZS_INIT)
    ) ram (
        .clk_a(CLKA), .enable_a(CEA & (BLKSELA == BLK_SEL_0)), .write_a(WREA), .units_a(`ZS_UNITS(BIT_WIDTH_0, ADA)), .address_a(ADA),
        .data_a({20'b0, DIA}), .q_a(q_a),
        .clk_b(CLKB), .enable_b(CEB & (BLKSELB == BLK_SEL_1)), .write_b(WREB), .units_b(`ZS_UNITS(BIT_WIDTH_1, ADB)), .address_b(ADB),
        .data_b({20'b0, DIB}), .q_b(q_b)
    );
    assign DOA = RESETA === 1'b0 ? q_a[15:0] : 16'bx;
    assign DOB = RESETB === 1'b0 ? q_b[15:0] : 16'bx;
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
    wire [35:0] q_a, q_b;
    zs_block_ram #(
        .UNIT(9), .WIDTH_A(BIT_WIDTH_0), .WIDTH_B(BIT_WIDTH_1), .MODE_A(WRITE_MODE0), .MODE_B(WRITE_MODE1), .INIT(`ZS_INIT)
    ) ram (
        .clk_a(CLKA), .enable_a(CEA & (BLKSELA == BLK_SEL_0)), .write_a(WREA), .units_a(`ZS_UNITS(BIT_WIDTH_0, ADA)), .address_a(ADA),
        .data_a({18'b0, DIA}), .q_a(q_a),
        .clk_b(CLKB), .enable_b(CEB & (BLKSELB == BLK_SEL_1)), .write_b(WREB), .units_b(`ZS_UNITS(BIT_WIDTH_1, ADB)), .address_b(ADB),
        .data_b({18'b0, DIB}), .q_b(q_b)
    );
    assign DOA = RESETA === 1'b0 ? q_a[17:0] : 18'bx;
    assign DOB = RESETB === 1'b0 ? q_b[17:0] : 18'bx;
endmodule

module SDPB #(
    parameter READ_MODE = 0,
    parameter BIT_WIDTH_0 = 32,
    parameter BIT_WIDTH_1 = 32,
    parameter [2:0] BLK_SEL_0 = 0,
    parameter [2:0] BLK_SEL_1 = 0,
    parameter RESET_MODE = "SYNC",
    `ZS_INIT_PARAMETERS(256)
) (
    input  wire CLKA, CEA, RESETA, CLKB, CEB, OCE, RESETB,
    input  wire [13:0] ADA, ADB,
    input  wire [2:0] BLKSELA, BLKSELB,
    input  wire [31:0] DI,
    output wire [31:0] DO
);
    generate
        if (READ_MODE != 0) begin : refused
            zs_no_model_of_this_SDPB has_an_option_that_is_not_modelled ();
        end
    endgenerate
    wire [35:0] q_a, q_b;
    zs_block_ram #(.UNIT(8), .WIDTH_A(BIT_WIDTH_0), .WIDTH_B(BIT_WIDTH_1), .INIT(`ZS_INIT)) ram (
        .clk_a(CLKA), .enable_a(CEA & (BLKSELA == BLK_SEL_0)), .write_a(1'b1), .units_a(`ZS_UNITS(BIT_WIDTH_0, ADA)), .address_a(ADA),
        .data_a({4'b0, DI}), .q_a(q_a),
        .clk_b(CLKB), .enable_b(CEB & (BLKSELB == BLK_SEL_1)), .write_b(1'b0), .units_b(4'b0), .address_b(ADB), .data_b(36'b0), .q_b(q_b)
    );
    assign DO = RESETB === 1'b0 ? q_b[31:0] : 32'bx;
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
    wire [35:0] q_a, q_b;
    zs_block_ram #(.UNIT(9), .WIDTH_A(BIT_WIDTH_0), .WIDTH_B(BIT_WIDTH_1), .INIT(`ZS_INIT)) ram (
        .clk_a(CLKA), .enable_a(CEA & (BLKSELA == BLK_SEL_0)), .write_a(1'b1), .units_a(`ZS_UNITS(BIT_WIDTH_0, ADA)), .address_a(ADA),
        .data_a(DI), .q_a(q_a),
        .clk_b(CLKB), .enable_b(CEB & (BLKSELB == BLK_SEL_1)), .write_b(1'b0), .units_b(4'b0), .address_b(ADB), .data_b(36'b0), .q_b(q_b)
    );
    assign DO = RESETB === 1'b0 ? q_b[35:0] : 36'bx;
endmodule
