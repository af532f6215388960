"""The measuring wrapper. It gives a core with hundreds of ports three pins and puts a register on every port.

Inputs come from a shift register, so each is driven by its own flip-flop. Each output is captured by its own flip-flop and then folded
by exclusive-or into a second shift register. So every output is observable, and nothing is optimised away. Every path between registers
that holds logic of the core therefore begins and ends at a flip-flop. The pins themselves carry no timing. The wrapper's own logic is
one two-input LUT per output bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zeroskip.contracts.errors import InputError

WRAPPER = "zeroskip_measure"
"""Module name of the wrapper."""
CORE = "core"
"""Instance name of the design inside it."""
_CLOCKS = ("clk", "aclk", "clock")


@dataclass(frozen=True)
class Port:
    """One port of the design.

    name : name of the port
    direction : ``input``, ``output`` or ``inout``
    width : in bits
    """

    name: str
    direction: str
    width: int


def ports_of(netlist: Mapping[str, Any], module: str) -> list[Port]:
    """Ports of ``module`` in a Yosys JSON netlist, in their order."""
    ports = netlist["modules"][module]["ports"]
    return [Port(name, body["direction"], len(body["bits"])) for name, body in ports.items()]


def wrap(top: str, ports: list[Port], clock: str | None = None) -> str:
    """Verilog-2005 of the wrapper around ``top``, whose clock is the port ``clock`` (by default clk, aclk or clock).

    Raises InputError for a design without that clock or without an output, or with a bidirectional port.
    """
    inputs = {port.name for port in ports if port.direction == "input"}
    wanted = _CLOCKS if clock is None else (clock,)
    clock = next((name for name in wanted if name in inputs), None)
    if clock is None:
        raise InputError(f"module {top!r}: must have a clock input named {' or '.join(wanted)}")
    links = []
    used = {"input": 0, "output": 0}
    for port in ports:
        if port.direction not in used:
            raise InputError(f"module {top!r}: port {port.name!r} must be an input or an output, not {port.direction}")
        if port.name == clock:
            links.append(f".\\{port.name} (clk)")
            continue
        low = used[port.direction]
        used[port.direction] += port.width
        links.append(f".\\{port.name} ({port.direction}s[{low + port.width - 1}:{low}])")
    if not used["output"]:
        raise InputError(f"module {top!r}: must have an output")
    ins, outs = max(used["input"], 1), used["output"]
    connections = ",\n    ".join(links)
    return f"""module {WRAPPER} (input clk, input scan_in, output reg scan_out);
  reg [{ins - 1}:0] inputs;
  wire [{outs - 1}:0] outputs;
  reg [{outs - 1}:0] captured, folded;
  always @(posedge clk) begin
    inputs <= (inputs << 1) | scan_in;
    captured <= outputs;
    folded <= (folded << 1) ^ captured;
    scan_out <= folded[{outs - 1}];
  end
  \\{top} {CORE} (
    {connections}
  );
endmodule
"""
