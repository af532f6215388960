"""The refusal of one node, for every form of model."""

from __future__ import annotations


class RefusalError(Exception):
    """The reason why a node cannot be built: the second half of its clause in the UnsupportedError."""
