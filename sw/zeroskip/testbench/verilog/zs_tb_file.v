// Compares a file with the CRC-32 that it had when the testbench was written, so that no changed, cut or missing file goes unseen.
// Carriage returns do not count. All is done at time 0; `changed` holds from then on, and `missing` says that there was no file.
module zs_tb_file #(
    parameter NAME = "",
    parameter [31:0] CRC = 0
) (
    output reg changed,
    output reg missing
);
    integer file, got;
    reg [31:0] crc;

    function [31:0] step(input [31:0] past, input [7:0] data);
        integer i;
        begin
            step = past ^ {24'd0, data};
            for (i = 0; i < 8; i = i + 1)
                step = {1'b0, step[31:1]} ^ (step[0] ? 32'hedb88320 : 32'd0);
        end
    endfunction

    initial begin
        changed = 1'b0;
        missing = 1'b0;
        crc = 32'hffffffff;
        file = $fopen(NAME, "r");
        if (file == 0) begin
            $display("%0s: is missing", NAME);
            changed = 1'b1;
            missing = 1'b1;
        end else begin
            got = $fgetc(file);
            while (got >= 0) begin
                if (got != 13) crc = step(crc, got[7:0]);
                got = $fgetc(file);
            end
            $fclose(file);
            if (~crc !== CRC) begin
                $display("%0s: is not the file that was written: its CRC-32 is %h, expected %h", NAME, ~crc, CRC);
                changed = 1'b1;
            end
        end
    end
endmodule
