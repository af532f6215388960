#!/bin/sh
# Icarus Verilog. Arguments go to the testbench, as +pauses=7 or +waves. The exit status is 0 after PASS only.
set -eu
cd "$(dirname "$0")"
mkdir -p build
{ echo +timescale+1ns/1ps; cat sources.f; } > build/icarus.f
iverilog -g2005 -Wall -s testbench -o build/icarus.vvp -c build/icarus.f
vvp -N build/icarus.vvp "$@" 2>&1 | tee build/icarus.log
grep -q '^PASS: ' build/icarus.log
