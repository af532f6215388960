# Lattice Radiant's Tcl shell, radiantc. It is documented in the Lattice Radiant Software Help, "Tcl Scripting User Guide", whose text was not at hand:
# commands and options are those that Amaranth, LiteX and edalize write, and that public scripts use, all of which are run with Radiant.

# prj_create -name <name> [-dev <device>] [-performance <grade>] [-impl <name>] [-impl_dir <dir>] [-synthesis synplify|lse]
command prj_create {} {
    -name {is([A-Za-z_]\w*)} -dev {is((LIFCL|LFD2NX|LFCPNX|LFMXO5|UT24C|iCE40UP)\S+)} -performance any -impl {is(\w+)} -impl_dir any
    -synthesis one(synplify|lse)
} {
    if {![dict exists $options -name]} { fail "prj_create needs -name" }
    if {[glob -nocomplain *.rdf] ne ""} { fail "prj_create: the folder has a project" }
    close [open [dict get $options -name].rdf w]
}
# prj_open <file.rdf>
command prj_open {file} {}
# prj_add_source [-impl <name>] [-work <library>] [-opt <arguments>] <file>...
command prj_add_source {file*} {-impl {is(\w+)} -work {is(\w+)} -opt any}
# prj_set_impl_opt [-impl <name>] <option> [<value>...]
command prj_set_impl_opt {{one(top|include path|HDL_PARAM|VERILOG_DIRECTIVES|lib)} any?} {-impl {is(\w+)} -append flag -rem flag}
# prj_run Synthesis|Map|PAR|Export [-impl <name>] [-task <name>] [-forceAll] [-forceOne]
command prj_run {one(Synthesis|Map|PAR|Export)} {
    -impl {is(\w+)} -task one(SynTrace|MapTrace|PARTrace|Bitgen|IBIS|TimingSimFileVlg|TimingSimFileVHD) -forceAll flag -forceOne flag
}
# prj_save [<file.rdf>]
command prj_save {new?} {}
# prj_close
command prj_close {} {}
