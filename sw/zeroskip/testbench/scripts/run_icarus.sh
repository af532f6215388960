#!/bin/sh
# Icarus Verilog. Arguments go to the testbench, as +pauses=7 or +waves. The exit status is 0 after PASS only.
set -eu
cd "$(dirname "$0")"
mkdir -p build
iverilog -g2005 -Wall -Wno-timescale -s testbench -o build/icarus.vvp -c sources.f
vvp -N build/icarus.vvp "$@" 2>&1 | tee build/icarus.log
grep -q '^PASS: ' build/icarus.log
