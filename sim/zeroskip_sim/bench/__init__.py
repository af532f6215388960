"""Verilog benches and the cocotb tests that run in them."""
