#!/bin/sh
# Questa or ModelSim, without a window. Arguments go to the testbench, as +pauses=7 or +waves. The exit status is 0 after PASS only.
set -eu
cd "$(dirname "$0")"
mkdir -p build
[ -d build/questa ] || vlib build/questa
vlog -quiet -timescale 1ns/1ps -work build/questa -f sources.f
vsim -c -quiet -lib build/questa -voptargs=+acc -l build/questa.log -do 'run -all; quit -f' testbench "$@"
grep -Eq '^(# )?PASS: ' build/questa.log
