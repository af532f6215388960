"""From the order in which the model has a value to the order in which an operator needs it. Where they are the same it costs nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from torch import fx

from zeroskip.contracts.graph import FloatArray, Shape
from zeroskip.frontend.lowering.steps import FlattenStep, image_shape, size
from zeroskip.frontend.refusal import RefusalError

from .copying import copied
from .nodes import shape
from .orders import FILL, Order, block_of, cut_of, is_whole, of_batch, plain, renumbered, whole
from .reading import Reading, Value, filled


@dataclass(frozen=True)
class Image:
    """A value that is stored as the image that an operator reads.

    turned : height and width are stored the other way around
    channels : where the operator's channels are stored, if it takes them in any order; else None
    """

    value: str
    stored: Shape
    turned: bool = False
    channels: tuple[int, ...] | None = None

    @property
    def shape(self) -> Shape:
        """(channels, height, width) as the operator has them."""
        channels, height, width = self.stored
        return (channels, width, height) if self.turned else self.stored

    def order(self, channels: int, height: int, width: int) -> Order:
        """Where the elements of a result of that shape lie, stored the same way around, (channels, height, width)."""
        if not self.turned:
            return plain((channels, height, width))
        return plain((channels, width, height)).transpose(0, 2, 1)


def image(node: fx.Node, reading: Reading, operand: object, axes: int, *, any_channels: bool = False) -> Image:
    """The operand as an image: (batch, channels, length) for two axes, (batch, channels, height, width) for three.

    any_channels : the operator takes the stored channels in any order
    """
    value = reading.value(operand)
    first = value.order if value.order.ndim == axes and reading.batch == 1 else None
    if value.order.ndim == axes + 1:
        first = whole(value.order, reading.batch, size(value.stored))
    if first is None:
        wanted = "(batch, channels, length)" if axes == 2 else "(batch, channels, height, width)"
        raise RefusalError(f"input must be {wanted}, not {value.order.shape}")
    first = first.reshape(*first.shape, 1) if axes == 2 else first
    channels = _permuted(first, value.stored) if any_channels else None
    return (
        image_of(node, reading, value, first)
        if channels is None
        else Image(value.name, value.stored, channels=channels)
    )


def _permuted(first: Order, stored: Shape) -> tuple[int, ...] | None:
    """The stored channels in the order of ``first``, if it is those in another order and nothing else."""
    if first.shape != stored:
        return None
    channels = first[:, 0, 0] // (stored[1] * stored[2])
    changed = not np.array_equal(channels, np.arange(stored[0])) and len(np.unique(channels)) == stored[0]
    return tuple(channels.tolist()) if changed and np.array_equal(first, plain(stored)[channels]) else None


def image_of(node: fx.Node, reading: Reading, value: Value, first: Order) -> Image:
    """The image whose elements are at ``first``, (channels, height, width): the value itself if it lies so, else a copy."""
    channels, height, width = value.stored
    if first.shape == value.stored and np.array_equal(first, plain(value.stored)):
        return Image(value.name, value.stored)
    turned = (channels, width, height)
    if first.shape == turned and np.array_equal(first, plain(value.stored).transpose(0, 2, 1)):
        return Image(value.name, value.stored, turned=True)
    return Image(copied(node, reading, value, first), first.shape)


def in_whole(node: fx.Node, reading: Reading, value: Value) -> Value:
    """The value with every stored element in it and no other: itself, or a copy of the part that it has."""
    if is_whole(value.order, reading.batch, size(value.stored)) or reading.is_refused(value):
        return value
    elements = size(value.stored)
    block = None
    if not filled(value):
        block = block_of(value.order % elements, value.stored)
    if block is not None:
        part = block.order(value.stored)
        cut = cut_of(part, value.stored)
        if cut is not None:
            copy = image_of(node, reading, value, part)
            order = renumbered(value.order % elements, part, elements) + part.size * (value.order // elements)
            return Value(copy.value, copy.stored, order)
    return as_it_stands(node, reading, value)


def as_it_stands(node: fx.Node, reading: Reading, value: Value) -> Value:
    """The value stored in the axes that it has, each element once. Its channels become the channels, on whichever axis they are."""
    first = whole(value.order, reading.batch, size(value.stored))
    axis = _channel_axis(first, value.stored)
    moved = np.moveaxis(first, axis, 0)
    wanted = image_shape(moved.shape)
    if wanted is None:
        raise RefusalError(f"must have three axes for each sample at most, not shape {value.order.shape}")
    copy = image_of(node, reading, value, moved.reshape(wanted))
    order = np.moveaxis(copy.order(*copy.shape).reshape(moved.shape), 0, axis)
    return Value(copy.value, copy.stored, of_batch(order, reading.batch, size(copy.stored), value.order.shape))


def _channel_axis(first: Order, stored: Shape) -> int:
    """The axis along which the stored channel changes, and along no other; the first axis where there is none."""
    channels = np.where(first == FILL, FILL, np.maximum(first, 0) // (stored[1] * stored[2]))
    for axis in range(first.ndim):
        lines = np.moveaxis(channels, axis, 0).reshape(first.shape[axis], -1)
        highest = lines.max(axis=1, keepdims=True)
        if ((lines == highest) | (lines == FILL)).all():
            return axis
    return 0


def vector(node: fx.Node, reading: Reading, value: Value) -> Value:
    """The value stored as a vector, in the same order."""
    if value.stored[1:] == (1, 1):
        return value
    key = (value.name, 0.0, (size(value.stored), 1, 1), b"flat")
    if key not in reading.made:
        reading.made[key] = f"{value.name}.flat"
        reading.steps.append(
            FlattenStep(name="flatten", source=value.name, output=reading.made[key], shape=value.stored)
        )
    return replace(value, name=reading.made[key], stored=(size(value.stored), 1, 1))


def per_channel(
    node: fx.Node, reading: Reading, value: Value, *numbers: FloatArray
) -> tuple[Value, tuple[FloatArray, ...]]:
    """The value, and numbers that stand in its shape as numbers of its stored channels, (channels,) or (1,) where all are one.

    numbers : each broadcasts to the value's shape
    """
    value = in_whole(node, reading, value)
    if all(array.size == 1 for array in numbers):
        return value, tuple(array.reshape(1) for array in numbers)
    found = [_by_channel(value, array) for array in numbers]
    for stored in (vector, as_it_stands, vector):
        if any(array is None for array in found):
            value = stored(node, reading, value)
            found = [_by_channel(value, array) for array in numbers]
    if any(array is None for array in found):
        shapes = [array.shape for array in numbers if array.size > 1]
        raise RefusalError(f"the constant must be the same for every sample, not shape {shapes[0]}")
    return value, tuple(array for array in found if array is not None)


def _by_channel(value: Value, numbers: FloatArray) -> FloatArray | None:
    try:
        spread = np.broadcast_to(numbers, value.order.shape)
    except ValueError:
        return None
    places = value.order % size(value.stored)
    stored = np.empty(size(value.stored))
    stored[places] = spread
    channels = stored.reshape(value.stored[0], -1)
    same = np.array_equal(stored[places], spread, equal_nan=True) and np.array_equal(
        channels, np.broadcast_to(channels[:, :1], channels.shape), equal_nan=True
    )
    return channels[:, 0].copy() if same else None


def aligned(node: fx.Node, reading: Reading, first: Value, second: Value) -> tuple[Value, Value]:
    """Two values with their elements in one order, in whole: the second copied into the order of the first, or the other way."""
    into = shape(node)
    first, second = (
        in_whole(node, reading, replace(value, order=np.broadcast_to(value.order, into))) for value in (first, second)
    )
    for value, other in ((first, second), (second, first)):
        if value.order.size == reading.batch * size(value.stored):
            if value.stored == other.stored and np.array_equal(value.order, other.order):
                return first, second
            batch, places = reading.batch, np.argsort(value.order, axis=None)
            wanted = whole(other.order.reshape(-1)[places].reshape(batch, -1), batch, size(other.stored))
            copy = Value(copied(node, reading, other, wanted.reshape(value.stored)), value.stored, value.order)
            return (value, copy) if other is second else (copy, value)
    return aligned(node, reading, as_it_stands(node, reading, first), second)
