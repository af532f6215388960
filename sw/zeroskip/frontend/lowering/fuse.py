"""Activations and sums of two tensors become the end of the layer that makes their operand, or else of a copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from zeroskip.contracts.graph import Activation, Layer, Shape

from .copies import plain_copy
from .passes import Formats, all_shapes, count_readers, ends_in_nothing, is_nothing
from .steps import AddStep, PointwiseStep, Step


def pool_last(steps: Sequence[Step], known: Mapping[str, Shape], result: str, formats: Formats) -> list[Step]:
    """Move a rising activation behind a maximum to the front of it, if a layer or sum there takes it in."""
    readers = count_readers(steps, result)
    done: dict[str, Step] = {}
    for step in steps:
        pool = done.get(step.source) if isinstance(step, PointwiseStep) else None
        if (
            isinstance(step, PointwiseStep)
            and (step.activation.table is None or step.activation.table.rising)
            and isinstance(pool, Layer)
            and pool.maximum
            and _takes_up(done.get(pool.source))
            and readers[step.source] == readers[pool.source] == 1
            and formats.keys().isdisjoint({step.source, pool.source})
        ):
            del done[step.source]
            done[step.source] = replace(step, source=pool.source, output=step.source)
            done[step.output] = replace(pool, source=step.source, output=step.output)
        else:
            done[step.output] = step
    return list(done.values())


def _takes_up(maker: Step | None) -> bool:
    return isinstance(maker, AddStep) or (isinstance(maker, Layer) and not maker.maximum)


def fuse(steps: Sequence[Step], known: Mapping[str, Shape], result: str, formats: Formats) -> list[Step]:
    """Fuse every PointwiseStep and AddStep into the layer that makes its operand and has no other reader, or into a copy."""
    shapes, readers = all_shapes(steps, known), count_readers(steps, result)
    done: dict[str, Step] = {}
    for step in steps:
        if isinstance(step, PointwiseStep):
            maker = done.get(step.source)
            alone = readers[step.source] == 1 and formats.get(step.source) in (None, formats.get(step.output))
            merged = _merge(maker, step.activation) if isinstance(maker, Layer) and alone else None
            if isinstance(maker, Layer) and merged is not None:
                del done[step.source]
                done[step.output] = replace(maker, output=step.output, activation=merged)
            else:
                copy = plain_copy(step.name, step.source, step.output, shapes[step.source][0])
                done[step.output] = replace(copy, activation=step.activation)
        elif isinstance(step, AddStep):
            done[step.output] = _add(step, done, readers, shapes, formats)
        else:
            done[step.output] = step
    return list(done.values())


def _add(
    step: AddStep, done: dict[str, Step], readers: Mapping[str, int], shapes: Mapping[str, Shape], formats: Formats
) -> Layer:
    """The sum as a layer with a residual. A learned layer is taken before a copy, whose input is exact as it is; then the later layer."""
    order = {name: position for position, name in enumerate(done)}
    candidates = [
        (not layer.structural, order[name], layer)
        for name in step.sources
        if isinstance(layer := done.get(name), Layer)
        and readers[name] == 1 and name not in formats and ends_in_nothing(layer)
    ]  # fmt: skip
    if not candidates:
        first, second = step.sources
        return replace(plain_copy(step.name, first, step.output, shapes[first][0]), residual=second)
    _, _, layer = max(candidates, key=lambda candidate: candidate[:2])
    other = step.sources[1] if step.sources[0] == layer.output else step.sources[0]
    del done[layer.output]
    return replace(layer, output=step.output, residual=other)


def _merge(layer: Layer, then: Activation) -> Activation | None:
    """The layer's activation followed by another one, or None where one layer cannot do both."""
    first = layer.activation
    if layer.maximum:
        return None
    if is_nothing(then):
        return first
    if then.table is not None:
        return then if is_nothing(first) else None
    if then.slope is not None:
        if first.low >= 0:  # nothing is below zero
            return first
        if layer.residual is not None or first.table is not None or not is_nothing(first):
            return None
        return then
    if first.table is not None:
        return None
    low, high = (float(np.clip(limit, then.low, then.high)) for limit in (first.low, first.high))
    return replace(first, low=low, high=high)
