# Gowin EDA's Tcl shell, gw_sh. It is documented in the Gowin Software User Guide (SUG100) and in Tcl Commands (SUG1220), whose text was not at hand:
# commands and options are those of public scripts that are run with V1.9.9 to V1.9.12. Options are only those that this project uses.

# create_project -name <name> -dir <path> -pn <part> [-device_version <version>] [-force]
command create_project {} {-name {is([A-Za-z_]\w*)} -dir folder -pn {is(GW[125]\S+)} -device_version is([A-Z]{1,2}) -force flag} {
    foreach needed {-name -dir -pn} {
        if {![dict exists $options $needed]} { fail "create_project needs $needed" }
    }
}
# set_device [-name <device>] [-device_version <version>] <part>
command set_device {{is(GW[125]\S+)}} {-name any -device_version is([A-Z]{1,2})} {}
# add_file [-type verilog|vhdl|cst|sdc|...] <file>. Without -type the ending decides.
command add_file {file} {-type one(verilog|vhdl|cst|sdc|netlist|gao|gpa|rao)}
# set_option -<name> <value>
command set_option {} {
    -synthesis_tool one(gowinsynthesis) -verilog_std one(v1995|v2001|sysv2017) -top_module {is([A-Za-z_]\w*)} -output_base_name {is([\w.-]+)}
} {
    if {[dict size $options] != 1} { fail "set_option: one option at a time" }
}
# run syn|pnr|all
command run {one(syn|pnr|all)} {}
