"""Addresses in the hidden buffer: tensors whose lives do not overlap share them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from zeroskip.spec.graph import INPUT
from zeroskip.spec.network import QuantizedLayer, QuantizedNetwork

from .blocks import Block, place
from .geometry import View


def lives(network: QuantizedNetwork) -> dict[str, tuple[int, int]]:
    """First and last layer, by number, between which each hidden tensor is in use: from its first write to its last read."""
    result: dict[str, tuple[int, int]] = {}
    for number, layer in enumerate(network.layers):
        for tensor in (layer.source, layer.output, layer.residual):
            if tensor is not None and tensor not in (INPUT, network.output_name):
                result[tensor] = (result.get(tensor, (number, number))[0], number)
    return result


def allocate(network: QuantizedNetwork, found: Mapping[str, View]) -> tuple[dict[str, View], int]:
    """Every view at its address, and how many addresses the hidden buffer must have.

    A sum that is stored as its residual is may take the residual's place, where that is read for the last time: every activation is read
    just before it is overwritten. Since both must then be stored alike, which may take more room, each such sum does so only where the
    peak is not higher for it.
    """
    alive = lives(network)
    allowed = {layer.output for layer in network.layers if layer.residual is not None}
    best = _allocate(network, found, alive, allowed)
    for output in sorted(allowed):
        other = _allocate(network, found, alive, allowed - {output})
        if other[1] < best[1]:
            allowed, best = allowed - {output}, other
    return best


def _allocate(
    network: QuantizedNetwork, found: Mapping[str, View], alive: Mapping[str, tuple[int, int]], allowed: set[str]
) -> tuple[dict[str, View], int]:
    found, shared = _in_place(network, dict(found), alive, allowed)
    blocks: dict[str, Block] = {}
    for tensor, (first, last) in alive.items():
        owner = shared.get(tensor, tensor)
        before = blocks.get(owner, Block(first=first, last=last, size=0))
        blocks[owner] = Block(
            first=min(before.first, first), last=max(before.last, last), size=max(before.size, found[tensor].size)
        )
    bases, peak = place(blocks)
    result = {
        tensor: replace(view, base=bases[shared.get(tensor, tensor)]) if tensor in alive else view
        for tensor, view in found.items()
    }
    return result, max(peak, 1)


def _in_place(
    network: QuantizedNetwork, found: dict[str, View], alive: Mapping[str, tuple[int, int]], allowed: set[str]
) -> tuple[dict[str, View], dict[str, str]]:
    """Views made alike where a sum can take its residual's place, and by tensor whose place it takes."""
    shared: dict[str, str] = {}
    for number, layer in enumerate(network.layers):
        residual, output = layer.residual, layer.output
        if residual is None or output not in alive or output not in allowed or output in shared or not _alone(network, layer):
            continue
        old, new = found[residual], found[output]
        fits = old.advance == new.advance or 0 in (old.advance, new.advance)
        if alive[residual][1] == number and residual != layer.source and old.shape == new.shape and fits and old.planar == new.planar:
            family = [name for name in (*shared, *shared.values(), residual) if shared.get(name, name) == shared.get(residual, residual)]
            widest = _alike([found[name] for name in {*family, output}])
            for name in {*family, output}:
                found[name] = widest(found[name])
            shared[output] = shared.get(residual, residual)
    return found, shared


def _alone(network: QuantizedNetwork, layer: QuantizedLayer) -> bool:
    """Whether no other layer writes this layer's output, and none writes part of its residual's place."""
    writers = [other for other in network.layers if other.output == layer.output]
    return len(writers) == 1


def _alike(views: list[View]):  # type: ignore[no-untyped-def]
    top, left = max(view.top for view in views), max(view.left for view in views)
    rows = max(view.rows - view.top for view in views) + top
    cells = max(view.cells - view.left for view in views) + left
    advance = max(view.advance for view in views)

    def widened(view: View) -> View:
        import numpy as np

        needed = np.zeros((len(view.needed), rows, cells), dtype=np.bool_)
        y, x = top - view.top, left - view.left
        needed[:, y : y + view.rows, x : x + view.cells] = view.needed
        return replace(view, top=top, left=left, rows=rows, cells=cells, advance=advance, needed=needed)

    return widened
