#!/bin/sh
# Vivado's simulator. Arguments go to the testbench, as +pauses=7 or +waves. The exit status is 0 after PASS only.
set -eu
cd "$(dirname "$0")"
mkdir -p build
for argument in "$@"; do
    set -- "$@" -testplusarg "${argument#+}"
    shift
done
xvlog -log build/xvlog.log -f sources.f
xelab -timescale 1ns/1ps -debug typical -log build/xelab.log -s testbench_sim testbench
xsim testbench_sim -runall -onfinish quit -log build/xsim.log "$@"
grep -q '^PASS: ' build/xsim.log
