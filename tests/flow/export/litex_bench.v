// Sends the bytes of commands.hex to the SoC's bridge and writes those that it answers to answers.hex.
// A command of 100 waits until the results are in memory.
`timescale 1ns / 1ps
module bench;
    parameter COMMANDS = 1;
    parameter ANSWERS = 1;
    parameter CYCLES = 1000000;

    reg clk = 0;
    always #5 clk = !clk;

    reg [8:0] commands [0:COMMANDS-1];
    integer sent = 0, got = 0, cycle = 0, file;
    initial begin
        $readmemh("commands.hex", commands);
        file = $fopen("answers.hex", "w");
    end

    wire [8:0] command = commands[sent < COMMANDS ? sent : 0];
    wire waits = command[8];
    wire [7:0] answer_data;
    wire command_ready, answer_valid, done;
    soc soc (
        .clk(clk),
        .command_valid(sent < COMMANDS && !waits && cycle > 20), .command_ready(command_ready), .command_data(command[7:0]),
        .answer_valid(answer_valid), .answer_ready(1'b1), .answer_data(answer_data),
        .done(done)
    );

    always @(posedge clk) begin
        cycle <= cycle + 1;
        if (sent < COMMANDS && cycle > 20 && (waits ? done : command_ready)) sent <= sent + 1;
        if (answer_valid) begin
            $fdisplay(file, "%h", answer_data);
            got <= got + 1;
        end
        if (got == ANSWERS && sent == COMMANDS) $finish;
        if (cycle == CYCLES) begin
            $display("bench: %0d of %0d commands sent, %0d of %0d answers after %0d cycles", sent, COMMANDS, got, ANSWERS, cycle);
            $finish;
        end
    end
endmodule
