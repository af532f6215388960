"""Attributes of ONNX nodes, and the padding that they ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from zeroskip.frontend.refusal import RefusalError

from .network import Operand

Attributes = Mapping[str, Any]
Function = Callable[..., Any]


def numbers(value: Operand) -> list[Any]:
    """The numbers of an array that an operator needs while the network is captured."""
    if isinstance(value, Tensor) or value is None:
        raise RefusalError("shapes, axes and limits must be constants, not results of the network")
    return list(np.atleast_1d(value).tolist())


def spatial(attributes: Attributes, name: str, axes: int, otherwise: int = 1) -> list[int]:
    """An attribute with one number per spatial axis."""
    return [int(number) for number in attributes.get(name) or [otherwise] * axes]


def pads(attributes: Attributes, size: Sequence[int], kernel: Sequence[int]) -> tuple[list[int], list[int]]:
    """Padding before and after each spatial axis of an image, from ``pads`` or ``auto_pad``."""
    axes = len(kernel)
    strides, dilations = spatial(attributes, "strides", axes), spatial(attributes, "dilations", axes)
    auto = attributes.get("auto_pad", b"NOTSET").decode()
    if auto in ("NOTSET", "VALID"):
        both = spatial(attributes, "pads", 2 * axes, 0) if auto == "NOTSET" else [0] * 2 * axes
        return both[:axes], both[axes:]
    totals = [
        max((-(-length // stride) - 1) * stride + dilation * (k - 1) + 1 - length, 0)
        for length, k, stride, dilation in zip(size, kernel, strides, dilations, strict=True)
    ]
    small, large = [total // 2 for total in totals], [total - total // 2 for total in totals]
    return (small, large) if auto == "SAME_UPPER" else (large, small)


def pad_image(x: Tensor, before: Sequence[int], after: Sequence[int], value: float = 0.0) -> Tensor:
    """``x`` with padding around its last axes."""
    if not any([*before, *after]):
        return x
    amounts = [amount for pair in zip(reversed(before), reversed(after), strict=True) for amount in pair]
    return F.pad(x, amounts, value=value)
