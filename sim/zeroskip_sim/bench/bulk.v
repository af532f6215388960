// Bulk bench: samples from a file into the input stream, output beats into a file, so that Python need not wake on any cycle.
// Each line of jobs.txt in the working directory is one job; they run one after the other. A job's folder takes its files:
// stimulus.txt (hex data, last) is read, outputs.txt (hex data, hex keep, last), counters.txt and trace.txt are written.
// The first job begins at power-up, with the images in the working directory. Before each later one there is a reset, in which every
// memory is scrambled and its image is read from the folder that the job names (bulk.vh).
`timescale 1ns / 1ps
module bulk #(
    parameter STREAM = 32,
    parameter ADDRESS = 16
) (
    input wire clk,
    output reg done
);
    localparam RUN = 3'd0, START = 3'd1, STARTED = 3'd2, READ = 3'd3, ANSWER = 3'd4, STOP = 3'd5, IDLE = 3'd6;
    localparam REGISTERS = 32'h14, LAYER_CYCLES = 32'h100;
    localparam NAME = 8 * 64;

    // The job, as its line says.
    reg [NAME-1:0] folder, images;
    integer samples, layers, seed, pauses, reset_at, limit, trace;
    integer jobs, stimulus, outputs, counters, traces, scanned;
    reg another;

    reg rst, reload, reloaded;
    reg [31:0] cycle, since_start, received, quiet;
    reg [31:0] random;
    reg was_reset;

    reg [STREAM-1:0] in_data, next_data;
    reg in_valid, in_last, next_last, more;
    wire in_ready;
    wire [STREAM-1:0] out_data;
    wire [STREAM/8-1:0] out_keep;
    wire out_valid, out_last;
    reg out_ready;

    reg [2:0] state;
    reg awvalid, wvalid, arvalid;
    reg [31:0] index;
    wire [31:0] read_address = index < 5 ? REGISTERS + 4 * index : LAYER_CYCLES + 4 * (index - 5);
    wire awready, wready, arready, bvalid, rvalid;
    wire [1:0] bresp, rresp;
    wire [31:0] rdata;

    zeroskip dut (
        .clk(clk), .rst(rst),
        .s_axis_tdata(in_data), .s_axis_tvalid(in_valid), .s_axis_tready(in_ready), .s_axis_tlast(in_last),
        .m_axis_tdata(out_data), .m_axis_tkeep(out_keep), .m_axis_tvalid(out_valid), .m_axis_tready(out_ready),
        .m_axis_tlast(out_last),
        .s_axil_awaddr({{(ADDRESS-8){1'b0}}, 8'h10}), .s_axil_awprot(3'b0), .s_axil_awvalid(awvalid), .s_axil_awready(awready),
        .s_axil_wdata(32'd1), .s_axil_wstrb(4'hf), .s_axil_wvalid(wvalid), .s_axil_wready(wready),
        .s_axil_bresp(bresp), .s_axil_bvalid(bvalid), .s_axil_bready(1'b1),
        .s_axil_araddr(read_address[ADDRESS-1:0]), .s_axil_arprot(3'b0), .s_axil_arvalid(arvalid), .s_axil_arready(arready),
        .s_axil_rdata(rdata), .s_axil_rresp(rresp), .s_axil_rvalid(rvalid), .s_axil_rready(1'b1)
    );

    // xorshift32; its low bits decide about pauses.
    function [31:0] shuffle(input [31:0] x);
        reg [31:0] y;
        begin
            y = x ^ (x << 13);
            y = y ^ (y >> 17);
            shuffle = y ^ (y << 5);
        end
    endfunction

    function [31:0] start_of(input integer seed);
        start_of = seed == 32'h9e3779b9 ? 1 : 32'h9e3779b9 ^ seed;
    endfunction

    task next_job;
        begin
            scanned = $fscanf(jobs, "%s %s %d %d %d %d %d %d %d", folder, images, samples, layers, seed, pauses, reset_at, limit, trace);
            another = scanned == 9;
        end
    endtask

    task open;
        begin
            stimulus = $fopen({folder, "/stimulus.txt"}, "r");
            outputs = $fopen({folder, "/outputs.txt"}, "w");
            traces = 0;
            if (trace != 0) traces = $fopen({folder, "/trace.txt"}, "w");
            more = 1'b1;
            fetch;
        end
    endtask

    task close;
        begin
            $fclose(stimulus);
            $fclose(outputs);
            if (traces != 0) $fclose(traces);
        end
    endtask

    // Reset, and the job's stimulus from its first line.
    task restart;
        begin
            rst <= 1'b1;
            cycle <= 0; since_start <= 0; received <= 0; quiet <= 0;
            in_valid <= 1'b0;
            state <= RUN; awvalid <= 1'b0; wvalid <= 1'b0; arvalid <= 1'b0; index <= 0;
            open;
        end
    endtask

    task fetch;
        begin
            scanned = $fscanf(stimulus, "%h %b", next_data, next_last);
            if (scanned != 2) more = 1'b0;
        end
    endtask

    initial begin
        jobs = $fopen("jobs.txt", "r");
        next_job;
        done = 1'b0; rst = 1'b1; cycle = 0; since_start = 0; received = 0; quiet = 0; was_reset = 1'b0;
        reload = 1'b0; reloaded = 1'b1;
        random = start_of(seed);
        in_valid = 1'b0; in_last = 1'b0; in_data = 0; out_ready = 1'b0;
        state = another ? RUN : IDLE; awvalid = 1'b0; wvalid = 1'b0; arvalid = 1'b0; index = 0;
        stimulus = 0; outputs = 0; counters = 0; traces = 0; more = 1'b0;
        if (another) open;
`ifdef __ICARUS__
        if ($test$plusargs("waves")) begin
            $dumpfile("waves.vcd");
            $dumpvars(0, bulk);
        end
