"""The Verilog of a board's top, which belongs beside that of the design it instantiates."""

from __future__ import annotations

from amaranth.back import rtlil

from zeroskip.contracts.bridge import BridgeConfig
from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.layout import Layout
from zeroskip_hw.verilog import to_verilog

from .top import BoardTop

BOARD_TOP = "zeroskip_board"


def board_verilog(config: ArrayConfig, bridge: BridgeConfig) -> str:
    """Verilog-2005 of the module :data:`BOARD_TOP`: the same text for the same two configurations. It needs the modules ``zeroskip`` and ``zs_ram``."""
    top = BoardTop(Layout(config), bridge)
    return to_verilog(rtlil.convert(top, name=BOARD_TOP, platform="verilog", emit_src=False), initial=True)
