# Runs a vendor's script with stubs for the vendor's commands, in the working directory in which the vendor's tool would run it:
#
#     tclsh harness.tcl TABLE.tcl LOG.jsonl SCRIPT.tcl ?argument ...?
#
# TABLE.tcl says which commands there are, in this language:
#
#     command NAME {positional ...} {option kind ...} ?body?
#     property NAME ...                 names that the kind "property" takes
#
# A positional is its kind; a kind with ? may be absent, one with * comes any number of times, both only at the end.
# An option that is no flag takes the next word. Options come in any place and are written out in full. The kinds:
#
#     flag              an option without a value
#     any               any word
#     integer real      a number
#     property          a name that the table lists
#     file files        one existing file, or a list of them, seen from the working directory
#     folder            an existing folder
#     new               a path that need not exist, in a folder that exists or that the tool makes
#     one(a|b|...)      one of these words
#     is(regexp)        a word that matches as a whole; a kind is an element of a Tcl list, so a backslash in it needs braces around it
#
# body runs here after the checks, in the namespace of the table, with the positionals in the list "given" and the options in the dict
# "options"; what it returns is what the command returns, and "fail" refuses. A variable
# "prologue" of the table, if there is one, is run in the script's own interpreter first. Every call goes to LOG.jsonl: {"command", "given", "options"}. Tcl's own commands are those of Tcl 8.5, which older tools have.
# An unknown command, an unknown option, a wrong word or a file that is absent ends the run with status 1 and one line.

namespace eval table {
    variable commands {}
    variable properties {}
    proc command {name positionals options {body {}}} {
        variable commands
        dict set commands $name [list $positionals $options $body]
    }
    proc property {args} {
        variable properties
        lappend properties {*}$args
    }
}

proc check {what kind word} {
    set kind [string trimright $kind ?*]
    switch -regexp -matchvar found -- $kind {
        ^any$ {}
        ^integer$ { if {![string is integer -strict $word]} { fail "$what must be an integer, not \"$word\"" } }
        ^real$ { if {![string is double -strict $word]} { fail "$what must be a number, not \"$word\"" } }
        ^property$ { if {$word ni $::table::properties} { fail "$what: \"$word\" is no property that is documented" } }
        ^file$ { if {![file isfile $word]} { fail "$what: no file \"$word\" in [pwd]" } }
        ^files$ { foreach one $word { if {![file isfile $one]} { fail "$what: no file \"$one\" in [pwd]" } } }
        ^folder$ { if {![file isdirectory $word]} { fail "$what: no folder \"$word\" in [pwd]" } }
        ^new$ { if {$word eq ""} { fail "$what: an empty path" } }
        ^one\\((.*)\\)$ {
            if {$word ni [split [lindex $found 1] |]} { fail "$what must be one of [lindex $found 1], not \"$word\"" }
        }
        ^is\\((.*)\\)$ {
            if {![regexp -- "^(?:[lindex $found 1])\$" $word]} { fail "$what must match [lindex $found 1], not \"$word\"" }
        }
        default { fail "the table has an unknown kind $kind" }
    }
}

proc fail {message} {
    return -code error -errorcode STUB $message
}

proc call {name arguments} {
    lassign [dict get $::table::commands $name] positionals kinds body
    set given {}
    set options {}
    for {set i 0} {$i < [llength $arguments]} {incr i} {
        set word [lindex $arguments $i]
        if {![regexp {^-[A-Za-z_]} $word]} {
            lappend given $word
        } elseif {![dict exists $kinds $word]} {
            fail "$name has no option $word"
        } elseif {[dict get $kinds $word] eq "flag"} {
            dict set options $word 1
        } elseif {[incr i] >= [llength $arguments]} {
            fail "$name: option $word needs a value"
        } else {
            check "$name $word" [dict get $kinds $word] [lindex $arguments $i]
            dict set options $word [lindex $arguments $i]
        }
    }
    set place 0
    foreach word $given {
        set kind [lindex $positionals $place]
        if {$kind eq ""} { fail "$name takes no word \"$word\"" }
        check "$name, word [expr {$place + 1}]" $kind $word
        if {![string match {*[*]} $kind]} { incr place }
    }
    set missing [lindex $positionals $place]
    if {$missing ne "" && ![string match {*[?*]} $missing]} { fail "$name needs [expr {$place + 1}] words, not [llength $given]" }
    record $name $given $options
    return [apply [list {given options} $body ::table] $given $options]
}

proc quoted {text} {
    return "\"[string map {\\ \\\\ \" \\\" \n \\n \r \\r \t \\t} $text]\""
}

proc record {name given options} {
    set words [join [lmap word $given { quoted $word }] ", "]
    set pairs [join [lmap {option value} $options { string cat [quoted $option] ": " [quoted $value] }] ", "]
    puts $::log "{\"command\": [quoted $name], \"given\": \[$words\], \"options\": {$pairs}}"
    flush $::log
}

set script [lindex $argv 2]
set log [open [lindex $argv 1] w]
fconfigure $log -encoding utf-8
namespace eval table [list source [lindex $argv 0]]

interp create vendor
vendor eval {
    proc unknown {name args} { return -code error "unknown command \"$name\"" }
}
foreach name [dict keys $table::commands] {
    if {[string match *::* $name]} { vendor eval [list namespace eval [namespace qualifiers $name] {}] }
    interp alias vendor $name {} call_from_script $name
}
proc call_from_script {name args} { return [call $name $args] }
vendor eval [list set argv [lrange $argv 3 end]]
vendor eval [list set argc [expr {[llength $argv] - 3}]]
vendor eval [list set argv0 $script]
foreach later {lmap try throw coroutine yield yieldto tailcall zlib} { vendor hide $later }
if {[info exists table::prologue]} { vendor eval $table::prologue }

if {[catch { vendor eval [list source $script] } message details]} {
    set where [expr {[dict exists $details -errorinfo] ? [lindex [split [dict get $details -errorinfo] \n] 1] : ""}]
    set line [expr {[regexp {\(file "[^"]*" line (\d+)\)} [dict get $details -errorinfo] all number] ? ":$number" : ""}]
    puts stderr "[file tail $script]$line: $message"
    exit 1
}
