# Quartus' Tcl shell, quartus_sh -t. Sources: Quartus Prime User Guide: Scripting (683432), packages ::quartus::project and ::quartus::flow; names of
# assignments: Quartus Prime Settings File Reference Manual (683296). Options are only those that this project uses.

property DEVICE FAMILY TOP_LEVEL_ENTITY VERILOG_FILE SYSTEMVERILOG_FILE VHDL_FILE SDC_FILE QIP_FILE IP_FILE QSYS_FILE MISC_FILE SEARCH_PATH
property IO_STANDARD VIRTUAL_PIN

# project_new [-overwrite] [-revision <name>] [-family <family>] [-part <part>] <name>
command project_new {{is([A-Za-z_]\w*)}} {-overwrite flag -revision {is(\w+)} -family any -part any} {
    close [open [lindex $given 0].qpf w]
}
# project_open [-revision <name>] <name>
command project_open {{is([A-Za-z_]\w*)}} {-revision {is(\w+)}} {
    if {![file isfile [lindex $given 0].qpf]} { fail "project_open: no project [lindex $given 0] in [pwd]" }
}
command project_close {} {}
command export_assignments {} {-reorganize flag}
# set_global_assignment -name <name> <value>
command set_global_assignment {any} {-name property -library {is(\w+)}} {
    set value [lindex $given 0]
    switch -glob [dict get $options -name] {
        SEARCH_PATH { check SEARCH_PATH folder $value }
        *_FILE { check [dict get $options -name] file $value }
        DEVICE { check DEVICE {is((5|10|EP|1S|A)[0-9A-Z]+)} $value }
    }
}
# set_instance_assignment -name <name> -to <destination> <value>
command set_instance_assignment {any} {-name property -to any -from any}
# set_location_assignment <place> -to <pin>
command set_location_assignment {{is(PIN_\w+)}} {-to any}
# execute_flow -compile
command execute_flow {} {-compile flag -analysis_and_elaboration flag -compile_and_simulate flag -check_ios flag}

variable prologue {
    package provide ::quartus::project 1.0
    package provide ::quartus::flow 1.0
    if {[file extension $argv0] eq ".qip"} { set quartus(qip_path) [file dirname $argv0] }
}
