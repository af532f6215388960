// Power-on reset: rst is high from configuration on, for 2**WIDTH cycles and one more. The only registers with initial values, which the
// bitstream brings.
module zs_reset #(
    parameter WIDTH = 10
) (
    input  wire clk,
    output wire rst
);
    reg [WIDTH-1:0] waited;
    reg             running;
    initial begin
        waited = {WIDTH{1'b0}};
        running = 1'b0;
    end

    always @(posedge clk) begin
        running <= &waited;
        if (!(&waited))
            waited <= waited + 1'b1;
    end
    assign rst = !running;
endmodule
