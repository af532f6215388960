"""Readers of the operators that move elements: views, zero padding, slices, splits and concatenation."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

from torch import fx

from zeroskip.contracts.graph import Window
from zeroskip.frontend.lowering.padding import padding_after
from zeroskip.frontend.lowering.steps import ConcatStep, CopyStep, Value, image_shape
from zeroskip.frontend.refusal import RefusalError

from .nodes import arguments, operand, qualified_name, shape
from .pointwise import shift
from .reading import Given, Padded, Reading


def view(node: fx.Node, reading: Reading) -> Value:
    """Flatten, reshape, squeeze and unsqueeze: the same elements in the same order."""
    return reading.view(node)


def dropout(node: fx.Node, reading: Reading) -> Value:
    """Changes nothing in eval mode."""
    if arguments(node)["train"]:
        raise RefusalError("must be in eval mode")
    return reading.view(node)


def identity(node: fx.Node, reading: Reading) -> Value:
    """Contiguous, clone, detach, and casts between floating point types."""
    source = operand(node)
    assert isinstance(source, fx.Node)
    before, after = source.meta["val"].dtype, node.meta["val"].dtype
    if before != after and not (before.is_floating_point and after.is_floating_point):
        raise RefusalError(f"may not change the dtype, {before} to {after}")
    return reading.view(node)


def pad(node: fx.Node, reading: Reading) -> Given:
    """Padding of height, width and channels with one number. Negative padding is a slice. Before max pooling it may be minus infinity."""
    given = arguments(node)
    mode, value = given.get("mode", "constant"), given.get("value") or 0.0
    if mode != "constant" or not (math.isfinite(value) or value == -math.inf):
        what = f"mode {mode!r}" if mode != "constant" else f"value {value:g}"
        raise RefusalError(f"padding must be a constant number, not {what}")
    rank = len(shape(given["self"]))
    amounts = list(given["pad"])
    pairs = [(0, 0)] * (rank - len(amounts) // 2) + list(zip(amounts[::2], amounts[1::2], strict=True))[::-1]
    if pairs[0] != (0, 0):
        raise RefusalError("must leave the batch axis alone")
    (first, last), *spatial = pairs[1:]
    source = reading.stored(reading.value(given["self"]))
    kept = range(max(0, -first), source.stored[0] - max(0, -last))
    channels = [*[None] * max(0, first), *kept, *[None] * max(0, last)]
    (top, bottom), (left, right) = [*spatial, (0, 0), (0, 0)][:2]
    padding = (top, left, bottom, right)
    if value == 0 or not any(amounts):
        return _copy(node, reading, source, channels, Window(padding=padding))
    if math.isfinite(value):  # the source is lowered by the value, padded with zeros, and raised again
        lowered = shift(node, reading, source, -value, ".lowered", source.user)
        padded = _copy(node, reading, lowered, channels, Window(padding=padding), ".padded")
        return shift(node, reading, padded, value, "", shape(node)[1:])
    if min(padding) < 0 or (first, last) != (0, 0):
        raise RefusalError("minus infinity may pad the length, or height and width, and cut nothing")
    return Padded(source, shape(node)[1:], padding)


def take(node: fx.Node, reading: Reading) -> Value:
    """A slice along one axis, ``x[:, :, ::2]``."""
    given = arguments(node)
    axis = given["dim"] % len(shape(given["self"]))
    length = shape(given["self"])[axis]
    start, _, step = slice(given["start"], given["end"], given["step"]).indices(length)
    return _range(node, reading, axis, start, step, shape(node)[axis])


def split(node: fx.Node, reading: Reading) -> Sequence[Value]:
    """chunk, split and split_with_sizes: one slice after the other."""
    given = arguments(node)
    axis = given["dim"] % len(shape(given["self"]))
    results, start = [], 0
    for index, part in enumerate(node.meta["val"]):
        count = int(part.shape[axis])
        results.append(_range(node, reading, axis, start, 1, count, f".{index}", tuple(map(int, part.shape[1:]))))
        start += count
    return results


def getitem(node: fx.Node, reading: Reading) -> Given:
    """One of the tensors that an operator returns."""
    source, index = node.args
    assert isinstance(index, int)
    return reading.part(source, index)


def concat(node: fx.Node, reading: Reading) -> Value:
    """Several tensors, one after the other along the channels."""
    given = arguments(node)
    nodes: list[Any] = list(given["tensors"])
    if not all(reading.holds(part) for part in nodes):
        raise RefusalError("must concatenate results of the network, not parameters")
    axis = given["dim"] % len(shape(node))
    if axis != 1:
        raise RefusalError(f"must concatenate along axis 1, the channels, not axis {axis}")
    values = [reading.value(part) for part in nodes]
    if not all(value.is_vector for value in values) or len({value.stored[1:] for value in values}) > 1:
        values = [reading.stored(value) for value in values]
    if len(values) == 1:
        return values[0]
    result = reading.make(node, (sum(value.stored[0] for value in values), *values[0].stored[1:]))
    names = tuple(value.name for value in values)
    reading.steps.append(ConcatStep(name=qualified_name(node), sources=names, output=result.name))
    return result


READ_AS_PART = operator.getitem
"""The operator that picks from a list of tensors, in the exported graph."""


def _range(
    node: fx.Node, reading: Reading, axis: int, start: int, step: int, count: int, suffix: str = "",
    user: tuple[int, ...] | None = None,
) -> Value:  # fmt: skip
    """``count`` elements along one axis, every ``step``-th from ``start`` on."""
    source = reading.value(operand(node))
    if axis == 0:
        if (start, step, count) != (0, 1, shape(operand(node))[0]):
            raise RefusalError("must leave the batch axis alone")
        return source
    source = reading.stored(source)
    if (start, step, count) == (0, 1, source.stored[axis - 1]):
        return source
    if count == 0:
        raise RefusalError(f"must keep at least one element of axis {axis}")
    channels = list(range(source.stored[0]))
    strides, before, after = [1, 1], [0, 0], [0, 0]
    if axis == 1:
        channels = channels[start : start + (count - 1) * step + 1 : step]
    else:
        strides[axis - 2], before[axis - 2] = step, -start
        after[axis - 2] = padding_after(source.stored[axis - 1], count, 1, step, 1, -start)
    window = Window(stride=(strides[0], strides[1]), padding=(*before, *after))  # type: ignore[arg-type]
    return _copy(node, reading, source, channels, window, suffix, user)


def _copy(
    node: fx.Node, reading: Reading, source: Value, channels: Sequence[int | None], window: Window, suffix: str = "",
    user: tuple[int, ...] | None = None,
) -> Value:  # fmt: skip
    stored = (len(channels), *window.output(*source.stored[1:]))
    if min(stored) < 1:
        raise RefusalError("must leave at least one element")
    if user is None:
        user = shape(node)[1:]
    if window == Window() and tuple(channels) == tuple(range(source.stored[0])):
        return source
    result = Value(f"%{node.name}{suffix}", stored, user)
    if image_shape(user) != stored:
        raise AssertionError(f"{node.name}: {user} is not stored as {stored}")
    reading.steps.append(
        CopyStep(
            name=f"{qualified_name(node)}{suffix}", source=source.name, output=result.name, channels=tuple(channels),
            window=window,
        )
    )  # fmt: skip
    return result
