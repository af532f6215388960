// Signed multiplier with a register for each operand and one for the product: the product follows its operands by two cycles.
// Synthesis finds the multiplier, and where its rules allow, the registers in it. With ZEROSKIP_ECP5 defined it is the ECP5's own cell,
// whose registers Yosys never uses by itself: the same values in the same cycles.
module zs_multiplier #(
    parameter A = 9,  // bits of an operand: at most 18 for an ECP5
    parameter B = 8,
    parameter PRODUCT = 17  // lowest bits of the product that are given
) (
    input  wire                      clk,
    input  wire signed [A-1:0]       a,
    input  wire signed [B-1:0]       b,
    output wire signed [PRODUCT-1:0] product
);
`ifdef ZEROSKIP_ECP5
    // Operands stand at the top of the inputs: zeros below cost no wires, which a sign above would.
    wire [17:0] top_a = a << (18 - A);
    wire [17:0] top_b = b << (18 - B);
    wire [35:0] full;
    assign product = full >> (36 - A - B);

    MULT18X18D #(
        .REG_INPUTA_CLK("CLK0"), .REG_INPUTB_CLK("CLK0"), .REG_OUTPUT_CLK("CLK0"), .GSR("DISABLED")
    ) multiplier (
        .CLK0(clk), .CE0(1'b1), .RST0(1'b0), .SIGNEDA(1'b1), .SIGNEDB(1'b1), .SOURCEA(1'b0), .SOURCEB(1'b0),
        .A17(top_a[17]), .A16(top_a[16]), .A15(top_a[15]), .A14(top_a[14]), .A13(top_a[13]), .A12(top_a[12]),
        .A11(top_a[11]), .A10(top_a[10]), .A9(top_a[9]), .A8(top_a[8]), .A7(top_a[7]), .A6(top_a[6]),
        .A5(top_a[5]), .A4(top_a[4]), .A3(top_a[3]), .A2(top_a[2]), .A1(top_a[1]), .A0(top_a[0]),
        .B17(top_b[17]), .B16(top_b[16]), .B15(top_b[15]), .B14(top_b[14]), .B13(top_b[13]), .B12(top_b[12]),
        .B11(top_b[11]), .B10(top_b[10]), .B9(top_b[9]), .B8(top_b[8]), .B7(top_b[7]), .B6(top_b[6]),
        .B5(top_b[5]), .B4(top_b[4]), .B3(top_b[3]), .B2(top_b[2]), .B1(top_b[1]), .B0(top_b[0]),
        .C17(1'b0), .C16(1'b0), .C15(1'b0), .C14(1'b0), .C13(1'b0), .C12(1'b0), .C11(1'b0), .C10(1'b0), .C9(1'b0),
        .C8(1'b0), .C7(1'b0), .C6(1'b0), .C5(1'b0), .C4(1'b0), .C3(1'b0), .C2(1'b0), .C1(1'b0), .C0(1'b0),
        .P35(full[35]), .P34(full[34]), .P33(full[33]), .P32(full[32]), .P31(full[31]), .P30(full[30]),
        .P29(full[29]), .P28(full[28]), .P27(full[27]), .P26(full[26]), .P25(full[25]), .P24(full[24]),
        .P23(full[23]), .P22(full[22]), .P21(full[21]), .P20(full[20]), .P19(full[19]), .P18(full[18]),
        .P17(full[17]), .P16(full[16]), .P15(full[15]), .P14(full[14]), .P13(full[13]), .P12(full[12]),
        .P11(full[11]), .P10(full[10]), .P9(full[9]), .P8(full[8]), .P7(full[7]), .P6(full[6]),
        .P5(full[5]), .P4(full[4]), .P3(full[3]), .P2(full[2]), .P1(full[1]), .P0(full[0])
    );
`else
    reg signed [A-1:0] held_a;
    reg signed [B-1:0] held_b;
    reg signed [PRODUCT-1:0] held_product;
    assign product = held_product;

    always @(posedge clk) begin
        held_a <= a;
        held_b <= b;
        held_product <= held_a * held_b;
    end
`endif
endmodule
