"""From a saved design to a folder that a vendor's or an open tool takes as it is: Verilog, images in its own form, constraints, scripts."""

from .registry import TOOLS, tool_named
from .write import EXPORTED, export

__all__ = ["EXPORTED", "TOOLS", "export", "tool_named"]
