"""Rows of the strips, where overlaps are read from the neighbour: every row of a tensor is stored in one column.

A layer whose strips have ``rows`` rows reads a source whose strips have ``rows`` · stride. Where it writes strips of another height than it
computes, a result's columns go to different addresses, and the result is written once for each of them. Strips that suit one stride may be
too high for another. So there is a choice at every layer: higher strips, which leave columns idle, or more writes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations

from zeroskip.contracts.network import QuantizedLayer, QuantizedNetwork

from .readers import in_strips, wanted_in_strips, wanted_whole

Cost = Callable[[str, int], float]
"""Cycles of one output position of a layer, by its name, when every result is written so many times."""


@dataclass(frozen=True, kw_only=True)
class Heights:
    """Rows of the strips.

    stored : by tensor, rows of an image that each column stores
    computed : by layer, rows of the output that each column computes
    writes : by layer, how often the results of each of these rows are written
    """

    stored: Mapping[str, int]
    computed: Mapping[str, int]
    writes: Mapping[str, tuple[int, ...]]


def strip_heights(network: QuantizedNetwork, columns: int, cost: Cost) -> Heights:
    """The heights with the fewest cycles that were found.

    All layers first write as their readers read, so that every result is written once. Then layers are allowed to write strips of
    another height, or forbidden again, one or two at a time, whichever helps most, until nothing helps.
    """
    choices = _Choices(network, columns, cost)
    free: frozenset[str] = frozenset()
    best = choices.cycles(free)
    while True:
        tried = [free ^ {name} for name in choices.free]
        found = min(tried, key=choices.cycles, default=free)
        if choices.cycles(found) >= best:
            tried = [free ^ set(names) for names in combinations(choices.free, 2)]
            found = min(tried, key=choices.cycles, default=free)
        if choices.cycles(found) >= best:
            return choices.heights(free)
        free, best = found, choices.cycles(found)


@cache
def writes(height: int, computed: int, stored: int, *, gathered: bool) -> tuple[int, ...]:
    """For each row of a strip, the addresses that its results in all columns go to.

    height : of the image; computed : of the strips that write; stored : of those that are read, 0 for none
    gathered : a reader wants the whole image in the lowest column
    """
    counts = []
    for band in range(min(computed, height)):
        rows = range(band, height, computed)
        places = {(row % stored, row // stored - row // computed) for row in rows} if stored else set()
        if gathered:
            places |= {(row, -(row // computed)) for row in rows}
        counts.append(max(1, len(places)))
    return tuple(counts)


class _Choices:
    def __init__(self, network: QuantizedNetwork, columns: int, cost: Cost) -> None:
        self._network, self._columns, self._cost = network, columns, cache(cost)
        self._tensors = [tensor for tensor in network.shapes if tensor != network.output_name]
        self._in_strips = [layer for layer in network.layers if in_strips(network, layer)]
        self._bound = {tensor for tensor in self._tensors if wanted_in_strips(network, tensor)}
        self._whole = {tensor for tensor in self._tensors if wanted_whole(network, tensor)}
        self._strides = self._found_strides()
        self.free = [layer.name for layer in self._in_strips if layer.output in self._bound]
        self.cycles = cache(self._cycles)

    def heights(self, free: frozenset[str]) -> Heights:
        stored = self._solve(free)
        assert stored is not None, "without a layer that writes other strips there are heights"
        layers = self._network.layers
        return Heights(
            stored=stored,
            computed={layer.name: self._rows(layer, stored) for layer in layers},
            writes={layer.name: self._writes(layer, stored) for layer in layers},
        )

    def _cycles(self, free: frozenset[str]) -> float:
        stored = self._solve(free)
        if stored is None:
            return math.inf
        return sum(
            self._network.shapes[layer.output][2]
            * sum(self._cost(layer.name, count) for count in self._writes(layer, stored))
            for layer in self._network.layers
        )

    def _rows(self, layer: QuantizedLayer, stored: Mapping[str, int]) -> int:
        return stored[layer.source] // layer.window.stride[0] if layer in self._in_strips else 1

    def _writes(self, layer: QuantizedLayer, stored: Mapping[str, int]) -> tuple[int, ...]:
        height = self._network.shapes[layer.output][1]
        rows = self._rows(layer, stored)
        if layer.output == self._network.output_name:
            return tuple(-(-(height - band) // rows) for band in range(min(rows, height)))
        target = stored[layer.output] if layer.output in self._bound else 0
        return writes(height, rows, target, gathered=layer.output in self._whole)

    def _solve(self, free: frozenset[str]) -> dict[str, int] | None:
        """The least heights with which all layers outside ``free`` write as their readers read; None where there are none."""
        shapes, columns = self._network.shapes, self._columns
        stored = {tensor: -(-shapes[tensor][1] // columns) for tensor in self._tensors}
        most = 2 * max(shape[1] for shape in shapes.values()) * math.prod(sorted({s for _, s in self._strides}))
        while max(stored.values()) <= most:
            before = dict(stored)
            for tensor, stride in self._strides:
                stored[tensor] = -(-stored[tensor] // stride) * stride
            for layer in self._in_strips:
                stride = layer.window.stride[0]
                rows = max(-(-stored[layer.source] // stride), -(-shapes[layer.output][1] // columns))
                alike = [layer.residual] if layer.residual else []
                if layer.output in self._bound and layer.name not in free:
                    alike.append(layer.output)
                rows = max([rows, *(stored[tensor] for tensor in alike)])
                for tensor in alike:
                    stored[tensor] = rows
                stored[layer.source] = rows * stride
            if stored == before:
                return stored
        return None

    def _found_strides(self) -> list[tuple[str, int]]:
        """Of every tensor that is read in strips, a number of rows of which its strips' height is a multiple."""
        strides: dict[str, int] = {}
        for layer in self._in_strips:
            strides[layer.source] = math.lcm(strides.get(layer.source, 1), layer.window.stride[0])
        return list(strides.items())
