"""Where the ports of a board's top are: read from amaranth-boards where it knows the board, else from a table of ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from zeroskip.contracts.errors import ZeroskipError
from zeroskip.contracts.extras import needs_extra


@dataclass(frozen=True, kw_only=True)
class Pin:
    """One pin.

    port : port of the top
    site : pin of the package
    low : whether what it drives shines, or is asserted, when it is low
    options : properties of the pin's buffer, as the vendor names them
    """

    port: str
    site: str
    low: bool = False
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PlatformPins:
    """Pins of a platform of amaranth-boards.

    module, platform : where it stands
    clock : name of the clock's resource
    lamps : number of the resource ``led`` by lamp
    """

    module: str
    platform: str
    clock: str
    lamps: Mapping[str, int]

    def read(self) -> tuple[Pin, ...]:
        """The pins ``clk``, ``rx``, ``tx`` and ``lamp_…``. ToolMissingError without amaranth-boards."""
        with needs_extra("synth"):
            module = import_module(f"amaranth_boards.{self.module}")
        resources = getattr(module, self.platform).resources
        serial = {io.name: io for io in self._resource(resources, "uart", 0).ios}
        pins = [self._pin("clk", self._resource(resources, self.clock, 0))]
        pins += [self._pin(name, self._resource(resources, "uart", 0), serial[name].ios[0]) for name in ("rx", "tx")]
        return (
            *pins, *(self._pin(f"lamp_{lamp}", self._resource(resources, "led", n)) for lamp, n in self.lamps.items()),
        )  # fmt: skip

    def _resource(self, resources: Iterable[Any], name: str, number: int) -> Any:
        found = next((resource for resource in resources if (resource.name, resource.number) == (name, number)), None)
        if found is None:
            raise ZeroskipError(f"amaranth-boards: {self.platform} has no resource {name!r} {number}")
        return found

    @staticmethod
    def _pin(port: str, resource: Any, pins: Any = None) -> Pin:
        pins = resource.ios[0] if pins is None else pins
        options = {
            name: str(int(value) if isinstance(value, bool) else value)
            for name, value in resource.attrs.items() if name != "GLOBAL"
        }  # fmt: skip
        return Pin(port=port, site=pins.names[0], low=pins.invert, options=options)
