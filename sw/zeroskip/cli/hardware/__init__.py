"""Commands that lead from a design to an FPGA."""
