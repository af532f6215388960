# Lattice Diamond's Tcl shell, diamondc. It is documented in the Lattice Diamond Help, "Tcl Scripting", whose text was not at hand: commands and
# options are those that Amaranth, LiteX and edalize write, and that public scripts use, all of which are run with Diamond.

# prj_project new -name <name> -dev <device> [-lpf <file>] [-synthesis synplify|lse] [-impl <name>] [-impl_dir <dir>]
# prj_project open <file.ldf> | save [<file>] | close
command prj_project {one(new|open|save|close) new?} {
    -name {is([A-Za-z_]\w*)} -dev {is((LFE|LAE|LCMXO|LFXP|LFMXO)\S+)} -lpf file -impl {is(\w+)} -impl_dir any -synthesis one(synplify|lse)
} {
    if {[lindex $given 0] eq "new"} {
        foreach needed {-name -dev} { if {![dict exists $options $needed]} { fail "prj_project new needs $needed" } }
        if {[glob -nocomplain *.ldf] ne ""} { fail "prj_project new: the folder has a project" }
        close [open [dict get $options -name].ldf w]
    } elseif {[dict size $options]} { fail "prj_project [lindex $given 0] takes no options" }
}
# prj_src add [-impl <name>] [-work <library>] [-format <format>] [-exclude] [-include <dir>] <file>... | enable <file> | remove <file>
command prj_src {one(add|enable|remove) file*} {
    -impl {is(\w+)} -work {is(\w+)} -format one(VERILOG|VHDL|EDIF|LPF|SDC|Verilog) -exclude flag -include folder
}
# prj_impl option [-impl <name>] [-append] <option> [<value>]
command prj_impl {one(option) {one(top|include path|HDL_PARAM|VERILOG_DIRECTIVES)} any?} {-impl {is(\w+)} -append flag -rem flag}
# prj_run Synthesis|Translate|Map|PAR|Export [-impl <name>] [-task <name>] [-forceAll] [-forceOne]
command prj_run {one(Synthesis|Translate|Map|PAR|Export)} {
    -impl {is(\w+)} -task one(Bitgen|Jedecgen|Promgen|IBIS|PARTrace|MapTrace) -forceAll flag -forceOne flag
}
