"""The stubs refuse what they are there to refuse: what a vendor's own tool would only say on another machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.sw.export.tcl.run import Call, TclError, named, run_tcl

TABLE = """
property part top
command open_thing {any} {-force flag -part any -depth integer}
command add {files*} {-kind one(a|b)}
command one_file {file new?} {}
command use {folder} {}
command rate {real} {}
command set_it {property any any*} {}
command pins {is([A-Z][0-9]+)} {}
command grouped::made {} {} { return made }
command refuses {} {} { fail "as the table says" }
command twice {any} {} { return [expr {2 * [lindex $given 0]}] }
"""


@pytest.fixture
def said(tmp_path: Path):
    """A script → the calls that it made, run in a folder with the file ``here.v`` and the folder ``sub``."""
    home = tmp_path / "home"
    (home / "sub").mkdir(parents=True)
    (home / "here.v").touch()
    (tmp_path / "table.tcl").write_text(TABLE)

    def run(script: str, *arguments: str) -> list[Call]:
        (home / "script.tcl").write_text(script)
        return run_tcl(home / "script.tcl", tmp_path / "table.tcl", *arguments)

    return run


def test_calls_come_with_words_and_options_in_any_order(said) -> None:
    calls = said('open_thing -part "x y" name -force\nadd here.v [list here.v script.tcl] -kind b\ngrouped::made')
    assert calls == [
        Call(command="open_thing", given=["name"], options={"-part": "x y", "-force": "1"}),
        Call(command="add", given=["here.v", "here.v script.tcl"], options={"-kind": "b"}),
        Call(command="grouped::made", given=[], options={}),
    ]


def test_stubs_return_what_their_body_says_and_tcl_is_tcl(said) -> None:
    script = 'open_thing "[grouped::made] [twice 4] [lindex $argv 0] $argc [file tail [info script]]" -depth -3'
    assert named(said(script, "given"), "open_thing")[0].given == ["made 8 given 1 script.tcl"]


def test_text_survives_the_log(said) -> None:
    text = 'a "b" \\\\ c\té'
    assert said(f"open_thing {{{text}}}")[0].given == [text]


@pytest.mark.parametrize(
    "script, message",
    [
        ("nonsense 1", 'script.tcl:1: unknown command "nonsense"'),
        ("set a 1\nopen_thing a -frce", "script.tcl:2: open_thing has no option -frce"),
        ("open_thing a -par x", "script.tcl:1: open_thing has no option -par"),
        ("open_thing a -part", "script.tcl:1: open_thing: option -part needs a value"),
        ("open_thing a -depth x", 'script.tcl:1: open_thing -depth must be an integer, not "x"'),
        ("open_thing", "script.tcl:1: open_thing needs 1 words, not 0"),
        ("open_thing a b", 'script.tcl:1: open_thing takes no word "b"'),
        ("add here.v absent.v", 'script.tcl:1: add, word 1: no file "absent.v" in '),
        ("add [list here.v absent.v]", 'script.tcl:1: add, word 1: no file "absent.v" in '),
        ("add sub", 'script.tcl:1: add, word 1: no file "sub" in '),
        ("add here.v -kind c", 'script.tcl:1: add -kind must be one of a|b, not "c"'),
        ("one_file", "script.tcl:1: one_file needs 1 words, not 0"),
        ('one_file here.v ""', "script.tcl:1: one_file, word 2: an empty path"),
        ("use here.v", 'script.tcl:1: use, word 1: no folder "here.v" in '),
        ("rate fast", 'script.tcl:1: rate, word 1 must be a number, not "fast"'),
        ("set_it tpo a b", 'script.tcl:1: set_it, word 1: "tpo" is no property that is documented'),
        ("pins A1B", 'script.tcl:1: pins, word 1 must match [A-Z][0-9]+, not "A1B"'),
        ("if {1} {\n  nonsense\n}", 'unknown command "nonsense"'),
        ("proc p {} { open_thing }\np", "open_thing needs 1 words, not 0"),
        ("open_thing {", "missing close-brace"),
        ("error {by hand}", "by hand"),
        ("lmap x {1 2} {set x}", 'unknown command "lmap"'),
        ("refuses", "script.tcl:1: as the table says"),
    ],
)
def test_what_is_refused(said, script: str, message: str) -> None:
    with pytest.raises(TclError) as caught:
        said(script)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_script_that_is_absent_is_refused(said, tmp_path: Path) -> None:
    with pytest.raises(TclError, match=r"absent\.tcl"):
        run_tcl(tmp_path / "home" / "absent.tcl", tmp_path / "table.tcl")


def test_optional_words_may_be_absent_and_no_file_stays_behind(said, tmp_path: Path) -> None:
    assert [call.given for call in said("one_file here.v\none_file here.v new.v\nset_it part a\nset_it top b c d")] == [
        ["here.v"], ["here.v", "new.v"], ["part", "a"], ["top", "b", "c", "d"],
    ]  # fmt: skip
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "table.tcl"]
