"""The order of a tensor's elements, where the user's axes are not those of the array. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[Any]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Axes:
    """From a sample as the user has it to an image: reshaped to ``shape``, transposed by ``axes``, reshaped to the image.

    shape : of the user's elements in C order; its axes may be parts of the user's own, and several of them one
    axes : a permutation of them

    ``Axes((28, 28, 3), (2, 0, 1))`` makes (channels, height, width) from (height, width, channels).
    """

    shape: tuple[int, ...]
    axes: tuple[int, ...]

    def __post_init__(self) -> None:
        if sorted(self.axes) != list(range(len(self.shape))):
            raise ValueError(f"axes must be a permutation of those of {self.shape}, not {self.axes}")

    @classmethod
    def of(cls, order: Indices) -> Axes | None:
        """The axes of ``order``, which tells for each element of the image its place in the user's tensor. None where none fit."""
        runs = _runs(order.reshape(-1))
        if runs is None:
            return None
        inner = sorted(range(len(runs)), key=lambda axis: -runs[axis][1])
        shape = tuple(runs[axis][0] for axis in inner)
        found = cls(shape, tuple(inner.index(axis) for axis in range(len(runs))))
        if found.axes == tuple(range(len(runs))):
            found = PLAIN
        walked = found.to_image(np.arange(order.size)[None], (order.size,))[0]
        return found if np.array_equal(walked, order.reshape(-1)) else None

    def to_image(self, values: Numbers, image: tuple[int, ...]) -> Numbers:
        """(N, …) as the user has them → (N, *image)."""
        if self == PLAIN:
            return values.reshape(len(values), *image)
        factored = values.reshape(len(values), *self.shape)
        return factored.transpose(0, *(axis + 1 for axis in self.axes)).reshape(len(values), *image)

    def from_image(self, values: Numbers, user: tuple[int, ...]) -> Numbers:
        """The inverse of :meth:`to_image`: (N, *image) → (N, *user)."""
        if self == PLAIN:
            return values.reshape(len(values), *user)
        turned = values.reshape(len(values), *(self.shape[axis] for axis in self.axes))
        return turned.transpose(0, *(axis + 1 for axis in np.argsort(self.axes))).reshape(len(values), *user)


PLAIN = Axes((-1,), (0,))
"""The same elements in the same order, however many."""


def _runs(order: Indices) -> list[tuple[int, int]] | None:
    """Lengths and strides of the axes that ``order`` walks, outermost first, or None where it does not walk evenly."""
    runs: list[tuple[int, int]] = []
    while len(order) > 1:
        step = int(order[1] - order[0])
        uneven = np.flatnonzero(np.diff(order) != step)
        length = int(uneven[0]) + 1 if len(uneven) else len(order)
        if len(order) % length or step < 1:
            return None
        rows = order.reshape(-1, length)
        if (np.diff(rows, axis=1) != step).any():
            return None
        runs.append((length, step))
        order = rows[:, 0]
    return runs[::-1]
