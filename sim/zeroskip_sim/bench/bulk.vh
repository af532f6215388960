
    // The bulk bench puts this at the end of zs_ram: before each job but the first, other contents than those of the job before.
    integer at, part;
    reg [WIDTH+31:0] noise;
    always @(posedge clk)
        if (bulk.reload) begin
            for (at = 0; at < DEPTH; at = at + 1) begin
`ifdef VERILATOR
                for (part = 0; part < WIDTH; part = part + 32)
                    noise = {noise[WIDTH-1:0], $urandom};
`else
                noise = {(WIDTH + 32){1'bx}};
`endif
                mem[at] = noise[WIDTH-1:0];
            end
            if (IMAGE != "") $readmemh({bulk.images, "/", IMAGE}, mem);
        end
