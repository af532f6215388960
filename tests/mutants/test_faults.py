"""What is drawn are single faults of the source, and the runner tells which tests find them."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from tests.mutants.faults import Fault, faults
from tests.mutants.run import EQUIVALENT, FOLDERS, OWN, PACKAGE, ROOT, drawn, own_tests, verdict


def test_every_kind_of_fault(tmp_path: Path) -> None:
    source = "with m.If(~a & (b == 3)):  # µ\n    m.d.sync += [c.eq(Mux(d, e, f) + g.any()), h.eq(*i), j[k & 1].name(l | n)]\n"
    path = tmp_path / "lane" / "x.py"
    path.parent.mkdir()
    path.write_text(source)
    found = faults(tmp_path, path)
    assert {fault.new for fault in found} == {
        "0", "1", "((~a) | (b == 3))", "(a)", "((b) != (3))", "((Mux(d, e, f)) - (g.any()))", "Mux((d), (f), (e))", "(g).all()",
    }  # fmt: skip
    assert len({fault.applied(source) for fault in found}) == len(found)
    assert {fault.path for fault in found} == {"lane/x.py"}


def test_text_behind_other_letters_is_found() -> None:
    assert Fault("x.py", 2, 8, "b", "0").applied('a\n"µµ", b\n') == 'a\n"µµ", 0\n'


def test_all_faults_of_the_hardware_can_be_read_and_differ_from_it() -> None:
    for folder in FOLDERS:
        for path in (PACKAGE / folder).glob("*.py"):
            source = path.read_text()
            for fault in faults(PACKAGE, path):
                changed = fault.applied(source)
                assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(source)), fault


def test_a_seed_draws_the_same_faults() -> None:
    first = drawn(50, 1)
    assert first == drawn(50, 1) != drawn(50, 2)
    assert len(set(first)) == 50


def test_modules_have_tests_of_their_own() -> None:
    for tests in OWN.values():
        assert all((ROOT / test).exists() for test in tests)
    without = {
        path.relative_to(PACKAGE).as_posix() for folder in FOLDERS for path in (PACKAGE / folder).glob("*.py")
        if path.name != "__init__.py" and not own_tests(path.relative_to(PACKAGE).as_posix())
    }  # fmt: skip
    assert without == {f"primitives/{name}.py" for name in ("broadcast", "load", "words")}


def test_each_equivalent_fault_has_a_reason_and_is_in_the_source() -> None:
    known = {
        fault.name for folder in FOLDERS for path in (PACKAGE / folder).glob("*.py") for fault in faults(PACKAGE, path)
    }
    for name, reason in json.loads(EQUIVALENT.read_text()).items():
        assert name in known, name
        assert len(reason) > 20, name


@pytest.mark.slow
def test_a_fault_is_found_by_its_modules_tests() -> None:
    path = PACKAGE / "results" / "across.py"
    fault = next(fault for fault in faults(PACKAGE, path) if fault.new == "0")
    assert verdict(fault, {}) == "module"
