# Vivado's commands: AMD UG835 (Tcl Command Reference, 2020.2 to 2023.2); ipx:: as in UG1118; properties as in UG835, UG903, UG912, UG1118.
# -quiet and -verbose, which every command has, are left out where they would hide a fault.

property part top PROGRESS SLACK synth_checkpoint_mode USED_IN ip_repo_paths {STEPS.SYNTH_DESIGN.ARGS.MORE OPTIONS}
# of an IP, of its interfaces and of address blocks
property name version display_name description core_revision slave_memory_map_ref base_address range width usage
# of cells in a block design: PG021 (AXI DMA), PG082 (Zynq-7000), PG201 (Zynq UltraScale+), PG247 (SmartConnect)
property CONFIG.PCW_USE_M_AXI_GP0 CONFIG.PCW_USE_S_AXI_HP0 CONFIG.PCW_EN_CLK0_PORT CONFIG.PCW_EN_RST0_PORT
property CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ
property CONFIG.PSU__USE__M_AXI_GP0 CONFIG.PSU__USE__M_AXI_GP1 CONFIG.PSU__USE__M_AXI_GP2 CONFIG.PSU__USE__S_AXI_GP2
property CONFIG.PSU__FPGA_PL0_ENABLE CONFIG.PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ
property CONFIG.c_include_sg CONFIG.c_sg_length_width CONFIG.c_m_axis_mm2s_tdata_width
property CONFIG.c_m_axi_mm2s_data_width CONFIG.c_m_axi_s2mm_data_width CONFIG.NUM_SI CONFIG.NUM_MI

variable files {}
variable project ""
variable core ""
variable buses {}
variable launched {}
variable run ""

proc opened {} { variable project; if {$project eq ""} { fail "no project is open" } }
proc matching {names pattern} {
    set found {}
    foreach name $names { if {[string match $pattern $name] || [string match $pattern [file tail $name]]} { lappend found $name } }
    return $found
}

# --- projects and runs ---

