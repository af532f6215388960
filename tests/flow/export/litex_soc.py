"""Writes the exported example SoC for a plain bench. It is run in a process of its own, in the exported folder.

The UART bridge's bytes come and go at ports of the SoC, 8 bits at once instead of bit by bit: the same bridge, much faster.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import example_soc
from litex.build.generic_platform import GenericPlatform, Pins, Subsignal
from litex.build.io import CRG
from litex.soc.cores.uart import Stream2Wishbone
from litex.soc.integration.builder import Builder

BYTES = (Subsignal("valid", Pins("1")), Subsignal("ready", Pins("1")), Subsignal("data", Pins("0 1 2 3 4 5 6 7")))
PORTS = [("clk", 0, Pins("1")), ("command", 0, *BYTES), ("answer", 0, *BYTES), ("done", 0, Pins("1"))]


class VerilogPlatform(GenericPlatform):
    """No tool behind it: the build is the SoC's Verilog. LiteX's own for simulation asks for packages that are not on PyPI."""

    def build(self, fragment: Any, build_dir: str, build_name: str, **_: Any) -> Any:
        os.chdir(build_dir)  # as LiteX's own do: memories are written to the working directory
        # Without regular_comb LiteX writes what Icarus computes without end.
        verilog = self.get_verilog(fragment, name=build_name, regular_comb=False)
        verilog.write(f"{build_name}.v")
        return verilog.ns


def main(autostart: bool, options: dict[str, Any]) -> None:
    """options : further arguments of the system"""
    platform = VerilogPlatform("none", PORTS, name="soc")

    def bridge(soc: example_soc.System) -> None:
        soc.bridge = Stream2Wishbone(None, soc.sys_clk_freq)
        command, answer = platform.request("command"), platform.request("answer")
        soc.comb += [
            soc.bridge.sink.valid.eq(command.valid),
            soc.bridge.sink.data.eq(command.data),
            command.ready.eq(soc.bridge.sink.ready),
            answer.valid.eq(soc.bridge.source.valid),
            answer.data.eq(soc.bridge.source.data),
            soc.bridge.source.ready.eq(answer.ready),
        ]
        soc.bus.add_master(name="bridge", master=soc.bridge.wishbone)

    if autostart:
        core = example_soc.Zeroskip
        example_soc.Zeroskip = lambda platform: core(platform, autostart=True)
    soc = example_soc.System(platform, int(100e6), CRG(platform.request("clk")), bridge, **options)
    soc.comb += platform.request("done").eq(soc.zeroskip.writer.done)
    Builder(soc, output_dir="soc", compile_software=False).build(build_name="soc")


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
