"""The refusal of one node, whichever form the model came in."""

from __future__ import annotations


class RefusalError(Exception):
    """Why a node cannot be built: the second half of its clause in the UnsupportedError."""
