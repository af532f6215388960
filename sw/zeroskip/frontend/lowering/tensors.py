"""The tensor that each layer writes: its own, or a part of a concatenation. The names of all tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from zeroskip.contracts.graph import INPUT, Layer, Shape

from .copies import plain_copy
from .formats import rename_sources
from .passes import Formats, all_shapes, count_readers
from .steps import ConcatStep, Step


def assign_tensors(
    steps: Sequence[Step], known: Mapping[str, Shape], result: str, formats: Formats
) -> tuple[tuple[Layer, ...], dict[str, Shape], dict[str, str], Formats]:
    """Layers in order with their final names, shapes by tensor, tensor by value, and formats by tensor."""
    shapes = all_shapes(steps, known)
    written, joined = _join(_nest(steps, result, formats), shapes, result, formats)
    taken = {INPUT}
    names = {INPUT: INPUT}
    layers: list[Layer] = []
    for layer in written:
        layer = replace(layer, name=_unique(layer.name, taken))
        if layer.output not in names:
            names[layer.output] = _unique(joined[layer.output], taken) if layer.output in joined else layer.name
        layers.append(layer)
    renamed = [rename_sources(layer, names) for layer in layers]
    final = tuple(replace(layer, output=names[layer.output]) for layer in renamed if isinstance(layer, Layer))
    tensors = {names[value]: shapes[value] for value in names}
    return final, tensors, names, {names[value]: format for value, format in formats.items() if value in names}


def _nest(steps: Sequence[Step], result: str, formats: Formats) -> list[Step]:
    """Make a concatenation part of another one, where nothing else reads it."""
    readers = count_readers(steps, result)
    done: dict[str, Step] = {}
    for step in steps:
        if isinstance(step, ConcatStep):
            parts: list[str] = []
            for source in step.sources:
                inner = done.get(source)
                if isinstance(inner, ConcatStep) and readers[source] == 1 and source not in formats:
                    parts += inner.sources
                    del done[source]
                else:
                    parts.append(source)
            step = replace(step, sources=tuple(parts))
        done[step.output] = step
    return list(done.values())


def _join(
    steps: Sequence[Step], shapes: dict[str, Shape], result: str, formats: Formats
) -> tuple[list[Layer], dict[str, str]]:
    """The layers alone, some of which write into a concatenation, and the name of each concatenation by its value."""
    readers = count_readers(steps, result)
    done: dict[str, Layer] = {}
    joined: dict[str, str] = {}
    for step in steps:
        if isinstance(step, Layer):
            done[step.output] = step
            continue
        assert isinstance(step, ConcatStep)
        joined[step.output] = step.name
        channel = 0
        for part, source in enumerate(step.sources):
            layer = done.get(source)
            fits = formats.get(source) in (None, formats.get(step.output))
            key = f"{step.output}.{part}"
            if layer is not None and readers[source] == 1 and fits and layer.output == source:
                done[source] = replace(layer, output=step.output, channel=channel)
            else:
                copy = plain_copy(f"{step.name}.{part}", source, step.output, shapes[source][0])
                done[key] = replace(copy, channel=channel)
            channel += shapes[source][0]
    return list(done.values()), joined


def _unique(name: str, taken: set[str]) -> str:
    """The name, with a number where it is taken. It is taken from now on."""
    found, count = name, 1
    while found in taken:
        count += 1
        found = f"{name}_{count}"
    taken.add(found)
    return found
