// ECP5 multiplier, as zs_multiplier and Yosys use it: P = A · B, each operand signed where its input says so. Without registers, or with those
// of the operands and of the product on CLK0, which is always enabled and never reset.
// An operand from the neighbour (SOURCEA, SOURCEB) is not modelled: P is X then. Other registers and their ports are left out, so that a
// netlist that uses one is refused.
module MULT18X18D #(
    parameter REG_INPUTA_CLK = "NONE",
    parameter REG_INPUTB_CLK = "NONE",
    parameter REG_OUTPUT_CLK = "NONE",
    parameter GSR = "ENABLED"  // of resets, of which there is none
) (
    input  wire CLK0, CE0, RST0,
    input  wire A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0,
    input  wire B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0,
    input  wire C17, C16, C15, C14, C13, C12, C11, C10, C9, C8, C7, C6, C5, C4, C3, C2, C1, C0,
    input  wire SIGNEDA, SIGNEDB, SOURCEA, SOURCEB,
    output wire P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18, P17, P16, P15,
    P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0
);
    wire [17:0] low_a = {
        A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0
    };
    wire [17:0] low_b = {
        B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0
    };
    localparam HELD_A = REG_INPUTA_CLK == "CLK0", HELD_B = REG_INPUTB_CLK == "CLK0", HELD_P = REG_OUTPUT_CLK == "CLK0";
    generate
        if ((!HELD_A && REG_INPUTA_CLK != "NONE") || (!HELD_B && REG_INPUTB_CLK != "NONE") || (!HELD_P && REG_OUTPUT_CLK != "NONE"))
        begin : refused
            zs_no_model_of_this_MULT18X18D has_an_option_that_is_not_modelled ();
        end
    endgenerate

    reg signed [18:0] held_a, held_b;
    reg [35:0] held_product;
    wire signed [18:0] now_a = {SIGNEDA & A17, low_a};
    wire signed [18:0] now_b = {SIGNEDB & B17, low_b};
    wire signed [18:0] a = HELD_A ? held_a : now_a;
    wire signed [18:0] b = HELD_B ? held_b : now_b;
    wire signed [37:0] product = a * b;
    wire known = (SOURCEA | SOURCEB) === 1'b0 && ((!HELD_A && !HELD_B && !HELD_P) || (CE0 === 1'b1 && RST0 === 1'b0));
    assign {
        P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18, P17, P16, P15, P14, P13,
        P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0
    } = !known ? 36'bx : HELD_P ? held_product : product[35:0];

    always @(posedge CLK0) begin
        held_a <= now_a;
        held_b <= now_b;
        held_product <= product[35:0];
    end
endmodule
