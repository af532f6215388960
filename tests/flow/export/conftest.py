"""Exported folders, moved away from where they were written."""

from tests.sw.export.conftest import exported

__all__ = ["exported"]
