"""How fast the input is taken."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from zeroskip.contracts.graph import INPUT
from zeroskip.contracts.timing import INPUT_ROW_PAUSE

from .hosting import Hosting
from .plan import OwnedPlan

SIZES = (1, 2, 4, 8)
"""Elements that arrays may store in one cycle."""

NEAR = 1.05
"""A sample that takes this much longer is worth a loader of half the width."""


@dataclass(frozen=True, kw_only=True)
class Loading:
    """How the input's channels are stored, in steps: a step takes elements of one pixel and one beat.

    elements : most of one step
    by_channel : steps may begin at any channel, since pixels begin anywhere in a beat; else at multiples of ``elements``
    """

    elements: int
    by_channel: bool

    def begins(self, channels: int) -> range:
        """The channels at which steps may begin."""
        return range(0, channels, 1 if self.by_channel else self.elements)

    def cycles(self, shape: tuple[int, ...], beat: int) -> int:
        """Of one sample of ``shape`` (channels, height, width), in beats of ``beat`` elements, pauses included."""
        channels, height, width = shape
        period = beat // int(np.gcd(channels, beat))
        pixels = Counter(
            {pixel * channels % beat: len(range(pixel, height * width, period)) for pixel in range(period)}
        )
        return height * INPUT_ROW_PAUSE + sum(n * self._steps(channels, begin, beat) for begin, n in pixels.items())

    def _steps(self, channels: int, begin: int, beat: int) -> int:
        """Through a pixel whose first element is the beat's element ``begin``."""
        steps = done = 0
        while done < channels:
            done += min(self.elements, channels - done, beat - (begin + done) % beat)
            steps += 1
        return steps


def loading(plan: OwnedPlan, most: int, beat: int) -> Loading:
    """The fastest with ``most`` elements in a step, and of these the one with the fewest words."""
    stored = plan.tensors[INPUT]
    channels, *position = stored.shape
    found = []
    for elements in (size for size in SIZES if size <= most):
        one = Loading(elements=elements, by_channel=position != [1, 1] and channels % elements > 0)
        if _apart(stored.hosting, one):
            found.append(one)
    return min(found, key=lambda one: (one.cycles(stored.shape, beat), len(one.begins(channels)), one.elements))


def enough(plan: OwnedPlan, beat: int) -> Loading:
    """The fewest elements in a step with which the network is about as fast as with a whole beat."""
    shape = plan.tensors[INPUT].shape
    computing = sum(layer.tiles * max(int(share.mask.sum()) for share in layer.shares) for layer in plan.layers)
    tried = [loading(plan, most, beat) for most in SIZES if most <= beat]
    loads = [one.cycles(shape, beat) for one in tried]
    return next(
        one
        for one, load in zip(tried, loads, strict=True)
        if load + computing <= NEAR * (loads[-1] + computing) and load <= max(loads[-1], computing)
    )


def _apart(hosting: Hosting, loading: Loading) -> bool:
    """Whether all elements of any step lie in different lanes."""
    begins = np.array(loading.begins(len(hosting.lanes)))
    stored = np.cumsum(np.pad(hosting.lanes, ((1, loading.elements), (0, 0))), axis=0, dtype=np.intp)
    return bool((stored[begins + loading.elements] - stored[begins]).max() <= 1)
