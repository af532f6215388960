"""Addresses in the hidden buffer. Tensors whose lives do not overlap share them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from zeroskip.contracts.graph import INPUT
from zeroskip.contracts.network import QuantizedNetwork

from .blocks import Block, assign_addresses
from .geometry import View


def lives(network: QuantizedNetwork) -> dict[str, tuple[int, int]]:
    """First and last layer, by number, that use each hidden tensor: from its first write to its last read."""
    result: dict[str, tuple[int, int]] = {}
    for number, layer in enumerate(network.layers):
        for tensor in (layer.source, layer.output, layer.residual):
            if tensor is not None and tensor not in (INPUT, network.output_name):
                result[tensor] = (result.get(tensor, (number, number))[0], number)
    return result


def allocate(network: QuantizedNetwork, found: Mapping[str, View]) -> tuple[dict[str, View], int]:
    """Every view at its address, and the number of addresses that the hidden buffer must have.

    A sum may lie where its residual lies, if the residual is read there for the last time: every activation is read just before it is
    overwritten. Both must then be stored alike, which may take more room. So a sum does this only where the peak does not rise by it.
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
    found, owners = _in_place(network, dict(found), alive, allowed)
    blocks: dict[str, Block] = {}
    for tensor, (first, last) in alive.items():
        owner = owners.get(tensor, tensor)
        before = blocks.get(owner, Block(first=first, last=last, size=0))
        blocks[owner] = Block(
            first=min(before.first, first), last=max(before.last, last), size=max(before.size, found[tensor].size)
        )
    bases, peak = assign_addresses(blocks)
    result = {
        tensor: replace(view, base=bases[owners.get(tensor, tensor)]) if tensor in alive else view
        for tensor, view in found.items()
    }
    return result, max(peak, 1)


def _in_place(
    network: QuantizedNetwork, found: dict[str, View], alive: Mapping[str, tuple[int, int]], allowed: set[str]
) -> tuple[dict[str, View], dict[str, str]]:
    """Views made alike where a sum can lie in its residual's place, and for each such sum the tensor in whose place it lies."""
    owners: dict[str, str] = {}
    for number, layer in enumerate(network.layers):
        residual, output = layer.residual, layer.output
        if residual is None or output not in allowed or output not in alive:
            continue
        if alive[residual][1] > number or residual == layer.source or not _stored_alike(found[residual], found[output]):
            continue
        owner = owners.get(residual, residual)
        owners[output] = owner
        family = [owner, *(tensor for tensor, other in owners.items() if other == owner)]
        found |= _widened({tensor: found[tensor] for tensor in family})
    return found, owners


def _stored_alike(a: View, b: View) -> bool:
    """Whether equal elements get equal addresses once both store as many rows and cells. A part of a tensor has another shape."""
    return a.shape == b.shape and a.planar == b.planar and (a.advance == b.advance or 0 in (a.advance, b.advance))


def _widened(found: Mapping[str, View]) -> dict[str, View]:
    """The views, each with the rows and cells that any of them stores."""
    given = found.values()
    top, left = max(view.top for view in given), max(view.left for view in given)
    rows = top + max(view.rows - view.top for view in given)
    cells = left + max(view.cells - view.left for view in given)
    advance = max(view.advance for view in given)
    result = {}
    for tensor, view in found.items():
        y, x = top - view.top, left - view.left
        needed = np.zeros((len(view.needed), rows, cells), dtype=np.bool_)
        needed[:, y : y + view.rows, x : x + view.cells] = view.needed
        result[tensor] = replace(view, top=top, left=left, rows=rows, cells=cells, advance=advance, needed=needed)
    return result
