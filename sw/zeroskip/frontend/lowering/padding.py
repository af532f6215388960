"""The padding that a window needs for a number of outputs."""

from __future__ import annotations


def padding_after(length: int, count: int, kernel: int, stride: int, dilation: int, before: int) -> int:
    """Padding after an axis that gives ``count`` outputs: none where that suffices, else the least that does. Negative padding cuts."""
    least = (count - 1) * stride + dilation * (kernel - 1) + 1 - length - before
    return min(max(least, 0), least + stride - 1)
