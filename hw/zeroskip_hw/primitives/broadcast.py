"""One source for many sinks."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module


def registered(m: Module, source: Any, *sinks: Any) -> None:
    """The same one cycle later, through a register of its own for each sink: wires across the part end in a register near the sink."""
    for sink in sinks:
        m.d.sync += [getattr(sink, name).eq(getattr(source, name)) for name in sink.signature.members]


def broadcast(m: Module, source: Any, *sinks: Any) -> None:
    """Drive every member of each of ``sinks`` from the member of ``source`` with its name."""
    for sink in sinks:
        m.d.comb += [getattr(sink, name).eq(getattr(source, name)) for name in sink.signature.members]
