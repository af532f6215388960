"""Macros that the emitted Verilog knows, whoever defines them."""

NO_IMAGES = "ZEROSKIP_NO_IMAGES"
"""All memories are unset; a host loads them."""

ECP5 = "ZEROSKIP_ECP5"
"""Multipliers are the ECP5's own cell, with its registers: for synthesis by Yosys."""

STATUS = "ZEROSKIP_STATUS"
"""A testbench that finds a difference ends with an error."""
