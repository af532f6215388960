"""Area and Fmax of a built design, measured with Yosys and nextpnr (``pip install 'zeroskip[synth]'``)."""

from .area import RESOURCES, Area, ModuleArea
from .estimate import estimate
from .flow import LANES, map_areas, synthesise
from .report import CriticalPath, SynthReport
from .targets import TARGETS, Target, target_named

__all__ = [
    "LANES",
    "RESOURCES",
    "TARGETS",
    "Area",
    "CriticalPath",
    "ModuleArea",
    "SynthReport",
    "Target",
    "estimate",
    "map_areas",
    "synthesise",
    "target_named",
]