command get_parts {any?} {-regexp flag -filter any -of_objects any -quiet flag -verbose flag} {
    if {[regexp {^x[acq]} [lindex $given 0]]} { return $given }
    fail "no part [lindex $given 0]"
}
command create_project {any? new?} {-part any -force flag -in_memory flag -ip flag -rtl_kernel flag} {
    variable project [lindex $given 0]
}
command close_project {} {-delete flag} { opened; variable project "" }
command set_msg_config {} {-id is([A-Za-z]+\ [0-9]+-[0-9]+) -string any -severity any -limit integer -new_severity one(ERROR|INFO|WARNING|STATUS) -suppress flag -regexp flag} { opened }
command add_files {files*} {-fileset one(sources_1|constrs_1|sim_1) -of_objects any -norecurse flag -copy_to folder -force flag -scan_for_includes flag} {
    opened
    variable files
    foreach list $given { lappend files {*}$list }
    return $given
}
command read_mem {files*} {} { opened; variable files; foreach list $given { lappend files {*}$list }; return $given }
command get_files {any*} {-regexp flag -nocase flag -filter any -compile_order any -used_in any -references flag -all flag -of_objects any} {
    variable files
    set found {}
    foreach pattern $given { lappend found {*}[matching $files $pattern] }
    if {[llength $found] == 0} { fail "get_files: no file of the project is named $given" }
    return $found
}
command current_fileset {} {-constrset flag -simset flag -srcset flag} { opened; return sources_1 }
command current_project {any?} {} { opened; variable project; return $project }
command update_compile_order {} {-fileset one(sources_1|sim_1) -force_gui flag} { opened }
command set_property {any*} {-dict any} {
    opened
    if {[dict exists $options -dict]} {
        set pairs [dict get $options -dict]
        set objects $given
        if {[llength $pairs] % 2} { fail "set_property -dict: a name has no value" }
    } else {
        if {[llength $given] < 3} { fail "set_property needs a name, a value and objects, not [llength $given] words" }
        set pairs [lrange $given 0 1]
        set objects [lrange $given 2 end]
    }
    foreach {name value} $pairs { check set_property property $name }
    if {[string trim [join $objects]] eq ""} { fail "set_property: there is no object" }
    if {[dict exists $pairs USED_IN]} {
        foreach word [dict get $pairs USED_IN] { check USED_IN one(synthesis|implementation|simulation|out_of_context) $word }
    }
}
command get_property {property any} {-min flag -max flag} {
    return [dict get {PROGRESS "100%" SLACK 0.125} [lindex $given 0]]
}
command get_timing_paths {} {-from any -to any -through any -delay_type one(min|max|min_max) -setup flag -hold flag -max_paths integer -nworst integer -unique_pins flag -filter any} {
    variable run
    if {$run eq ""} { fail "get_timing_paths: no design is open" }
    return path
}
command get_runs {one(synth_1|impl_1)*} {-regexp flag -nocase flag -filter any -of_objects any} { opened; return $given }
command launch_runs {one(synth_1|impl_1)*} {-jobs integer -scripts_only flag -dir new -to_step any -next_step flag -force flag} {
    opened
    variable launched
    foreach run $given { lappend launched $run }
    if {[dict exists $options -to_step] && [dict get $options -to_step] ne "write_bitstream"} { fail "no such step" }
}
command wait_on_runs {one(synth_1|impl_1)*} {-timeout integer -exit_condition any} {
    variable launched
    foreach run $given { if {$run ni $launched} { fail "$run has not been launched" } }
}
command open_run {one(synth_1|impl_1)} {-name any -pr_config any} {
    variable launched
    variable run [lindex $given 0]
    if {$run ni $launched} { fail "$run has not been launched" }
}
command report_utilization {} {-file new -append flag -pblocks any -cells any -return_string flag -name any -hierarchical flag -hierarchical_depth integer} {}
command report_timing_summary {} {-check_timing_verbose flag -delay_type one(min|max|min_max) -max_paths integer -nworst integer -file new -append flag -name any -warn_on_violation flag} {}
command write_bitstream {new} {-force flag -verbose flag -raw_bitfile flag -bin_file flag -mask_file flag -logic_location_file flag -reference_bitfile file} {}
command write_hw_platform {new?} {-fixed flag -force flag -include_bit flag -hw flag -include_sim_content flag -minimal flag -file new} {}

# --- packaging an IP ---

command ipx::package_project {} {-root_dir folder -vendor any -library any -taxonomy any -name any -version any -import_files flag -force flag -set_current any -generated_files flag -module any} {
    opened
    variable core component
    variable files
    variable buses {}
    # As Vivado does: the interfaces are those of the top's X_INTERFACE_INFO.
    foreach name $files {
        if {[file tail $name] eq "zeroskip.v"} {
            set channel [open $name]; set text [read $channel]; close $channel
            foreach {all bus} [regexp -all -inline {X_INTERFACE_INFO = "[a-z.:0-9_]+ (\w+) \w+"} $text] { lappend buses $bus }
        }
        if {[string first [dict get $options -root_dir] $name] != 0} { fail "$name lies outside of the IP's folder" }
    }
}
proc packaged {object} { variable core; if {$core eq "" || $object ne $core} { fail "there is no core \"$object\"" } }
command ipx::current_core {} {} { variable core; packaged $core; return $core }
command ipx::get_bus_interfaces {any?} {-of_objects any -quiet flag -filter any} {
    packaged [dict get $options -of_objects]
    variable buses
    return [lsort -unique [matching $buses [lindex $given 0]]]
}
command ipx::remove_all_memory_map {any} {} { packaged [lindex $given 0] }
command ipx::add_memory_map {any any} {} { packaged [lindex $given 1]; return "map [lindex $given 0]" }
command ipx::add_address_block {any is(map\ \\w+)} {} { return "block [lindex $given 0]" }
command ipx::create_xgui_files {any} {} { packaged [lindex $given 0] }
command ipx::update_checksums {any} {} { packaged [lindex $given 0] }
command ipx::check_integrity {any} {-kernel flag -xrt flag} { packaged [lindex $given 0] }
command ipx::save_core {any} {} { packaged [lindex $given 0] }

