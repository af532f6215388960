"""ONNX operators without learned weights, as functions of torch tensors. All operator set versions of attributes and inputs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from zeroskip.frontend.refusal import RefusalError

from . import moving
from .attributes import Attributes, Function, numbers, pad_image, pads, spatial
from .network import Array, Operand, as_tensor


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
    if not over:
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


def softmax(function: Function, attributes: Attributes, x: Tensor) -> Tensor:
    """Softmax and LogSoftmax. Before operator set 13 they work on all axes from one on."""
    axis = int(attributes.get("axis", -1 if attributes["opset"] >= 13 else 1)) % x.ndim
    if attributes["opset"] < 13:
        longer = [a for a in range(axis, x.ndim) if x.shape[a] > 1]
        if len(longer) > 1:
            raise RefusalError(f"must work on one axis, not on all of {tuple(x.shape)} from axis {axis} on")
        axis = longer[0] if longer else axis
    return function(x, axis)  # type: ignore[no-any-return]


def place(function: Function, attributes: Attributes, x: Tensor) -> Tensor:
    """ArgMax and ArgMin."""
    if attributes.get("select_last_index", 0):
        raise RefusalError("select_last_index must be 0")
    return function(x, int(attributes.get("axis", 0)), bool(attributes.get("keepdims", 1)))  # type: ignore[no-any-return]


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


def average(attributes: Attributes, *inputs: Operand) -> Tensor:
    """Mean of any number of tensors."""
    return total(attributes, *inputs) / len(inputs)


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
    "Mean": average,
    "MaxPool": max_pool,
    "AveragePool": average_pool,
    "GlobalAveragePool": partial(over_image, torch.mean),
    "GlobalMaxPool": partial(over_image, torch.amax),
    "ReduceMean": lambda attributes, x, axes=None: reduce(attributes, torch.mean, x, axes),
    "ReduceSum": lambda attributes, x, axes=None: reduce(attributes, torch.sum, x, axes),
    "ReduceMin": lambda attributes, x, axes=None: reduce(attributes, torch.amin, x, axes),
    "ReduceMax": lambda attributes, x, axes=None: reduce(attributes, torch.amax, x, axes),
    "Flatten": moving.flatten,
    "Reshape": moving.reshape,
    "Squeeze": moving.squeeze,
    "Unsqueeze": moving.unsqueeze,
    "Transpose": moving.transpose,
    "Expand": moving.expand,
    "Tile": lambda attributes, x, times: x.repeat([int(n) for n in numbers(times)]),
    "Gather": moving.gather,
    "DepthToSpace": moving.depth_to_space,
    "SpaceToDepth": moving.space_to_depth,
    "Resize": moving.resize,
    "Upsample": lambda attributes, x, scales=None: moving.resize(attributes, x, None, scales),
    "Softmax": partial(softmax, torch.softmax),
    "LogSoftmax": partial(softmax, torch.log_softmax),
    "ArgMax": partial(place, torch.argmax),
    "ArgMin": partial(place, torch.argmin),
    "Pad": moving.pad,
    "Slice": moving.slice_axes,
    "Concat": moving.concat,
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
