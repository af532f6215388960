"""Number formats that a quantized model fixes. A rounded value is the value that it rounds, kept in that format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from zeroskip.contracts.graph import NOTHING, Layer

from .passes import Formats
from .steps import AddStep, ConcatStep, FormatStep, PointwiseStep, Step


def fix_formats(steps: Sequence[Step], result: str) -> tuple[list[Step], str, Formats]:
    """Steps without FormatSteps, the result's name after that, and the formats by value.

    A value that is rounded to a second format becomes a copy, through an activation that does nothing.
    """
    alias: dict[str, str] = {}
    formats: Formats = {}
    kept: list[Step] = []
    for step in steps:
        renamed = rename_sources(step, alias)
        if not isinstance(renamed, FormatStep):
            kept.append(renamed)
        elif formats.setdefault(renamed.source, renamed.format) == renamed.format:
            alias[renamed.output] = renamed.source
        else:
            formats[renamed.output] = renamed.format
            kept.append(
                PointwiseStep(name=renamed.name, source=renamed.source, output=renamed.output, activation=NOTHING)
            )
    return kept, alias.get(result, result), formats


def rename_sources(step: Step, alias: dict[str, str]) -> Step:
    """The step, with its sources under their other names."""
    match step:
        case AddStep():
            first, second = step.sources
            return replace(step, sources=(alias.get(first, first), alias.get(second, second)))
        case ConcatStep():
            return replace(step, sources=tuple(alias.get(source, source) for source in step.sources))
        case Layer() if step.residual is not None:
            return replace(
                step, source=alias.get(step.source, step.source), residual=alias.get(step.residual, step.residual)
            )
        case _:
            return replace(step, source=alias.get(step.source, step.source))
