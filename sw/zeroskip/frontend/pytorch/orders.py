"""Where the elements of a tensor lie: index arrays in the tensor's own shape, for all samples of a batch.

An operator that only moves elements runs on such an array as it would on the tensor. What comes out tells where each element of its result
lies. Nothing else needs to know what the operator does.

In an *order* of a batch, element i of sample b has the number ``b * size + i``; -1 stands for a number that is the same everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

from zeroskip.contracts.graph import Shape, Window
from zeroskip.frontend.lowering.padding import padding_after
from zeroskip.frontend.refusal import RefusalError

Order = npt.NDArray[np.int64]

FILL = -1
"""The index of an element that is not stored."""

BATCH = "must leave the batch axis alone"


def whole(order: Order, batch: int, size: int) -> Order:
    """The order of the first sample, (batch, …) → (…), or the order itself where a batch of one has lost its axis.

    Raises RefusalError where an element of one sample comes from another one.
    """
    if order.ndim == 0 or order.shape[0] != batch:
        if batch == 1:
            return order
        raise RefusalError(f"{BATCH}, not give shape {order.shape}")
    first: Order = order[0]
    shifted = first[None] + size * np.arange(batch).reshape(-1, *(1,) * first.ndim)
    if not np.array_equal(order, np.where(first[None] == FILL, FILL, shifted)):
        raise RefusalError(BATCH)
    return first


def of_batch(first: Order, batch: int, size: int, shape: tuple[int, ...]) -> Order:
    """The order of a batch in ``shape``, from that of its first sample."""
    return np.asarray(first.reshape(1, -1) + size * np.arange(batch).reshape(-1, 1)).reshape(shape)


def plain(shape: Shape) -> Order:
    """The order in which an image of that shape is stored."""
    return np.arange(prod(shape)).reshape(shape)


def is_whole(order: Order, batch: int, size: int) -> bool:
    """Whether every stored element is in it, and nothing else."""
    seen = np.zeros(batch * size, dtype=bool)
    seen[order.reshape(-1)] = True
    return bool(order.min(initial=0) >= 0 and seen.all())


def renumbered(first: Order, part: Order, size: int) -> Order:
    """The same places among those of ``part`` alone, in its order; a place that is not in it, and a fill, become fills.

    first, part : places in a tensor of ``size`` elements
    """
    numbers = np.full(size, FILL)
    numbers[part.reshape(-1)] = np.arange(part.size)
    return np.where(first == FILL, FILL, numbers[first])


@dataclass(frozen=True)
class Cut:
    """Channels and a window of one tap that copy part of an image, as :class:`zeroskip.frontend.lowering.steps.CopyStep` has them."""

    channels: tuple[int | None, ...]
    window: Window


def cut_of(wanted: Order, stored: Shape) -> Cut | None:
    """The copy that makes ``wanted``, a (channels, height, width) array of places in an image of shape ``stored``; None if none does."""
    channel, row, column = (
        np.where(wanted == FILL, FILL, part) for part in np.unravel_index(np.maximum(wanted, 0), stored)
    )
    channels: list[int | None] = []
    for part in channel:
        known = np.unique(part[part != FILL])
        if len(known) > 1:
            return None
        channels.append(int(known[0]) if len(known) else None)
    if all(source is None for source in channels):
        height, width = (there - here for there, here in zip(wanted.shape[1:], stored[1:], strict=True))
        return Cut(tuple(channels), Window(padding=(0, 0, height, width)))
    rows, columns = row.max(axis=(0, 2)), column.max(axis=(0, 1))
    walks = [_walk(places, length) for places, length in ((rows, stored[1]), (columns, stored[2]))]
    if None in walks:
        return None
    first = np.array([FILL if source is None else source for source in channels])[:, None, None]
    made = (first * stored[1] + rows[:, None]) * stored[2] + columns
    if not np.array_equal(np.where((first == FILL) | (rows[:, None] == FILL) | (columns == FILL), FILL, made), wanted):
        return None
    (y, top, bottom), (x, left, right) = walks  # type: ignore[misc]
    return Cut(tuple(channels), Window(stride=(y, x), padding=(top, left, bottom, right)))


@dataclass(frozen=True)
class Taps:
    """For each channel of a copy the channel and the tap of a window from which it comes."""

    channels: tuple[int | None, ...]
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    window: Window


def taps_of(wanted: Order, stored: Shape) -> Taps | None:
    """The window that makes ``wanted`` from an image of shape ``stored``, with one tap for each channel; None where there is none."""
    channels: list[int | None] = []
    walks: list[tuple[int, int, int, int]] = []
    for part in wanted:
        if (part == FILL).all():
            channels.append(None)
            walks.append((0, 0, 0, 0))
            continue
        cut = cut_of(part[None], stored)
        if cut is None:
            return None
        channels.append(cut.channels[0])
        walks.append((*cut.window.stride, *cut.window.padding[:2]))
    used = np.array([walk for walk, channel in zip(walks, channels, strict=True) if channel is not None])
    single = [length == 1 for length in wanted.shape[1:]]
    if not len(used) or any(not one and len(np.unique(used[:, axis])) > 1 for axis, one in enumerate(single)):
        return None
    stride, before = used[0, :2], used[:, 2:].max(axis=0)
    kernel = before - used[:, 2:].min(axis=0) + 1
    after = [
        padding_after(length, count, int(taps), int(step), 1, int(first))
        for length, count, taps, step, first in zip(stored[1:], wanted.shape[1:], kernel, stride, before, strict=True)
    ]
    window = Window(
        kernel=(int(kernel[0]), int(kernel[1])), stride=(int(stride[0]), int(stride[1])),
        padding=(int(before[0]), int(before[1]), after[0], after[1]),
    )  # fmt: skip
    rows, columns = (tuple(int(before[axis] - walk[2 + axis]) for walk in walks) for axis in (0, 1))
    return Taps(tuple(channels), rows, columns, window)


def _walk(places: Order, length: int) -> tuple[int, int, int] | None:
    """Stride and the padding before and after of a walk over ``places``, -1 beyond the ends; None where they are not one."""
    known = np.flatnonzero(places != FILL)
    if not len(known):
        return None
    first = int(known[0])
    strides = [int(places[first + 1] - places[first])] if len(known) > 1 and known[1] == first + 1 else [1, length]
    for stride in strides:
        before = stride * first - int(places[first])
        walked = stride * np.arange(len(places)) - before
        if stride > 0 and np.array_equal(np.where((walked < 0) | (walked >= length), FILL, walked), places):
            return stride, before, padding_after(length, len(places), 1, stride, 1, before)
    return None


@dataclass(frozen=True)
class Block:
    """Some channels, rows and columns of an image, all with all."""

    channels: tuple[int, ...]
    rows: tuple[int, ...]
    columns: tuple[int, ...]

    def order(self, stored: Shape) -> Order:
        """Its places in the image, (channels, height, width)."""
        grids = np.meshgrid(self.channels, self.rows, self.columns, indexing="ij")
        return np.ravel_multi_index(grids, stored)


def block_of(first: Order, stored: Shape) -> Block | None:
    """The block that has exactly the elements of ``first``, or None."""
    places = np.unique(first[first != FILL])
    if not len(places):
        return None
    found = Block(*(tuple(np.unique(part).tolist()) for part in np.unravel_index(places, stored)))
    return found if len(places) == prod(map(len, (found.channels, found.rows, found.columns))) else None
