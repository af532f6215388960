"""One component alone as RTLIL."""

from __future__ import annotations

import re

from amaranth.back import rtlil
from amaranth.hdl import Fragment, Value
from amaranth.hdl._ir import Design, PortDirection
from amaranth.lib.wiring import Component, In, Out

CLOCK, RESET = "clk", "rst"


def ports_of(component: Component) -> dict[str, tuple[Value, PortDirection]]:
    """Value and direction by name, in the signature's order."""
    directions = {In: PortDirection.Input, Out: PortDirection.Output}
    return {
        "__".join(map(str, path)): (Value.cast(value), directions[member.flow])
        for path, member, value in component.signature.flatten(component)
    }


def design_of(component: Component, fragment: Fragment) -> Design:
    """What the component elaborated to, under the name ``self`` and behind its ports."""
    return fragment.prepare(ports_of(component), hierarchy=("self",))


def module_of(component: Component, design: Design) -> str:
    """RTLIL of the component alone, under the name ``self``: clock and reset first if it needs them, then its ports in their order."""
    ports = ports_of(component)
    text, _ = rtlil.convert_fragment(design, emit_src=False)
    text = text.replace("attribute \\top 1\n", "", 1)
    own, end, rest = text.partition("\nend\n")
    own = _without_aliases(own)
    if own.count("\\rst\n") + own.count("\\rst [") == 1:  # nothing but its declaration
        own = re.sub(r"^  wire width 1 input \d+  \\rst\n\n", "", own, flags=re.MULTILINE)
    # Yosys takes a port 0 for one without a place.
    order = {name: place for place, name in enumerate(dict.fromkeys((CLOCK, RESET, *ports)), start=1)}
    own = re.sub(
        r"^(  wire width \d+ (?:input|output)) \d+ ( ?(?:signed )?\\(\S+))$",
        lambda match: f"{match[1]} {order[match[3]]} {match[2]}", own, flags=re.MULTILINE,
    )  # fmt: skip
    return own + end + rest


def _without_aliases(text: str) -> str:
    """Second names of wires that go into instances are left out: the instance says where they go."""
    for name in re.findall(r"^connect (\\\S+__\S+) ", text, re.MULTILINE):
        wire = rf"^(?:  attribute .*\n)*  wire width \d+ (?:signed )?{re.escape(name)}\n\n"
        if len(re.findall(rf"{re.escape(name)}(?![\w.$\[])", text)) == 2 and re.search(wire, text, re.MULTILINE):
            text = re.sub(wire, "", text, count=1, flags=re.MULTILINE)
            text = re.sub(rf"^connect {re.escape(name)} .*\n", "", text, count=1, flags=re.MULTILINE)
    return text
