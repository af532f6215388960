"""ONNX operators without learned weights, as functions of torch tensors. All operator set versions of attributes and inputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from zeroskip.frontend.refusal import RefusalError

from .network import Array, Operand, as_tensor

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


def max_pool(attributes: Attributes, x: Tensor) -> Tensor:
    """MaxPool. It pads with minus infinity where torch's own padding, symmetric and at most half the kernel, does not suffice."""
    kernel = spatial(attributes, "kernel_shape", 0)
    axes = _image_axes(x, kernel)
    before, after = pads(attributes, x.shape[2:], kernel)
    plain = before == after and all(2 * p <= k for p, k in zip(before, kernel, strict=True))
    if not plain:
        x = pad_image(x, before, after, -math.inf)
    pool = F.max_pool1d if axes == 1 else F.max_pool2d
    return pool(
        x, kernel, spatial(attributes, "strides", axes), before if plain else 0,
        spatial(attributes, "dilations", axes), ceil_mode=bool(attributes.get("ceil_mode", 0)),
    )  # fmt: skip


def average_pool(attributes: Attributes, x: Tensor) -> Tensor:
    """AveragePool."""
    kernel = spatial(attributes, "kernel_shape", 0)
    axes = _image_axes(x, kernel)
    before, after = pads(attributes, x.shape[2:], kernel)
    strides, dilations = spatial(attributes, "strides", axes), spatial(attributes, "dilations", axes)
    counted = bool(attributes.get("count_include_pad", 0))
    left = [
        (length + a + b - d * (k - 1) - 1) % s
        for length, a, b, k, s, d in zip(x.shape[2:], before, after, kernel, strides, dilations, strict=True)
    ]
    ceil = bool(attributes.get("ceil_mode", 0)) and any(left)
    padded = any([*before, *after])
    if max(dilations) > 1:
        if ceil or (padded and not counted):
            raise RefusalError("with dilations every window must be whole, with padding counted or none")
        x = pad_image(x, before, after)
        weight = torch.full((x.shape[1], 1, *kernel), 1 / math.prod(kernel), dtype=x.dtype)
        conv = F.conv1d if axes == 1 else F.conv2d
        return conv(x, weight, None, strides, 0, dilations, x.shape[1])
    pool: Function = F.avg_pool1d if axes == 1 else F.avg_pool2d
    if before == after and all(2 * p <= k for p, k in zip(before, kernel, strict=True)):
        return pool(x, kernel, strides, before, ceil, counted)  # type: ignore[no-any-return]
    if ceil or not counted:
        raise RefusalError(
            f"every window must divide by the same number, but padding {before + after} is not counted "
            "(count_include_pad=0)"
            if not counted
            else "ceil_mode must be 0 with padding that is not symmetric"
        )
    return pool(pad_image(x, before, after), kernel, strides)  # type: ignore[no-any-return]


def reduce(attributes: Attributes, function: Function, x: Tensor, axes: Operand = None) -> Tensor:
    """ReduceMean and ReduceMax; over all axes if none are given."""
    over = attributes.get("axes") if axes is None else numbers(axes)
    if over is None:
        over = [] if attributes.get("noop_with_empty_axes", 0) else list(range(x.ndim))
    return function(x, over, bool(attributes.get("keepdims", 1))) if over else x


def clip(attributes: Attributes, x: Tensor, low: Operand = None, high: Operand = None) -> Tensor:
    """Clip."""
    lower = attributes.get("min") if low is None else numbers(low)[0]
    upper = attributes.get("max") if high is None else numbers(high)[0]
    return x if lower is None and upper is None else torch.clamp(x, lower, upper)


def prelu(attributes: Attributes, x: Tensor, slope: Operand) -> Tensor:
    """PRelu, of one slope or one per channel."""
    values = as_tensor(slope, x)
    per_channel = (x.shape[1], *[1] * (x.ndim - 2)) if x.ndim > 1 else ()
    if values.numel() != 1 and tuple(values.shape) not in (per_channel, (1, *per_channel)):
        raise RefusalError(f"slopes must be one, or one per channel {per_channel}, not shape {tuple(values.shape)}")
    return F.prelu(x, values.reshape(-1))


def hard_sigmoid(attributes: Attributes, x: Tensor) -> Tensor:
    """HardSigmoid: a clip of a line."""
    slope, shift = attributes.get("alpha", 0.2), attributes.get("beta", 0.5)
    if math.isclose(slope, 1 / 6, rel_tol=1e-6) and shift == 0.5:
        return F.hardsigmoid(x)
    return torch.clamp(x * slope + shift, 0, 1)


def binary(function: Function, attributes: Attributes, x: Operand, y: Operand) -> Tensor:
    """Add, Sub, Mul and Div."""
    like = x if isinstance(x, Tensor) else y
    assert isinstance(like, Tensor)
    return function(as_tensor(x, like), as_tensor(y, like))  # type: ignore[no-any-return]