`endif
    end

    always @(posedge clk) begin
        cycle <= cycle + 1;
        random <= shuffle(random);
        rst <= cycle < 4;
        reload <= cycle == 1 && !reloaded;
        if (reload) reloaded <= 1'b1;
        if (state != RUN && state != START && state != IDLE) since_start <= since_start + 1;

        // Streams. TVALID rises during reset already, as an impatient source's would.
        out_ready <= pauses == 0 || random[3:0] >= 6;
        if (!in_valid || in_ready) begin
            if (more && (pauses == 0 || random[7:4] >= 6)) begin
                in_valid <= 1'b1;
                in_data <= next_data;
                in_last <= next_last;
                fetch;
            end else
                in_valid <= 1'b0;
        end
        // In the first cycle of a reset the array still offers what it had; nobody takes it.
        if (out_valid && out_ready && !rst) begin
            $fwrite(outputs, "%h %h %b\n", out_data, out_keep, out_last);
            if (out_last) received <= received + 1;
        end
        quiet <= received >= samples && !out_valid ? quiet + 1 : 0;
`ifndef ZEROSKIP_NETLIST  // where no signal of the array has kept its name
        if (traces != 0 && !rst && dut.core.array.writer.enable)
            $fwrite(traces, "%0d %h\n", since_start, dut.core.array.writer.data);
`endif

        // Control: start once, read the counters when all is quiet.
        case (state)
            RUN: if (cycle == 8) begin awvalid <= 1'b1; wvalid <= 1'b1; state <= START; end
            START: begin
                if (awready) awvalid <= 1'b0;
                if (wready) wvalid <= 1'b0;
                if (bvalid) state <= STARTED;
            end
            STARTED: if (quiet >= 100 && !more && !in_valid) begin
                counters = $fopen({folder, "/counters.txt"}, "w");
                arvalid <= 1'b1;
                state <= READ;
            end
            READ: if (arready) begin arvalid <= 1'b0; state <= ANSWER; end
            ANSWER: if (rvalid) begin
                $fwrite(counters, "%0d\n", rdata);
                index <= index + 1;
                if (index + 1 == 5 + layers) state <= STOP;
                else begin arvalid <= 1'b1; state <= READ; end
            end
            IDLE: done <= 1'b1;
            default: ;
        endcase

        if (reset_at != 0 && since_start == reset_at && !was_reset) begin
            was_reset <= 1'b1;
            close;
            restart;
        end else if (state == STOP || (cycle >= limit && state != IDLE)) begin
            if (state == STOP) begin
                $fwrite(counters, "%0d\n", since_start);
                $fclose(counters);
            end
            close;
            next_job;
            if (another) begin
                was_reset <= 1'b0;
                reloaded <= 1'b0;
                random <= start_of(seed);
                restart;
            end else
                state <= IDLE;
        end
    end
endmodule