# --- block designs ---

variable cells {}
variable connected {}

# Pins of the cells that a script may make: nets, interfaces that lead (m) and follow (s).
variable kinds {
    xilinx.com:ip:processing_system7 {
        FCLK_CLK0 net FCLK_RESET0_N net M_AXI_GP0_ACLK net S_AXI_HP0_ACLK net M_AXI_GP0 m S_AXI_HP0 s DDR m FIXED_IO m
    }
    xilinx.com:ip:zynq_ultra_ps_e {
        pl_clk0 net pl_resetn0 net maxihpm0_fpd_aclk net saxihp0_fpd_aclk net M_AXI_HPM0_FPD m S_AXI_HP0_FPD s
    }
    xilinx.com:ip:axi_dma {
        s_axi_lite_aclk net m_axi_mm2s_aclk net m_axi_s2mm_aclk net axi_resetn net mm2s_introut net s2mm_introut net
        S_AXI_LITE s M_AXI_MM2S m M_AXI_S2MM m M_AXIS_MM2S m S_AXIS_S2MM s
    }
    xilinx.com:ip:smartconnect {aclk net aresetn net S00_AXI s S01_AXI s M00_AXI m M01_AXI m}
    xilinx.com:ip:proc_sys_reset {
        slowest_sync_clk net ext_reset_in net peripheral_reset net peripheral_aresetn net interconnect_aresetn net
    }
    zeroskip {clk net rst net s_axis s m_axis m s_axil s}
}

command create_bd_design {any} {-dir new -cell any} { opened; variable design [lindex $given 0] }
command create_bd_cell {any} {-vlnv any -type one(ip|hier|container|module) -reference any -revision integer} {
    variable cells
    variable kinds
    set kind [expr {[dict get $options -type] eq "module" ? [dict get $options -reference] : [dict get $options -vlnv]}]
    if {![dict exists $kinds $kind]} { fail "create_bd_cell: $kind is not known" }
    dict set cells [lindex $given 0] [dict get $kinds $kind]
    return [lindex $given 0]
}
proc pin {path wanted} {
    variable cells
    lassign [split $path /] cell name
    if {![dict exists $cells $cell $name] || [dict get $cells $cell $name] ni $wanted} { fail "there is no such pin: $path" }
    return $path
}
command get_bd_pins {any} {} { return [pin [lindex $given 0] net] }
command get_bd_intf_pins {any} {} { return [pin [lindex $given 0] {m s}] }
proc joined {path} { variable connected; lappend connected $path }
command connect_bd_net {any any} {-net any -boundary_type any} { foreach path $given { joined $path } }
command connect_bd_intf_net {any any} {-intf_net any -boundary_type any} {
    variable cells
    variable connected
    set roles {}
    foreach path $given {
        if {$path in $connected} { fail "$path is connected twice" }
        lappend roles [dict get $cells {*}[split $path /]]
        joined $path
    }
    if {$roles ne "m s"} { fail "connect_bd_intf_net: $given do not fit each other" }
}
command make_bd_intf_pins_external {any} {-name any} { joined [lindex $given 0] }
command assign_bd_address {any*} {-offset any -range any -target_address_space any -force flag} {}
command validate_bd_design {} {-force flag -design any} {
    variable cells
    variable connected
    dict for {cell pins} $cells {
        dict for {name role} $pins {
            # What a system needs not use: second ports that NUM_SI and NUM_MI leave out, interrupts, the other reset.
            if {$name in {S01_AXI M01_AXI mm2s_introut s2mm_introut interconnect_aresetn}} continue
            if {"$cell/$name" ni $connected} { fail "validate_bd_design: $cell/$name is not connected" }
        }
    }
}
command save_bd_design {any?} {} { variable files; variable design; lappend files /made/by/vivado/$design.bd }
command make_wrapper {} {-top flag -testbench flag -files any -import flag -fileset any -force flag} {
    if {![string match *.bd [dict get $options -files]]} { fail "make_wrapper needs a block design" }
    set path [file rootname [file tail [dict get $options -files]]]_wrapper.v
    close [open $path w]
    return $path
}