def total(attributes: Attributes, *inputs: Operand) -> Tensor:
    """Sum of any number of tensors."""
    result = inputs[0]
    for other in inputs[1:]:
        result = binary(torch.add, attributes, result, other)
    assert isinstance(result, Tensor)
    return result


def reshape(attributes: Attributes, x: Tensor, shape: Operand = None) -> Tensor:
    """Reshape; 0 copies an axis."""
    wanted = [int(n) for n in (attributes["shape"] if shape is None else numbers(shape))]
    if not attributes.get("allowzero", 0):
        wanted = [x.shape[axis] if n == 0 else n for axis, n in enumerate(wanted)]
    return x.reshape(wanted)


def flatten(attributes: Attributes, x: Tensor) -> Tensor:
    """Flatten to two axes."""
    axis = int(attributes.get("axis", 1))
    rows = math.prod(x.shape[: axis + x.ndim if axis < 0 else axis])
    return x.reshape(rows, -1)


def squeeze(attributes: Attributes, x: Tensor, axes: Operand = None) -> Tensor:
    """Squeeze."""
    over = attributes.get("axes") if axes is None else numbers(axes)
    return x.squeeze() if over is None else x.squeeze(tuple(over))


def unsqueeze(attributes: Attributes, x: Tensor, axes: Operand = None) -> Tensor:
    """Unsqueeze."""
    over = attributes["axes"] if axes is None else numbers(axes)
    rank = x.ndim + len(over)
    for axis in sorted(axis % rank for axis in over):
        x = x.unsqueeze(axis)
    return x


def pad(
    attributes: Attributes, x: Tensor, amounts: Operand = None, value: Operand = None, axes: Operand = None
) -> Tensor:
    """Pad."""
    mode = attributes.get("mode", b"constant").decode()
    both = [int(n) for n in (attributes["pads"] if amounts is None else numbers(amounts))]
    over = list(range(x.ndim)) if axes is None else [int(axis) % x.ndim for axis in numbers(axes)]
    fill = attributes.get("value", 0.0) if value is None else numbers(value)[0]
    if mode != "constant":
        raise RefusalError(f"padding must be a constant number, not mode {mode!r}")
    before, after = [0] * x.ndim, [0] * x.ndim
    for position, axis in enumerate(over):
        before[axis], after[axis] = both[position], both[position + len(over)]
    return pad_image(x, before, after, float(fill))


def slice_axes(
    attributes: Attributes, x: Tensor, starts: Operand = None, ends: Operand = None, axes: Operand = None,
    steps: Operand = None,
) -> Tensor:  # fmt: skip
    """Slice, forward steps only."""
    first = attributes["starts"] if starts is None else numbers(starts)
    last = attributes["ends"] if ends is None else numbers(ends)
    over = attributes.get("axes", list(range(len(first)))) if axes is None else numbers(axes)
    by = [1] * len(first) if steps is None else numbers(steps)
    if min(by) < 1:
        raise RefusalError(f"steps must be above zero, not {min(by)}")
    cut = [slice(None)] * x.ndim
    for axis, a, b, step in zip(over, first, last, by, strict=True):
        cut[axis] = slice(int(a), int(b), int(step))
    return x[tuple(cut)]


