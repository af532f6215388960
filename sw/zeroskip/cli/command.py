"""A command whose options are the fields of a dataclass, so that they go through the program as one value."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, TypeVar, get_type_hints

Options = TypeVar("Options")


def command(options: type[Options], run: Callable[[Options], None]) -> Callable[..., None]:
    """A function for typer that makes an ``options`` from its arguments and calls ``run`` with it.

    options : a dataclass; its fields are annotated as typer's parameters are. In ``--help`` its own fields come before those of its bases
    run : the command; ``--help`` shows its docstring
    """

    def invoke(**values: Any) -> None:
        run(options(**values))

    # Typer asks the function that it is given for its signature and its resolved annotations.
    hints = get_type_hints(options, include_extras=True)
    own = [field for field in fields(options) if field.name in options.__annotations__]  # type: ignore[arg-type]
    inherited = [field for field in fields(options) if field not in own]  # type: ignore[arg-type]
    parameters = [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, annotation=hints[field.name],
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
        )
        for field in [*own, *inherited]
    ]  # fmt: skip
    invoke.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    invoke.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    invoke.__doc__ = run.__doc__
    return invoke
