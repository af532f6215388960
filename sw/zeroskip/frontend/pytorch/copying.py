"""Stored copies of a value in another order, made of as few layers, and as cheap ones, as the order allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from torch import fx

from zeroskip.contracts.graph import FloatArray, Layer, Shape, Window
from zeroskip.frontend.lowering.steps import AddStep, AffineStep, CopyStep, FlattenStep, size
from zeroskip.frontend.refusal import RefusalError

from .nodes import qualified_name
from .orders import FILL, Order, block_of, cut_of, renumbered, taps_of
from .reading import Reading, Value

MOST_TAPS = 64
"""Taps of a window in which each channel takes one."""

MOST_WEIGHTS = 1 << 25
"""Weights of a layer that moves elements about: beyond it they take too much memory."""


def copied(node: fx.Node, reading: Reading, value: Value, first: Order) -> str:
    """The name of a stored copy with the elements at ``first``, (channels, height, width)."""
    wanted: Shape = first.shape
    if reading.is_refused(value):
        return value.name
    key = (value.name, value.fill, wanted, first.tobytes())
    if key in reading.made:
        return reading.made[key]
    if 0 in wanted:
        raise RefusalError("must leave at least one element")
    fill = value.fill if (first == FILL).any() else 0.0
    if not np.isfinite(fill):
        raise RefusalError("input must not be padded with minus infinity; only max pooling may read that")
    name = value.moved_by or qualified_name(node)
    output = reading.made[key] = f"%{node.name}.moved{len(reading.made)}"
    source = value.name
    if fill:  # lowered by the number, padded with zeros, and raised again
        source = _shifted(reading, f"{name}.lowered", source, f"{output}.lowered", value.stored[0], -fill)
    target, label = (f"{output}.padded", f"{name}.padded") if fill else (output, name)
    _pieces(reading, label, source, value.stored, target, first)
    if fill:
        _shifted(reading, name, target, output, wanted[0], fill)
    return output


def _shifted(reading: Reading, name: str, source: str, output: str, channels: int, by: float) -> str:
    reading.steps.append(
        AffineStep(
            name=name, source=source, output=output, scale=np.ones(channels), shift=np.full(channels, by)
        )
    )  # fmt: skip
    return output


def _pieces(reading: Reading, name: str, source: str, stored: Shape, output: str, first: Order) -> None:
    """The image ``output`` with elements of ``source`` at ``first`` and zeros where nothing is.

    Cut out at once; or a line of it repeated; or pieces added up; or each element gathered for itself.
    """
    if _cut(reading, name, source, stored, output, first) or _tapped(reading, name, source, stored, output, first):
        return
    for axis in (1, 2):
        runs = _runs(first, stored, axis)
        if runs is None:
            continue
        if runs == [_Run(0, first.shape[axis], still=True)]:
            _pieces(reading, f"{name}.line", source, stored, f"{output}.line", first.take([0], axis=axis))
            _repeat(reading, name, f"{output}.line", output, first.shape, axis)
            return
        if len(runs) > 1 and _added_cost(first, len(runs)) < _gathered_cost(first):
            names = [f"{output}.{index}" for index in range(len(runs))]
            for index, run in enumerate(runs):
                _piece(reading, f"{name}.{index}", source, stored, names[index], first, axis, run)
            add_up(reading, name, names, output)
            return
    _gather(reading, name, source, stored, output, first)


def _piece(
    reading: Reading, name: str, source: str, stored: Shape, output: str, first: Order, axis: int, run: _Run
) -> None:
    """What ``run`` has of ``first``, with zeros before and behind it along that axis."""
    if not run.still:
        inside = np.zeros(first.shape[axis], dtype=bool)
        inside[run.start : run.end] = True
        kept = np.where(np.expand_dims(inside, [other for other in range(3) if other != axis]), first, FILL)
        _pieces(reading, name, source, stored, output, kept)
        return
    _pieces(reading, f"{name}.part", source, stored, f"{output}.part", first.take(range(run.start, run.end), axis=axis))
    around = [0, 0, 0, 0]
    around[axis - 1], around[axis + 1] = run.start, first.shape[axis] - run.end
    channels, window = tuple(range(first.shape[0])), Window(padding=tuple(around))  # type: ignore[arg-type]
    reading.steps.append(CopyStep(name=name, source=f"{output}.part", output=output, channels=channels, window=window))


def _added_cost(first: Order, pieces: int) -> float:
    """Cycles, roughly, on a middling array."""
    return pieces * (60 + first.size / 20)


def _gathered_cost(first: Order) -> float:
    channels, height, width = first.shape
    return float(80 + first.size + channels * (height * width) ** 2 / 64)


def add_up(reading: Reading, name: str, parts: Sequence[str], output: str) -> None:
    """The sum of values of one shape, as the value ``output``."""
    total = parts[0]
    for index, part in enumerate(parts[1:], 1):
        added = output if index == len(parts) - 1 else f"{output}.{index}.added"
        reading.steps.append(AddStep(name=f"{name}.{index}.added", sources=(total, part), output=added))
        total = added


def _repeat(reading: Reading, name: str, source: str, output: str, wanted: Shape, axis: int) -> None:
    """A line repeated along the height or width: twice as long with every layer, which adds it to itself beyond its end."""
    length, channels = 1, wanted[0]
    while length < wanted[axis]:
        longer = min(2 * length, wanted[axis])
        last = longer == wanted[axis]
        kernel, dilation, padding = [1, 1], [1, 1], [0, 0, 0, 0]
        kernel[axis - 1], dilation[axis - 1] = 2, length
        padding[axis - 1], padding[axis + 1] = length, longer - length
        weight = np.ones((channels, 1, *kernel))
        made = output if last else f"{output}.{longer}"
        reading.steps.append(
            Layer(
                name=name if last else f"{name}.{longer}", source=source, output=made, weight=weight, mask=weight != 0,
                bias=np.zeros(channels), groups=channels, structural=True,
                window=Window(kernel=(kernel[0], kernel[1]), dilation=(dilation[0], dilation[1]), padding=tuple(padding)),  # type: ignore[arg-type]
            )
        )  # fmt: skip
        source, length = made, longer


def _cut(reading: Reading, name: str, source: str, stored: Shape, output: str, first: Order) -> bool:
    """Append one copy, or two where what is cut away must not come back as padding. False where these do not suffice."""
    cut = cut_of(first, stored)
    if cut is not None:
        reading.steps.append(
            CopyStep(name=name, source=source, output=output, channels=cut.channels, window=cut.window)
        )
        return True
    block = block_of(first, stored)
    part = None if block is None else block.order(stored)
    inner = None if part is None else cut_of(part, stored)
    if part is None or inner is None or part.size == size(stored):
        return False
    outer = cut_of(renumbered(first, part, size(stored)), part.shape)
    if outer is None:
        return False
    reading.steps += [
        CopyStep(
            name=f"{name}.part", source=source, output=f"{output}.part", channels=inner.channels, window=inner.window
        ),
        CopyStep(name=name, source=f"{output}.part", output=output, channels=outer.channels, window=outer.window),
    ]
    return True


def _tapped(reading: Reading, name: str, source: str, stored: Shape, output: str, first: Order) -> bool:
    """Append the layer in which each channel has a tap of its own. False where there is none, or its window is large."""
    taps = taps_of(first, stored)
    if taps is None or prod(taps.window.kernel) > MOST_TAPS:
        return False
    weight = np.zeros(_few_enough(len(first), stored[0], *taps.window.kernel))
    for row, (channel, y, x) in enumerate(zip(taps.channels, taps.rows, taps.columns, strict=True)):
        if channel is not None:
            weight[row, channel, y, x] = 1.0
    _moving(reading, name, source, output, weight, taps.window)
    return True


@dataclass(frozen=True)
class _Run:
    """Places from ``start`` to before ``end`` along an axis, which walk evenly along the source or stand still there."""

    start: int
    end: int
    still: bool


def _runs(first: Order, stored: Shape, axis: int) -> list[_Run] | None:
    """``first`` in parts along its height or width. None where a line comes from several lines of the source, or lines of one differ."""
    places = np.unravel_index(np.maximum(first, 0), stored)[axis]
    lines = np.moveaxis(np.where(first == FILL, FILL, places), axis, 0).reshape(first.shape[axis], -1)
    walked = lines.max(axis=1)
    if ((lines != walked[:, None]) & (lines != FILL)).any():
        return None
    runs: list[_Run] = []
    start = 0
    for at in range(1, len(walked) + 1):
        step = walked[start + 1] - walked[start] if at > start + 1 else None
        if at < len(walked) and FILL not in (walked[start], walked[at]):
            by = walked[at] - walked[at - 1]
            if by >= 0 and step in (None, by):
                continue
        if walked[start] != FILL:
            still = step == 0
            if still and (first.take(range(start, at), axis=axis) != first.take([start], axis=axis)).any():
                return None
            runs.append(_Run(start, at, still=still))
        start = at
    return runs


def _gather(reading: Reading, name: str, source: str, stored: Shape, output: str, first: Order) -> None:
    """Any elements at any places, by layers with one kept weight per element: to a vector, and from there to an image.

    Every window over a vector holds it at another tap: the weights at this tap are those of the position alone.
    """
    _, height, width = first.shape
    if np.array_equal(first.reshape(-1), np.arange(size(stored))) and (height, width) == (1, 1):
        reading.steps.append(FlattenStep(name=name, source=source, output=output, shape=stored))
        return
    places = first
    if stored[1:] != (1, 1) or (height, width) == (1, 1):
        taken = np.unique(first[first != FILL]) if (height, width) != (1, 1) else first.reshape(-1)
        weight = np.zeros(_few_enough(len(taken), size(stored)))
        weight[taken != FILL, taken[taken != FILL]] = 1.0
        last = (height, width) == (1, 1)
        vector = output if last else f"{output}.vector"
        _moving(reading, f"{name}.vector", source, vector, weight.reshape(-1, *stored), Window(kernel=stored[1:]))
        if last:
            return
        places = renumbered(first, taken, size(stored))
        source, stored = vector, (len(taken), 1, 1)
    elements = stored[0]
    weight = np.zeros(_few_enough(first.shape[0], elements, height, width))
    row, y, x = np.nonzero(places != FILL)
    weight[row, places[row, y, x], height - 1 - y, width - 1 - x] = 1.0
    window = Window(kernel=(height, width), padding=(height - 1, width - 1, height - 1, width - 1))
    _moving(reading, name, source, output, weight, window)


def _few_enough(*axes: int) -> tuple[int, ...]:
    if np.prod(axes, dtype=float) > MOST_WEIGHTS:
        raise RefusalError(
            f"moving elements about takes a layer of {' × '.join(map(str, axes))} weights, more than {MOST_WEIGHTS}"
        )
    return axes


def _moving(reading: Reading, name: str, source: str, output: str, weight: FloatArray, window: Window) -> None:
    reading.steps.append(
        Layer(
            name=name, source=source, output=output, weight=weight, mask=weight != 0, bias=np.zeros(len(weight)),
            window=window, structural=True,
        )
    )  # fmt: skip
