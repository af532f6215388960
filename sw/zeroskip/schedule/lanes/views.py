"""How each tensor lies in the memories of lanes that own channels: every row of the image in one column, without overlaps or padding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from zeroskip.contracts.graph import INPUT, Shape
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.schedule.strips.blocks import Block, assign_addresses
from zeroskip.schedule.strips.heights import Heights
from zeroskip.schedule.strips.readers import wanted_in_strips, wanted_whole

from .copies import Copy
from .hosting import Hosting


@dataclass(frozen=True, kw_only=True, eq=False)
class Stored:
    """One tensor that layers read. Column c stores the image's rows from c · ``strip`` on.

    strip : rows from one column's strip to the next; the whole image where only the lowest column reads
    rows : rows that each column stores; more than ``strip`` where the lowest column has the whole image besides
    base : address of the first element in every lane
    copied : where its channels lie in the residuals' memory; None where nothing adds the tensor
    copy : address of the first element in every bank
    """

    shape: Shape
    hosting: Hosting
    strip: int
    rows: int
    base: int = 0
    copied: Copy | None = None
    copy: int = 0

    @property
    def columns(self) -> int:
        """Columns that hold a part of the image."""
        return -(-self.shape[1] // self.strip)

    @property
    def x_step(self) -> int:
        """Addresses of a lane between neighbouring cells."""
        return self.hosting.depth

    @property
    def y_step(self) -> int:
        """Addresses of a lane between neighbouring rows."""
        return self.shape[2] * self.x_step

    @property
    def size(self) -> int:
        """Addresses in a lane."""
        return self.rows * self.y_step

    @property
    def copy_x_step(self) -> int:
        """Addresses of a bank of the residuals' memory between neighbouring cells."""
        return 0 if self.copied is None else self.copied.depth

    @property
    def copy_y_step(self) -> int:
        """Addresses of a bank between neighbouring rows."""
        return self.shape[2] * self.copy_x_step

    @property
    def copy_size(self) -> int:
        """Addresses in a bank."""
        return self.rows * self.copy_y_step


def stored_tensors(
    network: QuantizedNetwork, heights: Heights, hosts: Mapping[str, Hosting], copies: Mapping[str, Copy]
) -> tuple[dict[str, Stored], int, int]:
    """Every tensor that is read, at its address; addresses of a lane's hidden memory, and of a bank of the residuals' memory.

    Tensors whose lives do not overlap share addresses. In the lanes a tensor lives until a layer reads it for the last time, in the
    residuals' memory until it is added for the last time.
    """
    found = {}
    for tensor, hosting in hosts.items():
        height = network.shapes[tensor][1]
        strip = heights.stored[tensor] if wanted_in_strips(network, tensor) else height
        rows = max(strip, height) if wanted_whole(network, tensor) else strip
        found[tensor] = Stored(
            shape=network.shapes[tensor], hosting=hosting, strip=strip, rows=rows, copied=copies.get(tensor)
        )
    read = {tensor: block for tensor, block in _lives(network, residual=False).items() if tensor != INPUT}
    bases, depth = assign_addresses(
        {tensor: Block(first=first, last=last, size=found[tensor].size) for tensor, (first, last) in read.items()}
    )
    added = _lives(network, residual=True)
    places, copy_depth = assign_addresses(
        {tensor: Block(first=first, last=last, size=found[tensor].copy_size) for tensor, (first, last) in added.items()}
    )
    placed = {
        tensor: replace(view, base=bases.get(tensor, 0), copy=places.get(tensor, 0)) for tensor, view in found.items()
    }
    return placed, depth, copy_depth


def _lives(network: QuantizedNetwork, *, residual: bool) -> dict[str, tuple[int, int]]:
    """By tensor, the first layer that writes and the last that reads it, or adds it."""
    lives: dict[str, tuple[int, int]] = {}
    for number, layer in enumerate(network.layers):
        used = layer.residual if residual else layer.source
        if used is not None:
            first = min((i for i, other in enumerate(network.layers) if other.output == used), default=0)
            lives[used] = (first, number)
    return lives