def split(attributes: Attributes, outputs: int, x: Tensor, sizes: Operand = None) -> Sequence[Tensor]:
    """Split, into given or equal sizes."""
    axis = int(attributes.get("axis", 0))
    given = attributes.get("split") if sizes is None else numbers(sizes)
    part = -(-x.shape[axis] // outputs)
    return torch.split(x, [int(n) for n in given] if given is not None else part, axis)


def concat(attributes: Attributes, *parts: Operand) -> Tensor:
    """Concat."""
    like = next(part for part in parts if isinstance(part, Tensor))
    return torch.cat([as_tensor(part, like) for part in parts], int(attributes["axis"]))


def dropout(attributes: Attributes, x: Tensor, ratio: Operand = None, training: Operand = None) -> Tensor:
    """Changes nothing, unless it is told to train."""
    if training is not None and any(numbers(training)):
        raise RefusalError("must be in inference mode, not training_mode")
    return x


def cast(attributes: Attributes, x: Tensor) -> Tensor:
    """Changes nothing between floating point types."""
    if attributes["to"] not in (1, 10, 11, 16):
        raise RefusalError(f"may only cast between floating point types, not to ONNX type {attributes['to']}")
    return x


def gelu(attributes: Attributes, x: Tensor) -> Tensor:
    """Gelu, exact or by tanh."""
    return F.gelu(x, approximate=attributes.get("approximate", b"none").decode())


def shrink(attributes: Attributes, x: Tensor) -> Tensor:
    """Shrink."""
    limit, by = attributes.get("lambd", 0.5), attributes.get("bias", 0.0)
    return torch.where(x < -limit, x + by, torch.where(x > limit, x - by, 0.0))


def extreme(function: Function, attributes: Attributes, *inputs: Operand) -> Tensor:
    """Min and Max of any number of tensors."""
    result = inputs[0]
    for other in inputs[1:]:
        result = binary(function, attributes, result, other)
    assert isinstance(result, Tensor)
    return result


def where(attributes: Attributes, condition: Operand, x: Operand, y: Operand) -> Tensor:
    """Where."""
    like = next(value for value in (x, y, condition) if isinstance(value, Tensor))
    real = torch.float32 if like.dtype == torch.bool else like.dtype
    first, second = (value if isinstance(value, Tensor) else torch.as_tensor(value, dtype=real) for value in (x, y))
    return torch.where(torch.as_tensor(condition), first, second)


def leaky_relu(attributes: Attributes, x: Tensor) -> Tensor:
    """LeakyRelu."""
    return F.leaky_relu(x, attributes.get("alpha", 0.01))


def plain(function: Function, attributes: Attributes, x: Tensor) -> Tensor:
    """A function of one tensor."""
    return function(x)  # type: ignore[no-any-return]


def over_image(function: Function, attributes: Attributes, x: Tensor) -> Tensor:
    """GlobalAveragePool and GlobalMaxPool."""
    return function(x, list(range(2, x.ndim)), True)  # type: ignore[no-any-return]


FUNCTIONS: dict[str, Function] = {
    "Relu": partial(plain, F.relu),
    "Sigmoid": partial(plain, torch.sigmoid),
    "Tanh": partial(plain, torch.tanh),
    "HardSwish": partial(plain, F.hardswish),
    "HardSigmoid": hard_sigmoid,
    "LeakyRelu": leaky_relu,
    "PRelu": prelu,
    "Clip": clip,
    "Elu": lambda attributes, x: F.elu(x, attributes.get("alpha", 1.0)),
    "Celu": lambda attributes, x: F.celu(x, attributes.get("alpha", 1.0)),
    "Selu": lambda attributes, x: (
        attributes.get("gamma", 1.0507009873554805) * F.elu(x, attributes.get("alpha", 1.6732632423543772))
    ),
    "Gelu": gelu,
    "Mish": partial(plain, F.mish),
    "Softplus": partial(plain, F.softplus),
    "Softsign": partial(plain, F.softsign),
    "Swish": lambda attributes, x: x * torch.sigmoid(attributes.get("alpha", 1.0) * x),
    "ThresholdedRelu": lambda attributes, x: F.threshold(x, attributes.get("alpha", 1.0), 0.0),
    "Shrink": shrink,
    **{
        name: partial(plain, getattr(torch, name.lower()))
        for name in (
            "Abs",
            "Neg",
            "Exp",
            "Log",
            "Sqrt",
            "Reciprocal",
            "Erf",
            "Sin",
            "Cos",
            "Tan",
            "Asin",
            "Acos",
            "Atan",
            "Sinh",
            "Cosh",
            "Asinh",
            "Acosh",
            "Atanh",
            "Ceil",
            "Floor",
            "Round",
            "Sign",
        )
    },
    "Not": partial(plain, torch.logical_not),
    "Greater": partial(binary, torch.gt),
    "GreaterOrEqual": partial(binary, torch.ge),
    "Less": partial(binary, torch.lt),
    "LessOrEqual": partial(binary, torch.le),
    "Equal": partial(binary, torch.eq),
    "And": partial(binary, torch.logical_and),
    "Or": partial(binary, torch.logical_or),
    "Xor": partial(binary, torch.logical_xor),
    "Where": where,
    "Pow": partial(binary, torch.pow),
    "Min": partial(extreme, torch.minimum),
    "Max": partial(extreme, torch.maximum),
    "Add": partial(binary, torch.add),
    "Sub": partial(binary, torch.sub),
    "Mul": partial(binary, torch.mul),
    "Div": partial(binary, torch.div),
    "Sum": total,
    "MaxPool": max_pool,
    "AveragePool": average_pool,
    "GlobalAveragePool": partial(over_image, torch.mean),
    "GlobalMaxPool": partial(over_image, torch.amax),
    "ReduceMean": lambda attributes, x, axes=None: reduce(attributes, torch.mean, x, axes),
    "ReduceMax": lambda attributes, x, axes=None: reduce(attributes, torch.amax, x, axes),
    "Flatten": flatten,
    "Reshape": reshape,
    "Squeeze": squeeze,
    "Unsqueeze": unsqueeze,
    "Pad": pad,
    "Slice": slice_axes,
    "Concat": concat,
    "Dropout": dropout,
    "Cast": cast,
    "Identity": partial(plain, lambda x: x),
}
"""Operator → function of its attributes and inputs."""


def host_array(value: Array) -> Array:
    """An array in the type that torch would give it. Half precision becomes single, since the host has no half arithmetic."""
    return value.astype(np.float32) if value.dtype.kind == "f" or value.dtype.name == "bfloat16" else value


def _image_axes(x: Tensor, kernel: Sequence[int]) -> int:
    if len(kernel) not in (1, 2) or x.ndim != len(kernel) + 2:
        raise RefusalError(
            f"input must be (batch, channels, length) or (batch, channels, height, width), not {tuple(x.shape)}"
        )
    return len(kernel)
