"""Area and Fmax of a built design, measured with Yosys and nextpnr (``pip install 'zeroskip[synth]'``)."""

from .area import Area, ModuleArea
from .flow import LANES, synthesise
from .report import CriticalPath, SynthReport
from .targets import TARGETS, Target

__all__ = ["LANES", "TARGETS", "Area", "CriticalPath", "ModuleArea", "SynthReport", "Target", "synthesise"]
