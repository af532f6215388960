"""Sparse neural networks to verified FPGA hardware, in which a pruned weight costs no multiplier cycle.

Names are loaded when they are first used, so that ``zeroskip.contracts`` never brings torch along.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zeroskip import contracts, prune, reference
    from zeroskip.contracts.config import PRESETS, ArrayConfig
    from zeroskip.contracts.cycles import Cycles
    from zeroskip.contracts.errors import ZeroskipError
    from zeroskip.explore.budget import BudgetOptions, prune_to_budget
    from zeroskip.explore.comparison import ComparisonOptions, compare
    from zeroskip.flow import Design, Simulation, assemble, compile
    from zeroskip.frontend import capture, load_model
    from zeroskip.synth import synthesise

__version__ = "0.1.0"

_NAMES = {
    "zeroskip.contracts.config": ("PRESETS", "ArrayConfig"),
    "zeroskip.contracts.cycles": ("Cycles",),
    "zeroskip.contracts.errors": ("ZeroskipError",),
    "zeroskip.explore.budget": ("BudgetOptions", "prune_to_budget"),
    "zeroskip.explore.comparison": ("ComparisonOptions", "compare"),
    "zeroskip.flow": ("Design", "Simulation", "assemble", "compile"),
    "zeroskip.frontend": ("capture", "load_model"),
    "zeroskip.synth": ("synthesise",),
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names}
_MODULES = ("contracts", "prune", "reference")

__all__ = [
    "PRESETS",
    "ArrayConfig",
    "BudgetOptions",
    "ComparisonOptions",
    "Cycles",
    "Design",
    "Simulation",
    "ZeroskipError",
    "assemble",
    "capture",
    "compare",
    "compile",
    "contracts",
    "load_model",
    "prune",
    "prune_to_budget",
    "reference",
    "synthesise",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in _MODULES:
        return import_module(f"zeroskip.{name}")
    raise AttributeError(f"module 'zeroskip' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
