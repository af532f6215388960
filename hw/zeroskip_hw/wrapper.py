"""The module that users instantiate: plain Verilog around the array, with attributes by which block-design tools find its interfaces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from zeroskip.contracts.config import ArrayConfig

AXIS, AXI4_LITE = "xilinx.com:interface:axis:1.0", "xilinx.com:interface:aximm:1.0"
BUSES = {"s_axis": AXIS, "m_axis": AXIS, "s_axil": AXI4_LITE}
"""The buses by the prefix of their ports, with the interfaces that AMD's IP Integrator knows."""

SIGNALS = {"clk": "xilinx.com:signal:clock:1.0 clk CLK", "rst": "xilinx.com:signal:reset:1.0 rst RST"}
PARAMETERS = {
    "clk": f"ASSOCIATED_BUSIF {':'.join(BUSES)}, ASSOCIATED_RESET rst",
    "rst": "POLARITY ACTIVE_HIGH",
    "s_axil_awaddr": "PROTOCOL AXI4LITE, DATA_WIDTH 32",
}
"""X_INTERFACE_PARAMETER by port; for a bus it stands at the first of its ports."""


def wrapper(top: str, core: str, ports: Iterable[Mapping[str, Any]], config: ArrayConfig) -> str:
    """Verilog-2001 of the module ``top`` with ``ports`` in their order around the module ``core``, which has ``autostart`` besides.

    ports : name, direction and width in bits of each
    """
    described = [
        {**port, "interface": _interface(port["name"]), "parameters": PARAMETERS.get(port["name"])} for port in ports
    ]
    kind = "columns are strips of an image" if config.strips else "columns are samples of a batch"
    lanes, columns = (f"{n} {word}{'s' * (n > 1)}" for n, word in ((config.lanes, "lane"), (config.columns, "column")))
    shape = f"{lanes} × {columns} ({kind}), {config.weight_bits}-bit weights, {config.stream_bits}-bit streams"
    environment = Environment(
        loader=PackageLoader("zeroskip_hw", "verilog"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, autoescape=False,
    )  # fmt: skip
    return environment.get_template("zeroskip.v.j2").render(
        top=top, core=core, ports=described, shape=shape.replace("×", "x"), config_id=config.digest
    )


def _interface(name: str) -> str | None:
    bus = next((bus for bus in BUSES if name.startswith(f"{bus}_")), None)
    return SIGNALS.get(name) if bus is None else f"{BUSES[bus]} {bus} {name.removeprefix(f'{bus}_').upper()}"
