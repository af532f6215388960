// Latency and interval in clock cycles, as they are seen at the ports: from the first beat that enters to the last beat of the first group
// that leaves, and between the last beats of the latest two groups. GROUP samples are computed side by side.
module zs_tb_timer #(
    parameter GROUP = 1
) (
    input wire clk,
    input wire rst,
    input wire [31:0] cycle,
    input wire enters,
    input wire sample_leaves,
    output reg [31:0] latency,
    output reg [31:0] interval
);
    reg begun, first;
    reg [31:0] entered, left, samples;

    initial begin
        begun = 1'b0;
        first = 1'b1;
        entered = 0;
        left = 0;
        samples = 0;
        latency = 0;
        interval = 0;
    end

    always @(posedge clk)
        if (!rst) begin
            if (enters && !begun) begin
                begun <= 1'b1;
                entered <= cycle;
            end
            if (sample_leaves) begin
                samples <= samples + 1 == GROUP ? 0 : samples + 1;
                if (samples + 1 == GROUP) begin
                    first <= 1'b0;
                    left <= cycle;
                    interval <= cycle - left;
                    if (first) latency <= cycle - entered;
                end
            end
        end
endmodule
