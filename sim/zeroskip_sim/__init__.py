"""Simulation of the array's Verilog under Icarus and Verilator, compared with the integer reference."""
