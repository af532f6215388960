"""Tensors that have one number format in common, so that nothing is rounded between them."""

from __future__ import annotations

from collections import Counter

import numpy as np

from zeroskip.contracts.graph import FloatArray, Graph, Layer


def shared_formats(graph: Graph) -> dict[str, frozenset[str]]:
    """For every tensor the tensors of its format, itself included.

    A layer that takes maxima passes on its source's integers. A copy and an average over a moving window take the source's format too, also
    where a leaky ReLU scales their negative values down. A copy in another format would only be rounded once more. The others cannot be
    finer than the source's rounding allows; in the source's format they are within one step of the exact value.

    A copy or average keeps a format of its own where other layers write into the same tensor, whose range is then wider, or where both
    formats are fixed. An average over the whole image also does: its range shrinks most, and its many taps carry the finer steps.
    """
    together = {name: frozenset((name,)) for name in graph.tensors}

    def join(layer: Layer) -> None:
        union = together[layer.source] | together[layer.output]
        together.update(dict.fromkeys(union, union))

    for layer in graph.layers:
        if layer.maximum:
            join(layer)
    writers = Counter(layer.output for layer in graph.layers)
    for layer in graph.layers:
        ends = (together[layer.source], together[layer.output])
        free = any(graph.formats.keys().isdisjoint(end) for end in ends)
        moving = is_average(layer) and graph.tensors[layer.output][1:] != (1, 1)
        if (is_copy(layer) or moving) and _never_expands(layer) and writers[layer.output] == 1 and free:
            join(layer)
    return together


def is_copy(layer: Layer) -> bool:
    """Whether everything that the layer gives to its activation is one of its inputs, or zero."""
    kept = _kept(layer)
    return _is_bare(layer) and bool(np.isin(kept, (0.0, 1.0)).all() and (kept.sum(axis=1) <= 1).all())


def is_average(layer: Layer) -> bool:
    """Whether everything that the layer gives to its activation is the mean of a window, padding counted as zeros."""
    kept = _kept(layer)
    return _is_bare(layer) and bool((kept >= 0).all() and np.allclose(kept.sum(axis=1), 1.0))


def _is_bare(layer: Layer) -> bool:
    return layer.structural and not layer.maximum and layer.residual is None and not layer.bias.any()


def _kept(layer: Layer) -> FloatArray:
    return np.where(layer.mask, layer.weight, 0.0).reshape(layer.outputs, -1)


def _never_expands(layer: Layer) -> bool:
    """Whether the activation leaves values as they are, limits them, or brings them nearer to zero."""
    activation = layer.activation
    return activation.table is None and (activation.slope is None or bool((np.abs(activation.slope) <= 1).all()))
