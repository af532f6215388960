"""A tree of components as RTLIL with one module for each kind of component, however many instances there are.

Amaranth's own conversion makes a module for each instance, and ports for whatever wires happen to cross its boundary. Here every component
is converted alone, with the ports of its signature, and what stands in it are instances of the kinds of its submodules.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Cat, ClockSignal, Fragment, Instance, Module, ResetInserter, ResetSignal, Signal, Value
from amaranth.hdl._ast import SignalKey, SignalSet
from amaranth.hdl._ir import Design, PortDirection
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component

from .alone import CLOCK, RESET, design_of, module_of, ports_of
from .names import kind_names


@dataclass(frozen=True)
class Kind:
    """label : stands for the name while the tree is walked; inputs : clock and reset, as far as it has them

    component, instance : the first of the kind, and its name in its parent; parameters : what differs from instance to instance
    """

    label: str
    component: Component
    instance: str
    inputs: tuple[str, ...]
    parameters: tuple[str, ...]


@dataclass(frozen=True)
class Emitted:
    """text : RTLIL of all modules; kinds : by the name of the module; written : ports of the modules that are written by hand"""

    text: str
    kinds: Mapping[str, Kind]
    written: Mapping[str, Sequence[str]]


def emitted(top: Component, name: str, platform: Any) -> Emitted:
    """The module ``name`` of ``top``, and one for each kind of component below it."""
    tree = _Tree(platform)
    root = tree.kind_of(top, name)
    tree.check()
    names = {root.label: name, **kind_names([kind for kind in tree.kinds if kind is not root])}
    text = re.sub(r"@\d+@", lambda match: names[match[0]], "".join(tree.texts))
    return Emitted(text, {names[kind.label]: kind for kind in tree.kinds}, tree.written)


def parameters_of(component: Component) -> Mapping[str, Any]:
    """Strings by the name of the Verilog parameter: instances of a kind differ in them, and in nothing else."""
    given: Mapping[str, Any] = getattr(component, "parameters", {})
    return given


class _Tree:
    """texts : RTLIL of the kinds found so far, the inner ones first"""

    def __init__(self, platform: Any) -> None:
        self._platform = platform
        self.kinds: list[Kind] = []
        self.texts: list[str] = []
        self.written: dict[str, Sequence[str]] = {}
        self._by_arguments: dict[Any, Kind] = {}
        self._by_text: dict[Any, Kind] = {}
        self._drivers: dict[Any, str] = {}
        self._readers: dict[Any, str] = {}

    def kind_of(self, component: Component, instance: str) -> Kind:
        _used(component)
        if hasattr(component, "module"):  # its Verilog is written by hand
            self.written[component.module] = (CLOCK, *ports_of(component))
            return Kind(component.module, component, instance, (CLOCK,), ())
        key = _arguments(component)
        kind = None if key is None else self._by_arguments.get(key)
        if kind is None:
            kind = self._converted(component, instance)
        if key is not None:
            self._by_arguments[key] = kind
        return kind

    def _converted(self, component: Component, instance: str) -> Kind:
        given = parameters_of(component)
        design = design_of(component, self._fragment(component))
        self._note(component, design)
        text = module_of(component, design)
        for parameter, value in given.items():
            text = text.replace(f'"{value}"', f'"@{parameter}"')
        key = type(component), tuple(given), text
        if key not in self._by_text:
            label = f"@{len(self.kinds)}@"
            declared = re.findall(r"^  wire width 1 input \d+  \\(\w+)$", text, re.MULTILINE)
            inputs = tuple(name for name in (CLOCK, RESET) if name in declared)
            self._by_text[key] = Kind(label, component, instance, inputs, tuple(given))
            self.kinds.append(self._by_text[key])
            self.texts.append(re.sub(r"\\self(?=[.\s])", lambda match: f"\\{label}", text))
        return self._by_text[key]

    def _fragment(self, component: Component) -> Fragment:
        """What the component elaborates to, with instances in place of the components in it."""
        m = component.elaborate(self._platform)
        if not isinstance(m, Module):
            raise TypeError(f"{type(component).__name__} must elaborate to a Module")
        outputs: list[Value] = []
        submodules: dict[str, Any] = m._named_submodules
        for name, (submodule, where) in submodules.items():
            inner, reset = _without_reset(submodule)
            _used(submodule)
            if isinstance(inner, Component) and not isinstance(inner, Memory):
                submodules[name] = self._instance(inner, name, reset, outputs), where
        return _named(Fragment.get(m, self._platform), outputs)

    def _note(self, component: Component, design: Design) -> None:
        """Who drives a signal, and who reads one that is neither its own nor at its ports or those of its instances."""
        fragment = design.fragment
        own = {
            SignalKey(signal) for statements in fragment.statements.values() for statement in statements
            for signal in statement._lhs_signals()
        }  # fmt: skip
        known = [value for value, _ in ports_of(component).values()]
        for inner, *_ in fragment.subfragments:
            known += (
                [value for value, kind in inner.ports.values() if kind == "o"] if isinstance(inner, Instance) else []
            )
        near = own | {SignalKey(signal) for value in known for signal in value._rhs_signals()}
        name = type(component).__name__
        self._drivers.update(dict.fromkeys(own, name))
        used = map(SignalKey, design.fragments[fragment].used_signals)
        self._readers.update((key, name) for key in used if key not in near)

    def check(self) -> None:
        """Refuse a component that reads what another drives: alone it would find a constant there."""
        for signal, reader in self._readers.items():
            if signal in self._drivers:
                raise ValueError(
                    f"{reader} reads {signal.signal!r} in {self._drivers[signal]}, which is none of its ports"
                )

    def _instance(self, component: Component, name: str, reset: Value, outputs: list[Value]) -> Instance:
        kind = self.kind_of(component, name)
        pins: list[tuple[str, str, Any]] = [
            ("i", pin, ClockSignal() if pin == CLOCK else reset if len(reset) else ResetSignal()) for pin in kind.inputs
        ]
        for port, (value, direction) in ports_of(component).items():
            if isinstance(value, Signal):
                value.name = f"{name}__{port}"
            pins.append(("i" if direction is PortDirection.Input else "o", port, value))
            if direction is PortDirection.Output:
                outputs.append(value)
        return Instance(kind.label, *(("p", *pair) for pair in parameters_of(component).items()), *pins)


def _named(fragment: Fragment, outputs: Sequence[Value]) -> Fragment:
    """The same with a preference: where a wire has several names, an output's comes first, and an input's into which it goes last."""
    instances = [inner for inner, *_ in fragment.subfragments if isinstance(inner, Instance)]
    inputs = SignalSet(pin for instance in instances for pin in _driven(instance))
    own = [
        signal for statements in fragment.statements.values() for statement in statements
        for signal in statement._lhs_signals() if signal not in inputs
    ]  # fmt: skip
    wanted = Cat(*outputs, *own)
    first = Fragment()
    first.add_statements("comb", Signal(len(wanted), name="").eq(wanted), *fragment.statements.pop("comb", ()))
    fragment.statements = first.statements | fragment.statements
    return fragment


def _driven(instance: Instance) -> list[Signal]:
    return [value for value, kind in instance.ports.values() if kind == "i" and isinstance(value, Signal)]


def _without_reset(submodule: Any) -> tuple[Any, Value]:
    """A component, and the reset that a ResetInserter gives it in place of that of its domain, which must set it; no bits for none."""
    transforms = vars(submodule).get("_transforms_", [])
    if len(transforms) == 1 and isinstance(transforms[0], ResetInserter) and list(transforms[0].controls) == ["sync"]:
        return submodule._elaboratable_, Value.cast(transforms[0].controls["sync"])
    if transforms:
        raise TypeError(f"{submodule!r}: only one reset can be given to a component from outside")
    return submodule, Cat()


def _used(elaboratable: Any) -> None:
    """Amaranth warns of what it has not elaborated itself."""
    elaboratable._MustUse__used = True


def _arguments(component: Component) -> Any:
    """Components with the same are of one kind; None where that cannot be told.

    What a component elaborates to depends on nothing but its attributes, so equal ones are elaborated only once. Attributes named in
    its ``individual`` show in nothing but its parameters and the constants at its ports.
    """
    members = component.signature.members
    other = {"parameters", *getattr(component, "individual", ())}
    kept = {
        name: value for name, value in vars(component).items()
        if name not in members and name not in other and not name.startswith(("_MustUse__", "_Component__"))
    }  # fmt: skip
    ports = tuple((name, len(value), direction) for name, (value, direction) in ports_of(component).items())
    key = type(component), tuple(parameters_of(component)), ports, tuple(sorted(kept.items(), key=lambda item: item[0]))
    try:
        hash(key)
    except TypeError:
        return None
    return key
