"""Components of Amaranth as readable Verilog: one module for each kind of component."""
