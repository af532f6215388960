// Gowin multipliers, as Yosys maps to them, without their registers: DOUT = A · B, each operand signed where its input says so.
// An operand from the neighbour (ASEL, BSEL) is not modelled: DOUT is X then.

module MULT9X9 #(
    parameter AREG = 0,
    parameter BREG = 0,
    parameter OUT_REG = 0,
    parameter PIPE_REG = 0,
    parameter ASIGN_REG = 0,
    parameter BSIGN_REG = 0
) (
    input  wire CLK, CE, RESET, ASIGN, BSIGN, ASEL, BSEL,
    input  wire [8:0] A, B, SIA, SIB,
    output wire [17:0] DOUT
);
    generate
        if (AREG != 0 || BREG != 0 || OUT_REG != 0 || PIPE_REG != 0 || ASIGN_REG != 0 || BSIGN_REG != 0) begin : refused
            zs_no_model_of_this_MULT9X9 has_an_option_that_is_not_modelled ();
        end
    endgenerate
    wire signed [9:0] a = {ASIGN & A[8], A};
    wire signed [9:0] b = {BSIGN & B[8], B};
    wire signed [19:0] product = a * b;
    assign DOUT = (ASEL | BSEL) === 1'b0 ? product[17:0] : 18'bx;
endmodule

module MULT18X18 #(
    parameter AREG = 0,
    parameter BREG = 0,
    parameter OUT_REG = 0,
    parameter PIPE_REG = 0,
    parameter ASIGN_REG = 0,
    parameter BSIGN_REG = 0
) (
    input  wire CLK, CE, RESET, ASIGN, BSIGN, ASEL, BSEL,
    input  wire [17:0] A, B, SIA, SIB,
    output wire [35:0] DOUT
);
    generate
        if (AREG != 0 || BREG != 0 || OUT_REG != 0 || PIPE_REG != 0 || ASIGN_REG != 0 || BSIGN_REG != 0) begin : refused
            zs_no_model_of_this_MULT18X18 has_an_option_that_is_not_modelled ();
        end
    endgenerate
    wire signed [18:0] a = {ASIGN & A[17], A};
    wire signed [18:0] b = {BSIGN & B[17], B};
    wire signed [37:0] product = a * b;
    assign DOUT = (ASEL | BSEL) === 1'b0 ? product[35:0] : 36'bx;
endmodule
