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
    before, after = [0] * x.ndim, [0] * x.ndim
    for position, axis in enumerate(over):
        before[axis], after[axis] = both[position], both[position + len(over)]
    if mode == "constant":
        return pad_image(x, before, after, float(fill))
    for axis, (first, last) in enumerate(zip(before, after, strict=True)):
        if first or last:
            x = x.index_select(axis, torch.tensor(_around(x.shape[axis], first, last, mode)))
    return x


def _around(length: int, before: int, after: int, mode: str) -> list[int]:
    """The places along an axis that padding by the tensor's own elements takes."""
    places = np.arange(-before, length + after)
    if mode == "edge":
        return np.clip(places, 0, length - 1).tolist()  # type: ignore[no-any-return]
    if mode == "wrap":
        return (places % length).tolist()
    if mode == "reflect":
        period = max(2 * (length - 1), 1)
        return (length - 1 - np.abs(places % period - (length - 1))).tolist()  # type: ignore[no-any-return]
    raise RefusalError(f"mode must be constant, edge, reflect or wrap, not {mode!r}")


def slice_axes(
    attributes: Attributes, x: Tensor, starts: Operand = None, ends: Operand = None, axes: Operand = None,
    steps: Operand = None,
) -> Tensor:  # fmt: skip
    """Slice."""
    first = attributes["starts"] if starts is None else numbers(starts)
    last = attributes["ends"] if ends is None else numbers(ends)
    over = attributes.get("axes", list(range(len(first)))) if axes is None else numbers(axes)
    by = [1] * len(first) if steps is None else numbers(steps)
    for axis, a, b, step in zip(over, first, last, by, strict=True):
        if step > 0:
            x = x[(slice(None),) * (int(axis) % x.ndim) + (slice(int(a), int(b), int(step)),)]
        else:
            places = range(x.shape[int(axis)])[int(a) : int(b) : int(step)]
            x = x.index_select(int(axis), torch.tensor(list(places), dtype=torch.int64))
    return x


def transpose(attributes: Attributes, x: Tensor) -> Tensor:
    """Transpose."""
    return x.permute(*attributes.get("perm", list(range(x.ndim))[::-1]))


def expand(attributes: Attributes, x: Tensor, shape: Operand) -> Tensor:
    """Expand, where axes of one become longer and new ones stand in front."""
    wanted = [int(n) for n in numbers(shape)]
    return x.expand(np.broadcast_shapes(tuple(x.shape), tuple(wanted)))


def gather(attributes: Attributes, x: Tensor, indices: Operand) -> Tensor:
    """Gather at constant places."""
    axis = int(attributes.get("axis", 0)) % x.ndim
    if not isinstance(indices, np.ndarray):
        raise RefusalError("indices must be constants, not results of the network")
    taken = x.index_select(axis, torch.from_numpy(indices.reshape(-1).astype(np.int64) % x.shape[axis]))
    return taken.reshape(*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])


def depth_to_space(attributes: Attributes, x: Tensor) -> Tensor:
    """DepthToSpace."""
    by = int(attributes["blocksize"])
    batch, channels, height, width = x.shape
    if attributes.get("mode", b"DCR") == b"CRD":
        return F.pixel_shuffle(x, by)
    blocks = x.reshape(batch, by, by, channels // by**2, height, width)
    return blocks.permute(0, 3, 4, 1, 5, 2).reshape(batch, channels // by**2, height * by, width * by)


def space_to_depth(attributes: Attributes, x: Tensor) -> Tensor:
    """SpaceToDepth."""
    by = int(attributes["blocksize"])
    batch, channels, height, width = x.shape
    blocks = x.reshape(batch, channels, height // by, by, width // by, by)
    return blocks.permute(0, 3, 5, 1, 2, 4).reshape(batch, channels * by**2, height // by, width // by)


def resize(
    attributes: Attributes, x: Tensor, roi: Operand = None, scales: Operand = None, sizes: Operand = None
) -> Tensor:
    """Resize and Upsample by whole elements."""
    mode = attributes.get("mode", b"nearest").decode()
    if mode != "nearest":
        raise RefusalError(f"mode must be nearest, not {mode!r}")
    over = [int(axis) % x.ndim for axis in attributes.get("axes", range(x.ndim))]
    given = attributes.get("scales") if scales is None or not numbers(scales) else numbers(scales)
    if sizes is not None and numbers(sizes):
        lengths = [int(n) for n in numbers(sizes)]
        factors = [wanted / x.shape[axis] for axis, wanted in zip(over, lengths, strict=True)]
        policy = attributes.get("keep_aspect_ratio_policy", b"stretch").decode()
        if policy != "stretch":
            raise RefusalError(f"keep_aspect_ratio_policy must be stretch, not {policy!r}")
    else:
        factors = [float(factor) for factor in given or []]
        lengths = [int(x.shape[axis] * factor) for axis, factor in zip(over, factors, strict=True)]
    for axis, length, factor in zip(over, lengths, factors, strict=True):
        if length != x.shape[axis] or factor != 1:
            x = x.index_select(axis, torch.tensor(_nearest(attributes, x.shape[axis], length, factor)))
    return x


def _nearest(attributes: Attributes, length: int, wanted: int, factor: float) -> list[int]:
    """The place of the input for each place of the output."""
    how = attributes.get("coordinate_transformation_mode", b"half_pixel").decode()
    at = np.arange(wanted, dtype=np.float64)
    if how == "asymmetric" or attributes["opset"] < 11:
        places = at / factor
    elif how == "align_corners":
        places = at * (length - 1) / (wanted - 1) if wanted > 1 else 0 * at
    elif how in ("half_pixel", "pytorch_half_pixel"):
        places = (at + 0.5) / factor - 0.5 if wanted > 1 or how == "half_pixel" else 0 * at
    else:
        raise RefusalError(
            f"coordinate_transformation_mode must be asymmetric, align_corners or half_pixel, not {how!r}"
        )
    rounding = attributes.get("nearest_mode", b"round_prefer_floor" if attributes["opset"] >= 11 else b"floor").decode()
    functions: dict[str, Function] = {
        "floor": np.floor, "ceil": np.ceil, "round_prefer_ceil": lambda p: np.floor(p + 0.5),
        "round_prefer_floor": lambda p: np.ceil(p - 0.5),
    }  # fmt: skip
    rounded = functions[rounding](places)
    return np.clip(rounded, 0, length - 1).astype(np.int64).tolist()  # type: ignore[no-any-return]


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
    "Flatten": flatten,
    "Reshape": reshape,
    "Squeeze": squeeze,
    "Unsqueeze": unsqueeze,
    "Transpose": transpose,
    "Expand": expand,
    "Tile": lambda attributes, x, times: x.repeat([int(n) for n in numbers(times)]),
    "Gather": gather,
    "DepthToSpace": depth_to_space,
    "SpaceToDepth": space_to_depth,
    "Resize": resize,
    "Upsample": lambda attributes, x, scales=None: resize(attributes, x, None, scales),
    "Softmax": partial(softmax, torch.softmax),
    "LogSoftmax": partial(softmax, torch.log_softmax),
    "ArgMax": partial(place, torch.argmax),
    "ArgMin": partial(place, torch.argmin),
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
