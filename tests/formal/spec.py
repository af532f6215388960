"""What is said of a module under proof, and the module with a fault in it.

A :class:`Spec` stands around the module. It says what the surroundings keep to (``assume``), what must hold in every cycle after the
first reset (``always``), and what must be reachable, lest the assumptions contradict each other (``cover``). All other inputs are free,
reset included: it may come in any cycle.
"""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import ClockDomain, Module, Signal, Value, ValueLike
from amaranth.hdl._ast import AnyConst
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In
from tests.formal.prove import Model


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
            rtlil.convert(self.m, name="spec", ports=ports, emit_src=False),
            {kind: {name: signal.name for name, signal in given.items()} for kind, given in self._said.items()},
        )


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
            found.update(
                {name if method == "elaborate" else f"{method}.{name}": value for name, value in frame.f_locals.items()}
            )

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
