# A _hw.tcl of Platform Designer. Source: Quartus Prime User Guide: Platform Designer (Standard 683364, Pro 683609), chapter "Component Interface Tcl
# Reference"; roles of signals: AMBA 4 AXI and AXI4-Stream, which the same chapter names as supported. That axi4stream is "start" where data
# leave and "end" where they enter is not in the text of it that was read; public components that are built with Quartus do so.

variable interfaces {}
variable filesets {}
variable callbacks {}
property NAME VERSION DISPLAY_NAME DESCRIPTION GROUP AUTHOR EDITABLE INTERNAL OPAQUE_ADDRESS_MAP

command set_module_property {property any} {}
command get_module_property {one(MODULE_DIRECTORY|NAME|VERSION)} {} { return [file dirname [file normalize $::script]] }
# add_parameter <name> <type> [<default> <description>]
command add_parameter {{is(\w+)} one(INTEGER|NATURAL|POSITIVE|BOOLEAN|STRING|STD_LOGIC|STD_LOGIC_VECTOR|FLOAT|LONG) any? any?} {}
command set_parameter_property {
    {is(\w+)} one(DISPLAY_NAME|DESCRIPTION|ALLOWED_RANGES|HDL_PARAMETER|TYPE|UNITS|ENABLED|VISIBLE|AFFECTS_GENERATION|DEFAULT_VALUE) any
} {}
# add_interface <name> <type> <direction>
command add_interface {{is(\w+)} one(clock|reset|axi4lite|axi4stream|axi4|avalon|avalon_streaming|interrupt|conduit) one(start|end|source|sink|master|slave)} {} {
    dict set ::table::interfaces [lindex $given 0] [lindex $given 1]
}
command set_interface_property {{is(\w+)} one(associatedClock|associatedReset|synchronousEdges|clockRate|ENABLED|EXPORT_OF) any} {} {
    lassign $given name property value
    if {![dict exists $::table::interfaces $name]} { fail "set_interface_property: no interface $name" }
    if {$property in {associatedClock associatedReset}} {
        set kind [expr {$property eq "associatedClock" ? "clock" : "reset"}]
        if {![dict exists $::table::interfaces $value] || [dict get $::table::interfaces $value] ne $kind} { fail "$value is no $kind" }
    }
    if {$property eq "synchronousEdges"} { check synchronousEdges one(NONE|DEASSERT|BOTH) $value }
}
# add_interface_port <interface> <port> <role> <direction> <width>
command add_interface_port {{is(\w+)} {is(\w+)} {is(\w+)} one(Input|Output|Bidir) integer} {} {
    lassign $given name port role
    if {![dict exists $::table::interfaces $name]} { fail "add_interface_port: no interface $name" }
    set roles {
        clock clk
        reset {reset reset_n}
        axi4stream {tdata tvalid tready tlast tkeep tstrb tid tdest tuser}
        axi4lite {
            awaddr awprot awvalid awready wdata wstrb wvalid wready bresp bvalid bready araddr arprot arvalid arready rdata rresp rvalid rready
        }
    }
    if {$role ni [dict get $roles [dict get $::table::interfaces $name]]} { fail "add_interface_port: [dict get $::table::interfaces $name] has no signal $role" }
}
# add_fileset <name> <kind> [<callback>]; the tool calls it with the name of the top when it generates
command add_fileset {{is(\w+)} one(QUARTUS_SYNTH|SIM_VERILOG|SIM_VHDL) any?} {} {
    dict set ::table::callbacks [lindex $given 1] [lindex $given 2]
}
command set_fileset_property {{is(\w+)} one(TOP_LEVEL|ENABLE_RELATIVE_INCLUDE_PATHS|ENABLE_FILE_OVERWRITE_MODE) any} {}
# add_fileset_file <output> <type> PATH <file> | TEXT <text>
command add_fileset_file {{is([\w.]+)} one(VERILOG|SYSTEM_VERILOG|VHDL|SDC|MIF|HEX|OTHER) one(PATH|TEXT) any one(TOP_LEVEL_FILE)?} {} {
    if {[lindex $given 2] eq "PATH"} { check "add_fileset_file PATH" file [lindex $given 3] }
}

variable prologue { package provide qsys 16.1 }
