# Commands that Vivado reads in an XDC (UG903): constraints, without Tcl's control structures.

command create_clock {any*} {-name any -period real -waveform any -add flag} {}
command get_ports {any*} {-regexp flag -nocase flag -filter any -of_objects any} { return $given }
variable prologue {
    foreach word {if foreach for while proc open exec} { rename $word {} }
}
