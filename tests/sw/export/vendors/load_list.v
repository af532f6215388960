// A host that can do no more than write a list: it writes load.txt to the register port, then sends samples and prints what comes back.
// WRITES, BEATS, ANSWERS: lengths of the list, of beats.txt (the input stream: tlast, tdata), and of what is waited for.
module load_list;
    parameter ADDRESS = 12, DATA = 16, WRITES = 1, BEATS = 1, ANSWERS = 1;
    reg clk = 0, rst = 1;
    always #5 clk = ~clk;

    reg [31:0] list [0:2*WRITES-1];
    reg [DATA:0] beats [0:BEATS-1];
    initial begin
        $readmemh("load.txt", list);
        $readmemh("beats.txt", beats);
    end

    integer write = 0, beat = 0, answer = 0;
    reg address_taken = 0, data_taken = 0, waiting = 0;
    wire loaded = write == WRITES;
    wire aw_ready, w_ready, b_valid, s_ready, m_valid, m_last;
    wire [1:0] b_resp;
    wire [DATA-1:0] m_data;
    wire [31:0] word = loaded ? 0 : list[2*write];

    zeroskip dut (
        .clk(clk), .rst(rst),
        .s_axil_awaddr(word[ADDRESS-1:0]), .s_axil_awprot(3'd0), .s_axil_awvalid(!rst && !loaded && !address_taken && !waiting),
        .s_axil_awready(aw_ready),
        .s_axil_wdata(loaded ? 32'd0 : list[2*write+1]), .s_axil_wstrb(4'hf), .s_axil_wvalid(!rst && !loaded && !data_taken && !waiting),
        .s_axil_wready(w_ready), .s_axil_bresp(b_resp), .s_axil_bvalid(b_valid), .s_axil_bready(1'b1),
        .s_axil_araddr({ADDRESS{1'b0}}), .s_axil_arprot(3'd0), .s_axil_arvalid(1'b0), .s_axil_rready(1'b1),
        .s_axis_tdata(beat < BEATS ? beats[beat][DATA-1:0] : {DATA{1'b0}}), .s_axis_tlast(beat < BEATS && beats[beat][DATA]),
        .s_axis_tvalid(!rst && beat < BEATS), .s_axis_tready(s_ready),
        .m_axis_tdata(m_data), .m_axis_tvalid(m_valid), .m_axis_tlast(m_last), .m_axis_tready(1'b1)
    );

    always @(posedge clk) if (!rst) begin
        if (!address_taken && !waiting && !loaded && aw_ready) address_taken <= 1;
        if (!data_taken && !waiting && !loaded && w_ready) data_taken <= 1;
        if (address_taken && data_taken) begin
            address_taken <= 0;
            data_taken <= 0;
            waiting <= 1;
        end
        if (b_valid) begin
            if (b_resp != 0) begin
                $display("refused %0d %h", write, word);
                $finish;
            end
            waiting <= 0;
            address_taken <= 0;
            data_taken <= 0;
            write <= write + 1;
        end
        if (beat < BEATS && s_ready) beat <= beat + 1;
        if (m_valid) begin
            $display("answer %h", m_data);
            answer = answer + 1;
            if (answer == ANSWERS) $finish;
        end
    end

    initial begin
        repeat (3) @(posedge clk);
        #1 rst = 0;
    end

    integer quiet = 0;
    always @(posedge clk) begin
        quiet <= rst || b_valid || m_valid || (beat < BEATS && s_ready) ? 0 : quiet + 1;
        if (quiet == 20000) begin
            $display("nothing more after %0d writes, %0d beats", write, beat);
            $finish;
        end
    end
endmodule
