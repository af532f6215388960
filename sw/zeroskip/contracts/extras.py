"""Extras of the package: modules that only some users need. A missing extra is named with the command that installs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .errors import ToolMissingError


def install_command(extra: str) -> str:
    """The command that installs the extra, wherever zeroskip itself came from: pip reads the list in the installed package."""
    return f"pip install 'zeroskip[{extra}]'"


@contextmanager
def needs_extra(extra: str) -> Iterator[None]:
    """Wraps imports that need the extra. Raises ToolMissingError, which names the module and the command."""
    try:
        yield
    except ModuleNotFoundError as error:
        name = (error.name or "").partition(".")[0]
        if name.startswith("zeroskip"):
            raise
        raise ToolMissingError(f"{name} is missing; install it with: {install_command(extra)}") from error
