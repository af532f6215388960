"""Workflows for CI: they build a design, simulate it on both simulators, publish JUnit and keep the waves of a failure."""

from .write import DEFAULTS, PLACES, write

__all__ = ["DEFAULTS", "PLACES", "write"]
