"""The Verilog of a board's top, which belongs beside that of the design it instantiates."""

from __future__ import annotations

from importlib.resources import files

from zeroskip.contracts.bridge import BOARD_TOP, BridgeConfig
from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.layout import Layout
from zeroskip_hw.emit.text import verilog_of

from .top import BoardTop


def board_verilog(config: ArrayConfig, bridge: BridgeConfig) -> dict[str, str]:
    """Verilog-2005 by file name, with the module :data:`BOARD_TOP`: the same text for the same two configurations.

    It belongs beside the files of :func:`zeroskip_hw.verilog.generate` for the same array: it has an instance of ``zeroskip`` in it.
    """
    top = BoardTop(Layout(config), bridge)
    text = verilog_of(top, BOARD_TOP)
    return {f"{BOARD_TOP}.v": text, "zs_reset.v": (files("zeroskip_hw") / "verilog" / "zs_reset.v").read_text()}
