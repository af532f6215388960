"""Which signals a design has, by their paths, as its Verilog says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from zeroskip.contracts.errors import InputError

_MODULE = re.compile(r"^module\s+(\w+)(.*?)^endmodule", re.MULTILINE | re.DOTALL)
_SIGNAL = re.compile(
    r"^\s*(?:input|output|wire|reg)(?:\s+(?:wire|reg))?(?:\s+signed)?\s*(?:\[(\d+):(\d+)\])?\s*(\w+)\s*(?=[;,)\n=])", re.MULTILINE
)  # fmt: skip


@dataclass(frozen=True)
class Module:
    """signals : width by name; instances : module by the instance's name"""

    signals: Mapping[str, int]
    instances: Mapping[str, str]


class Hierarchy:
    """The signals below one module, for the Verilog that zeroskip writes: a declaration begins its line, and widths are numbers.

    A path is the names of the instances from that module on, and a signal's, with dots between.
    """

    def __init__(self, verilog: Iterable[str], top: str) -> None:
        bodies = {name: body for text in verilog for name, body in _MODULE.findall(text)}
        if top not in bodies:
            raise InputError(f"the design's Verilog has no module {top!r}")
        names = "|".join(bodies)
        self._instance = re.compile(
            rf"^\s*({names})\s*(?:#\s*\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))?\s*(\w+)\s*\(", re.MULTILINE
        )  # fmt: skip
        self._bodies, self._top = bodies, top
        self._modules: dict[str, Module] = {}

    @cached_property
    def instances(self) -> list[str]:
        """The paths of all instances, the outer ones first; the module itself is the empty path."""
        found, waiting = [], [("", self._top)]
        while waiting:
            path, module = waiting.pop(0)
            found.append(path)
            waiting += [(_joined(path, name), kind) for name, kind in self._module(module).instances.items()]
        return found

    def width(self, path: str) -> int | None:
        """Bits of the signal with that path, None where there is none."""
        *instances, signal = path.split(".")
        module = self._top
        for instance in instances:
            if instance not in self._module(module).instances:
                return None
            module = self._module(module).instances[instance]
        return self._module(module).signals.get(signal)

    def _module(self, name: str) -> Module:
        if name not in self._modules:
            body = self._bodies[name]
            signals = {signal: int(high) - int(low) + 1 if high else 1 for high, low, signal in _SIGNAL.findall(body)}
            self._modules[name] = Module(signals, {instance: kind for kind, instance in self._instance.findall(body)})
        return self._modules[name]


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
