"""Sparse neural networks to verified FPGA hardware, in which a pruned weight costs no multiplier cycle.

Names are loaded when they are first used, so that ``zeroskip.spec`` never brings torch along.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zeroskip import prune, reference, spec
    from zeroskip.comparison import compare
    from zeroskip.flow import Design, Simulation, assemble, compile
    from zeroskip.frontend import capture, load_model
    from zeroskip.meet import prune_to_budget
    from zeroskip.spec.config import PRESETS, ArrayConfig
    from zeroskip.spec.cycles import Cycles
    from zeroskip.spec.errors import ZeroskipError
    from zeroskip.synth import synthesise

__version__ = "0.1.0"

_HOMES = {
    "ArrayConfig": "zeroskip.spec.config", "PRESETS": "zeroskip.spec.config", "Cycles": "zeroskip.spec.cycles",
    "ZeroskipError": "zeroskip.spec.errors", "Design": "zeroskip.flow", "Simulation": "zeroskip.flow",
    "assemble": "zeroskip.flow", "compile": "zeroskip.flow", "capture": "zeroskip.frontend", "load_model": "zeroskip.frontend",
    "compare": "zeroskip.comparison", "prune_to_budget": "zeroskip.meet", "synthesise": "zeroskip.synth",
}  # fmt: skip
_MODULES = ("prune", "reference", "spec")

__all__ = [
    "PRESETS", "ArrayConfig", "Cycles", "Design", "Simulation", "ZeroskipError", "assemble", "capture", "compare", "compile",
    "load_model", "prune", "prune_to_budget", "reference", "spec", "synthesise",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in _MODULES:
        return import_module(f"zeroskip.{name}")
    raise AttributeError(f"module 'zeroskip' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
