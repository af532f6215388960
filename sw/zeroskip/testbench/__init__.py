"""A self-checking Verilog testbench of one design: a folder that any simulator runs, without zeroskip and without Python."""

from .bench import Testbench
from .write import require_testbench_folder, write

__all__ = ["Testbench", "require_testbench_folder", "write"]
