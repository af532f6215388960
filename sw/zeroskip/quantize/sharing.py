"""Which tensors have one number format in common, so that nothing is rounded between them."""

from __future__ import annotations

from collections import Counter

import numpy as np

from zeroskip.spec.graph import Graph, Layer


def shared_formats(graph: Graph) -> dict[str, frozenset[str]]:
    """For every tensor the tensors of its format, itself among them.

    A layer that takes maxima passes its source's integers on. A copy could requantize them, but it would only round once more; it
    does where other layers write into the same tensor, whose range is then wider, or where both formats are fixed.
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
        plain = layer.activation.slope is None and layer.activation.table is None
        ends = (together[layer.source], together[layer.output])
        free = any(graph.formats.keys().isdisjoint(end) for end in ends)
        if is_copy(layer) and plain and writers[layer.output] == 1 and free:
            join(layer)
    return together


def is_copy(layer: Layer) -> bool:
    """Whether what the layer gives to its activation is everywhere one of its inputs, or zero."""
    kept = np.where(layer.mask, layer.weight, 0.0).reshape(layer.outputs, -1)
    single = np.isin(kept, (0.0, 1.0)).all() and (kept.sum(axis=1) <= 1).all() and not layer.bias.any()
    return bool(layer.structural and not layer.maximum and layer.residual is None and single)
