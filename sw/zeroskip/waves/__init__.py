"""Save files for viewers of waves: the signals that one wants to see of a design, in groups."""

from .groups import Group, Wave, wanted
from .save import GTKWAVE, SURFER, save_files

__all__ = ["GTKWAVE", "SURFER", "Group", "Wave", "save_files", "wanted"]
