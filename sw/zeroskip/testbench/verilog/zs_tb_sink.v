// Takes an AXI4-Stream and compares it, beat for beat, with a file of BEATS words {last, keep, data} for $readmemh. An offered beat must
// stay as it is until it is taken, and no beat may follow the last. While `pausing`, it is not ready in 6 cycles of 16; `random` decides.
module zs_tb_sink #(
    parameter WIDTH = 32,
    parameter BEATS = 1,
    parameter SAMPLE_BEATS = 1,
    parameter FILE = "",
    parameter REPORTED = 10  // so many failures are told; all are counted
) (
    input wire clk,
    input wire rst,
    input wire pausing,
    input wire [3:0] random,
    input wire [WIDTH-1:0] data,
    input wire [WIDTH/8-1:0] keep,
    input wire last,
    input wire valid,
    output reg ready,
    output reg [31:0] taken,
    output reg [31:0] failures
);
    localparam WORD = WIDTH + WIDTH / 8 + 1;

    reg [WORD-1:0] beats [0:BEATS-1];
    reg [WORD-1:0] past;
    reg waiting;
    wire [WORD-1:0] offered = {last, keep, data};
    wire [WORD-1:0] expected = taken < BEATS ? beats[taken] : {WORD{1'bx}};
    wire broken = !rst && waiting && (!valid || offered !== past);
    wire takes = !rst && valid && ready;
    wire wrong = takes && (taken >= BEATS || offered !== expected);

    initial begin
        $readmemh(FILE, beats);
        ready = 1'b0;
        taken = 0;
        failures = 0;
        waiting = 1'b0;
    end

    always @(posedge clk) begin
        ready <= !(pausing && random < 6);
        waiting <= valid && !ready && !rst;
        past <= offered;
        if (takes) taken <= taken + 1;
        failures <= failures + {31'd0, broken} + {31'd0, wrong};
        if (failures < REPORTED) begin
            if (broken) $display("output beat %0d: changed while it was offered", taken);
            if (wrong && taken >= BEATS)
                $display("output beat %0d: data %h, keep %b, last %b, where nothing was expected", taken, data, keep, last);
            else if (wrong)
                $display(
                    "output beat %0d (sample %0d, its beat %0d): expected data %h, keep %b, last %b; got data %h, keep %b, last %b",
                    taken, taken / SAMPLE_BEATS, taken % SAMPLE_BEATS, expected[WIDTH-1:0], expected[WORD-2:WIDTH],
                    expected[WORD-1], data, keep, last
                );
        end
    end
endmodule
