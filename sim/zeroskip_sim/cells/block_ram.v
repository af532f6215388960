// Block RAM with a port that writes and one that reads, the part that ECP5 and Gowin have in common: 2048 units of UNIT bits. A word of
// UNIT · 1, 2 or 4 bits is whole units, one of 1, 2 or 4 bits a part of a unit's lower eight. An address counts bits, eight to a unit,
// whatever the width. A read of bits that are written at the same edge gives X, for vendors leave open what it gives; so both ports must
// have one clock.
module zs_block_ram #(
    parameter UNIT = 9,
    parameter WRITE_WIDTH = 9,
    parameter READ_WIDTH = 9,
    parameter [2048*UNIT-1:0] INIT = 0
) (
    input  wire        write_clk,
    input  wire        write_enable,
    input  wire [3:0]  units,  // those of the word that are written
    input  wire [13:0] write_address,
    input  wire [35:0] data,
    input  wire        read_clk,
    input  wire        read_enable,
    input  wire [13:0] read_address,
    output reg  [35:0] q
);
    localparam WRITTEN = WRITE_WIDTH < UNIT ? 1 : WRITE_WIDTH / UNIT;
    localparam READ = READ_WIDTH < UNIT ? 1 : READ_WIDTH / UNIT;

    reg [UNIT-1:0] mem [0:2047];
    integer i, j;
    reg [32*UNIT-1:0] line;  // parts of a part are sooner taken than parts of the whole
    initial
        for (i = 0; i < 2048; i = i + 1) begin
            if (i % 32 == 0) line = INIT[i*UNIT +: 32*UNIT];
            mem[i] = line[i%32*UNIT +: UNIT];
        end

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

    wire [3:0] written = {4{write_enable}} & units;
    wire [UNIT-1:0] write_bits = bits(write_address, WRITE_WIDTH);

    always @(posedge write_clk)
        for (i = 0; i < WRITTEN; i = i + 1)
            if (written[i])
                mem[unit(write_address, WRITTEN, i)] <= (mem[unit(write_address, WRITTEN, i)] & ~write_bits)
                    | ((data[i*UNIT +: UNIT] << low(write_address, WRITE_WIDTH)) & write_bits);

    // One unit of the word that is read, X where it is written.
    function [UNIT-1:0] seen(input [10:0] place, input [3:0] writing, input [13:0] other, input [UNIT-1:0] changed);
        integer k;
        begin
            seen = mem[place];
            for (k = 0; k < WRITTEN; k = k + 1)
                if (writing[k] && unit(other, WRITTEN, k) == place) seen = seen ^ (changed & {UNIT{1'bx}});
        end
    endfunction

    always @(posedge read_clk)
        if (read_enable)
            for (j = 0; j < READ; j = j + 1)
                q[j*UNIT +: UNIT] <= (seen(unit(read_address, READ, j), written, write_address, write_bits)
                    & bits(read_address, READ_WIDTH)) >> low(read_address, READ_WIDTH);
endmodule
