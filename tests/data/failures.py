"""What can go wrong with one source, each said in one line."""

from __future__ import annotations


class FailureError(Exception):
    """A source gives nothing; the next one is tried."""


class UnreachableError(FailureError):
    """It does not answer, or what fetches it is not installed."""


class RefusedError(FailureError):
    """It answers, but with something else than what is wanted."""
