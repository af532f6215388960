// Block RAM with two ports, the part that ECP5 and Gowin have in common: 2048 units of UNIT bits. A port of UNIT · 1, 2 or 4 bits takes
// whole units, one of 1, 2 or 4 bits a part of a unit's lower eight. An address counts bits, eight to a unit, whatever the width.
// MODE of a port: what it reads while it writes. 0 nothing, the output stays; 1 the new word; 2 the old one.
// A read of bits that the other port writes at the same edge gives X: vendors leave open what it gives. Both ports have one clock.
module zs_block_ram #(
    parameter UNIT = 9,
    parameter WIDTH_A = 9,
    parameter WIDTH_B = 9,
    parameter MODE_A = 0,
    parameter MODE_B = 0,
    parameter [2048*UNIT-1:0] INIT = 0
) (
    input  wire        clk_a,
    input  wire        enable_a,
    input  wire        write_a,
    input  wire [3:0]  units_a,  // those of the word that are written
    input  wire [13:0] address_a,
    input  wire [35:0] data_a,
    output reg  [35:0] q_a,
    input  wire        clk_b,
    input  wire        enable_b,
    input  wire        write_b,
    input  wire [3:0]  units_b,
    input  wire [13:0] address_b,
    input  wire [35:0] data_b,
    output reg  [35:0] q_b
);
    localparam COUNT_A = WIDTH_A < UNIT ? 1 : WIDTH_A / UNIT;
    localparam COUNT_B = WIDTH_B < UNIT ? 1 : WIDTH_B / UNIT;

    reg [UNIT-1:0] mem [0:2047];
    integer i, a, b;
    initial for (i = 0; i < 2048; i = i + 1) mem[i] = INIT[i*UNIT +: UNIT];

    // The number of the k-th unit of a word of so many.
    function [10:0] unit(input [13:0] address, input integer count, input integer k);
        unit = (address[13:3] & ~(count - 11'd1)) | k;
    endfunction

    // Of a unit, the lowest bit of the word.
    function [2:0] low(input [13:0] address, input integer width);
        low = width < 8 ? address[2:0] & ~(width - 3'd1) : 3'd0;
    endfunction

    // Of a unit, the bits of the word.
    function [UNIT-1:0] bits(input [13:0] address, input integer width);
        bits = width < 8 ? ((1 << width) - 1) << low(address, width) : {UNIT{1'b1}};
    endfunction

    function [35:0] stored(input [13:0] address, input integer width, input integer count);
        integer k;
        begin
            stored = 0;
            for (k = 0; k < count; k = k + 1)
                stored[k*UNIT +: UNIT] = (mem[unit(address, count, k)] & bits(address, width)) >> low(address, width);
        end
    endfunction

    // Of a word that is read, the bits that a word at another address writes.
    function [35:0] met(
        input [13:0] address, input integer width, input integer count,
        input [13:0] other, input integer other_width, input integer other_count, input [3:0] written
    );
        integer k, j;
        begin
            met = 0;
            for (k = 0; k < count; k = k + 1)
                for (j = 0; j < other_count; j = j + 1)
                    if (written[j] && unit(address, count, k) == unit(other, other_count, j))
                        met[k*UNIT +: UNIT] = (bits(address, width) & bits(other, other_width)) >> low(address, width);
        end
    endfunction

    function [35:0] mixed(input [35:0] old, input [35:0] data, input [3:0] written);
        integer k;
        begin
            mixed = old;
            for (k = 0; k < 4; k = k + 1)
                if (written[k]) mixed[k*UNIT +: UNIT] = data[k*UNIT +: UNIT];
        end
    endfunction

    wire [3:0] written_a = {4{enable_a & write_a}} & units_a;
    wire [3:0] written_b = {4{enable_b & write_b}} & units_b;
    wire [35:0] unknown_a = {36{1'bx}} & met(address_a, WIDTH_A, COUNT_A, address_b, WIDTH_B, COUNT_B, written_b);
    wire [35:0] unknown_b = {36{1'bx}} & met(address_b, WIDTH_B, COUNT_B, address_a, WIDTH_A, COUNT_A, written_a);

    always @(posedge clk_a) begin
        for (a = 0; a < COUNT_A; a = a + 1)
            if (written_a[a])
                mem[unit(address_a, COUNT_A, a)] <= (mem[unit(address_a, COUNT_A, a)] & ~bits(address_a, WIDTH_A))
                    | ((data_a[a*UNIT +: UNIT] << low(address_a, WIDTH_A)) & bits(address_a, WIDTH_A));
        if (enable_a && (!write_a || MODE_A != 0))
            q_a <= mixed(stored(address_a, WIDTH_A, COUNT_A) ^ unknown_a, data_a, MODE_A == 1 ? written_a : 4'b0);
    end

    always @(posedge clk_b) begin
        for (b = 0; b < COUNT_B; b = b + 1)
            if (written_b[b])
                mem[unit(address_b, COUNT_B, b)] <= (mem[unit(address_b, COUNT_B, b)] & ~bits(address_b, WIDTH_B))
                    | ((data_b[b*UNIT +: UNIT] << low(address_b, WIDTH_B)) & bits(address_b, WIDTH_B));
        if (enable_b && (!write_b || MODE_B != 0))
            q_b <= mixed(stored(address_b, WIDTH_B, COUNT_B) ^ unknown_b, data_b, MODE_B == 1 ? written_b : 4'b0);
    end
endmodule
