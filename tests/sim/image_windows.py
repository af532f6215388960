"""Windows drawn at random, on an image of a given size or from one size to another."""

from __future__ import annotations

import numpy as np

from zeroskip.contracts.graph import Window


def any_window(rng: np.random.Generator, height: int, width: int) -> Window:
    """Kernels up to 5, strides up to 4, dilation up to 2, and every kind of padding, per axis or alike on both."""
    square = rng.random() < 0.6 and min(height, width) > 1
    rows = _any_axis(rng, height)
    columns = rows if square and _positions(rows, width) > 0 else _any_axis(rng, width)
    return _window(rows, columns)


_Axis = tuple[int, int, int, int, int]
"""kernel, stride, dilation, padding before and behind."""


def _any_axis(rng: np.random.Generator, size: int) -> _Axis:
    kernel, stride = int(rng.choice([1, 2, 3, 3, 3, 4, 5])), int(rng.choice([1, 1, 1, 1, 1, 2, 2, 3, 4]))
    dilation = int(rng.choice([1, 1, 1, 1, 1, 2]))
    if size == 1 and rng.random() < 0.9:
        return 1, 1, 1, 0, 0
    extent = dilation * (kernel - 1) + 1
    kind = str(rng.choice(["none", "same", "half", "any", "slice", "far"], p=[0.2, 0.25, 0.25, 0.17, 0.1, 0.03]))
    before = behind = 0
    if kind == "same":  # as TensorFlow has it: the odd one behind
        total = max(0, (-(-size // stride) - 1) * stride + extent - size)
        before, behind = total // 2, total - total // 2
    elif kind == "half":
        before = behind = extent // 2
    elif kind in ("any", "far"):
        before, behind = rng.integers(0, extent + (2 if kind == "far" else 0), size=2).tolist()
    elif kind == "slice":
        before, behind = (-rng.integers(0, size // 2 + 1, size=2)).tolist()
    axis = kernel, stride, dilation, before, behind
    if _positions(axis, size) > 0:
        return axis
    return min(kernel, size), stride, 1, 0, 0


def _positions(axis: _Axis, size: int) -> int:
    kernel, stride, dilation, before, behind = axis
    return (size + before + behind - dilation * (kernel - 1) - 1) // stride + 1


def _window(rows: _Axis, columns: _Axis) -> Window:
    pairs = tuple(zip(rows, columns, strict=True))
    return Window(kernel=pairs[0], stride=pairs[1], dilation=pairs[2], padding=pairs[3] + pairs[4])


def any_stride(rng: np.random.Generator, height: int, width: int) -> tuple[int, int]:
    stride = int(rng.choice([1, 1, 1, 2, 2, 3, 4]))
    return (stride if height > 1 else 1), (stride if width > 1 else 1)


def window_between(rng: np.random.Generator, size: tuple[int, int], target: tuple[int, int]) -> Window | None:
    """A window that makes an image of one size into one of the other, or None where that would take mostly padding."""
    rows, columns = _axis_between(rng, size[0], target[0]), _axis_between(rng, size[1], target[1])
    return None if rows is None or columns is None else _window(rows, columns)


def _axis_between(rng: np.random.Generator, size: int, target: int) -> _Axis | None:
    if size == target == 1 and rng.random() < 0.8:
        return 1, 1, 1, 0, 0
    for _ in range(30):
        kernel, stride, dilation = (
            int(rng.choice(choice)) for choice in ([1, 2, 3, 3, 5], [1, 1, 2, 3, 4], [1, 1, 1, 2])
        )
        if size == target and rng.random() < 0.8:
            stride = 1
        extent = dilation * (kernel - 1) + 1
        total = (target - 1) * stride + extent - size + int(rng.integers(0, stride))
        if -(size // 2) <= total < extent:
            before = total // 2 + int(rng.integers(0, 2)) * (total % 2)
            return kernel, stride, dilation, before, total - before
    if target == 1:
        return size, 1, 1, 0, 0
    stride = (size - 1) // (target - 1)
    return (1, stride, 1, 0, 0) if size >= target and _positions((1, stride, 1, 0, 0), size) == target else None
