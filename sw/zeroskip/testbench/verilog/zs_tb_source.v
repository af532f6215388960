// Drives an AXI4-Stream from a file of BEATS words {last, data} for $readmemh. TVALID does not wait for the reset to end, as an impatient
// source's would not. While `pausing`, it pauses at random, 6 cycles of 16; `random` decides.
module zs_tb_source #(
    parameter WIDTH = 32,
    parameter BEATS = 1,
    parameter FILE = ""
) (
    input wire clk,
    input wire pausing,
    input wire [3:0] random,
    output reg [WIDTH-1:0] data,
    output reg last,
    output reg valid,
    input wire ready,
    output wire done
);
    reg [WIDTH:0] beats [0:BEATS-1];
    integer next;

    assign done = next == BEATS && !valid;

    initial begin
        $readmemh(FILE, beats);
        next = 0;
        data = 0;
        last = 1'b0;
        valid = 1'b0;
    end

    always @(posedge clk)
        if (!valid || ready) begin
            valid <= 1'b0;
            if (next < BEATS && !(pausing && random < 6)) begin
                {last, data} <= beats[next];
                valid <= 1'b1;
                next <= next + 1;
            end
        end
endmodule
