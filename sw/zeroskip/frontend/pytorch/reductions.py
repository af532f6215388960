"""Readers of the operators that take the sum, mean or maximum over whole axes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from torch import fx

from zeroskip.contracts.graph import Layer, Shape, Window
from zeroskip.frontend.refusal import RefusalError

from .layouts import image_of, in_whole
from .nodes import arguments, qualified_name, shape
from .orders import BATCH, Order, plain, whole
from .pointwise import affine
from .reading import Reading, Value


def mean(node: fx.Node, reading: Reading) -> Value:
    """The mean over axes of a sample."""
    return _reduce(node, reading, lambda count: 1.0 / count)


def total(node: fx.Node, reading: Reading) -> Value:
    """The sum over axes of a sample."""
    return _reduce(node, reading, lambda count: 1.0)


def maximum(node: fx.Node, reading: Reading) -> Value:
    """The maximum over axes of a sample."""
    return _reduce(node, reading, None)


def minimum(node: fx.Node, reading: Reading) -> Value:
    """The minimum over axes of a sample: the maximum of the negative, made negative."""
    value = in_whole(node, reading, reading.value(arguments(node)["self"]))
    minus, zero = np.full(1, -1.0), np.zeros(1)
    lowest = _reduced(node, reading, affine(node, reading, value, minus, zero, ".turned"), None)
    return affine(node, reading, lowest, minus, zero, ".back")


def _reduce(node: fx.Node, reading: Reading, weight_for: Callable[[int], float] | None) -> Value:
    value = in_whole(node, reading, reading.value(arguments(node)["self"]))
    return _reduced(node, reading, value, weight_for)


def _reduced(node: fx.Node, reading: Reading, value: Value, weight_for: Callable[[int], float] | None) -> Value:
    """The sum of elements times a weight that their number gives, or their maximum."""
    given = arguments(node)
    if given.get("dtype") is not None and not given["dtype"].is_floating_point:
        raise RefusalError(f"must stay a floating point number, not become {given['dtype']}")
    rank = value.order.ndim
    wanted = given.get("dim")
    axes = [wanted] if isinstance(wanted, int) else wanted
    over = sorted({axis % rank for axis in axes or range(rank)})
    count = math.prod(value.order.shape[axis] for axis in over)
    rows = np.moveaxis(value.order, over, range(rank - len(over), rank)).reshape(-1, count)
    samples = rows // math.prod(value.stored)
    if (samples != samples[:, :1]).any():
        raise RefusalError(BATCH)
    weight = None if weight_for is None else weight_for(count)
    if count == 1 and weight in (None, 1.0):
        return replace(value, order=value.order.reshape(shape(node)))
    places = rows % math.prod(value.stored)
    spanned = _spanned(places, value.stored)
    if spanned is None or (
        spanned[0] and weight is None
    ):  # moved together first: no layer takes a maximum over channels
        first = whole(rows.reshape(reading.batch, -1, count), reading.batch, math.prod(value.stored))
        source = image_of(node, reading, value, first[..., None])
        value = Value(source.value, source.stored, value.order)
        places = plain(source.shape).reshape(-1, count) if not source.turned else np.sort(first)
        places = np.tile(places, (reading.batch, 1))
        spanned = (False, True, False) if not source.turned else (False, False, True)
    return _walk(node, reading, value, places, samples[:, 0], spanned, weight)


def _spanned(places: Order, stored: Shape) -> tuple[bool, bool, bool] | None:
    """Which of channels, height and width each row of ``places`` takes all of, the same for all rows; None where it is not so."""
    if (np.diff(np.sort(places, axis=1), axis=1) == 0).any():
        return None
    parts = np.unravel_index(places, stored)
    spanned = tuple(bool((part != part[:, :1]).any()) for part in parts)
    covered = math.prod(length for length, all_of_it in zip(stored, spanned, strict=True) if all_of_it)
    return spanned if covered == places.shape[1] else None  # type: ignore[return-value]


def _walk(
    node: fx.Node, reading: Reading, value: Value, places: Order, samples: Order, spanned: tuple[bool, bool, bool],
    weight: float | None,
) -> Value:  # fmt: skip
    channels, height, width = value.stored
    kernel = (height if spanned[1] else 1, width if spanned[2] else 1)
    rows, columns = (1, channels) if spanned[0] else (channels, 1)
    full = np.full((rows, columns, *kernel), 1.0 if weight is None else weight)
    window = Window(kernel=kernel, stride=kernel)
    reading.steps.append(
        Layer(
            name=qualified_name(node), source=value.name, output=f"%{node.name}", weight=full, mask=full != 0,
            bias=np.zeros(rows), window=window, groups=1 if spanned[0] else channels, structural=True, maximum=weight is None,
        )
    )  # fmt: skip
    stored = (rows, *window.output(height, width))
    kept = [
        np.zeros(len(places), dtype=np.int64) if all_of_it else part[:, 0]
        for part, all_of_it in zip(np.unravel_index(places, value.stored), spanned, strict=True)
    ]
    order = np.ravel_multi_index(kept, stored) + math.prod(stored) * samples
    return Value(f"%{node.name}", stored, order.reshape(shape(node)))
