"""Readers of the operators that walk a window over an image: convolution, linear, pooling and means."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import fx

from zeroskip.contracts.errors import InputError
from zeroskip.contracts.graph import BoolArray, FloatArray, Layer, Window
from zeroskip.frontend.lowering.padding import padding_after
from zeroskip.frontend.refusal import RefusalError

from .layouts import Image, image, image_of, in_whole
from .nodes import arguments, module_path, operator_name, qualified_name, shape
from .orders import BATCH, FILL, of_batch, plain, whole
from .reading import Given, Missing, Reading, Value

aten = torch.ops.aten


def convolution(node: fx.Node, reading: Reading) -> Value:
    """conv1d and conv2d, padding as numbers or by name."""
    given = arguments(node)
    axes = len(shape(given["weight"])) - 1 if isinstance(given["weight"], fx.Node) else 0
    source = image(node, reading, given["input"], axes, any_channels=given["groups"] == 1)
    learned = _learned(node, reading, "weight")
    weight, mask = learned.weight, learned.mask
    if source.channels is not None:
        stored = np.argsort(source.channels)
        weight, mask = weight[:, stored], mask[:, stored]
    stride, dilation = _spatial(given["stride"], axes), _spatial(given["dilation"], axes)
    padding = _conv_padding(given["padding"], weight.shape[2:], dilation, axes)
    if axes == 2:
        weight, mask = weight[..., None], mask[..., None]
    window = Window(kernel=weight.shape[2:], stride=_pair(stride, 1), dilation=_pair(dilation, 1), padding=padding)
    layer = Layer(
        name=learned.name, source=source.value, output=f"%{node.name}", weight=weight, mask=mask, bias=learned.bias,
        window=window, groups=given["groups"], weight_scale=learned.scale,
    )  # fmt: skip
    return _walk(node, reading, source, layer)


def linear(node: fx.Node, reading: Reading) -> Value:
    """A 1×1 convolution on the last axis. On a flattened image, a convolution whose kernel is the whole image."""
    return _product(node, reading, arguments(node)["input"], _learned(node, reading, "weight"))


def matmul(node: fx.Node, reading: Reading) -> Value:
    """A tensor times a constant matrix (inputs, outputs), on its last axis."""
    given = arguments(node)
    role = "other" if "other" in given else "mat2"
    if reading.holds(given[role]):
        raise RefusalError("must have a constant matrix on the right, not a result of the network")
    if len(shape(given[role])) != 2:
        raise RefusalError(f"the constant must be a matrix (inputs, outputs), not {shape(given[role])}")
    learned = _learned(node, reading, role, outputs_axis=1)
    return _product(node, reading, given["self"], replace(learned, weight=learned.weight.T, mask=learned.mask.T))


def average_pool(node: fx.Node, reading: Reading) -> Value:
    """avg_pool1d and avg_pool2d: a depthwise convolution, where every window divides by the same number."""
    given = arguments(node)
    axes = 2 if node.target is aten.avg_pool1d.default else 3
    source = image(node, reading, given["self"], axes)
    window = _pool_window(node, given, source.shape[1:], axes)
    divisor = given.get("divisor_override") or _divisor(
        source, window, given["padding"], given["count_include_pad"], axes
    )
    return _pool(node, reading, source, window, 1.0 / divisor)


def max_pool(node: fx.Node, reading: Reading) -> Value:
    """max_pool1d and max_pool2d. The only padding around it may be minus infinity."""
    given = arguments(node)
    axes = 2 if node.target is aten.max_pool1d.default else 3
    source, around = _padded(node, reading, given["self"], axes)
    size = (source.shape[1] + around[0] + around[2], source.shape[2] + around[1] + around[3])
    window = _pool_window(node, given, size, axes)
    window = replace(window, padding=tuple(a + b for a, b in zip(window.padding, around, strict=True)))  # type: ignore[arg-type]
    for length, before, kernel, stride, dilation, count in _axes(source, window):
        positions = np.arange(count)[:, None] * stride + np.arange(kernel) * dilation - before
        if not ((positions >= 0) & (positions < length)).any(axis=1).all():
            raise RefusalError("every window must hold an element of its input, not padding alone")
    return _pool(node, reading, source, window, None)


def _padded(node: fx.Node, reading: Reading, operand: object, axes: int) -> tuple[Image, tuple[int, int, int, int]]:
    """The image, and the padding (top, left, bottom, right) that a maximum finds around it where the model pads with minus infinity."""
    value = reading.value(operand)
    if value.fill != -math.inf or value.order.ndim != axes + 1 or (value.order == FILL).all():
        return image(node, reading, operand, axes), (0, 0, 0, 0)
    first = whole(value.order, reading.batch, math.prod(value.stored))
    first = first.reshape(*first.shape, 1) if axes == 2 else first
    _, rows, columns = (first != FILL).nonzero()
    top, left, bottom, right = (int(end) for end in (rows.min(), columns.min(), rows.max(), columns.max()))
    inside = image_of(node, reading, value, first[:, top : bottom + 1, left : right + 1])
    return inside, (top, left, first.shape[1] - 1 - bottom, first.shape[2] - 1 - right)


def adaptive_average(node: fx.Node, reading: Reading) -> Value:
    """adaptive_avg_pool1d and adaptive_avg_pool2d, where every output averages a window of the same size at the same stride."""
    source, window = _adaptive(node, reading)
    return _pool(node, reading, source, window, 1.0 / math.prod(window.kernel))


def adaptive_maximum(node: fx.Node, reading: Reading) -> Sequence[Given]:
    """adaptive_max_pool1d and adaptive_max_pool2d. The values are given; the indices are not kept."""
    source, window = _adaptive(node, reading)
    return [_pool(node, reading, source, window, None), Missing("the indices of a maximum")]


@dataclass(frozen=True, kw_only=True)
class _Learned:
    """The learned part of a layer.

    name : name of the layer
    weight : 0 where pruned
    mask : True where a weight is kept
    bias : (outputs,)
    scale : (outputs,) weight scale that a quantized model fixes, or None
    """

    name: str
    weight: FloatArray
    mask: BoolArray
    bias: FloatArray
    scale: FloatArray | None


def _learned(node: fx.Node, reading: Reading, role: str, outputs_axis: int = 0) -> _Learned:
    given = arguments(node)
    parameters = reading.parameters
    target, weight = parameters.read(given[role], "weight")
    outputs = weight.shape[outputs_axis]
    bias = np.zeros(outputs) if given.get("bias") is None else parameters.read(given["bias"], "bias")[1]
    path = module_path(node)
    own = f"{path}.weight" if path else "weight"
    owner = own if own in parameters.masks.aliases(target) else target
    name = owner.removesuffix(".weight")
    if owner in ("weight", str(given[role])):  # owned by the model itself, or computed
        name = path or operator_name(node)
    mask = parameters.masks.keep(owner, weight)
    if not np.isfinite(weight).all():
        raise InputError(f"layer {name!r}: weight must be finite, but holds NaN or infinity")
    scale = parameters.weight_scale(given[role], outputs_axis)
    return _Learned(name=name, weight=np.where(mask, weight, 0.0), mask=mask, bias=bias, scale=scale)


def _product(node: fx.Node, reading: Reading, operand: object, learned: _Learned) -> Value:
    """Weights (outputs, inputs) on the last axis, at every position of the axes before it."""
    value = in_whole(node, reading, reading.value(operand))
    batch, elements = reading.batch, math.prod(value.stored)
    features = value.order.shape[-1]
    rows = value.order.reshape(-1, features)
    samples = rows[:, 0] // elements
    if (rows // elements != samples[:, None]).any():
        raise RefusalError(BATCH)
    by_sample = np.argsort(samples, kind="stable")
    positions = len(rows) // batch
    first = whole(rows[by_sample].reshape(batch, positions, features), batch, elements)
    if positions == 1 and elements == features:  # a vector, however it is stored
        places = first[0]
        window = Window(kernel=value.stored[1:])
        source = Image(value.name, value.stored)
        stored: tuple[int, ...] = value.stored
    else:
        places = np.arange(features)
        channels, height, width = value.stored
        across = (height, width) if (channels, height * width) == (features, positions) else (positions, 1)
        source = image_of(node, reading, value, first.T.reshape(features, *across))
        window, stored = Window(), (features, 1, 1)
    weight, mask = (np.zeros((len(learned.weight), features), dtype=kind) for kind in (float, bool))
    weight[:, places], mask[:, places] = learned.weight, learned.mask
    layer = Layer(
        name=learned.name, source=source.value, output=f"%{node.name}", weight=weight.reshape(-1, *stored),
        mask=mask.reshape(-1, *stored), bias=learned.bias, window=window, weight_scale=learned.scale,
    )  # fmt: skip
    reading.steps.append(layer)
    made = (len(weight), *window.output(*source.stored[1:]))
    order = np.empty((len(rows), len(weight)), dtype=np.int64)
    order[by_sample] = of_batch(plain(made).reshape(len(weight), -1).T, batch, math.prod(made), order.shape)
    return Value(layer.output, made, order.reshape(shape(node)))


def _spatial(value: Any, axes: int) -> tuple[int, ...]:
    """One number for every spatial axis. Torch takes one for all, too."""
    numbers = tuple(value) if isinstance(value, Sequence) else (value,)
    return numbers * (axes - 1) if len(numbers) == 1 else numbers


def _pair(values: Sequence[int], last: int) -> tuple[int, int]:
    """(height, width). A sequence has no width."""
    return (values[0], values[1] if len(values) == 2 else last)


def _conv_padding(padding: Any, kernel: Sequence[int], dilation: Sequence[int], axes: int) -> tuple[int, int, int, int]:
    if padding == "same":
        totals = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    elif padding == "valid":
        totals = [0] * (axes - 1)
    else:
        totals = [2 * side for side in _spatial(padding, axes)]
    (top, left), (bottom, right) = (
        _pair([total // 2 for total in totals], 0),
        _pair([total - total // 2 for total in totals], 0),
    )
    return top, left, bottom, right


def _pool_window(node: fx.Node, given: dict[str, Any], size: tuple[int, int], axes: int) -> Window:
    kernel = _pair(_spatial(given["kernel_size"], axes), 1)
    stride = _pair(_spatial(given["stride"] or given["kernel_size"], axes), 1)
    dilation = _pair(_spatial(given.get("dilation", 1), axes), 1)
    before = _pair(_spatial(given["padding"], axes), 0)
    after = [
        padding_after(length, count, k, s, d, p)
        for length, count, k, s, d, p in zip(
            size, _pair(shape(node)[1 - axes :], 1), kernel, stride, dilation, before, strict=True
        )
    ]
    return Window(kernel=kernel, stride=stride, dilation=dilation, padding=(*before, *after))  # type: ignore[arg-type]


def _axes(source: Image, window: Window) -> list[tuple[int, int, int, int, int, int]]:
    return list(
        zip(
            source.shape[1:], window.padding[:2], window.kernel, window.stride, window.dilation,
            window.output(*source.shape[1:]), strict=True,
        )
    )  # fmt: skip


def _divisor(source: Image, window: Window, padding: Any, count_padding: bool, axes: int) -> float:
    """The number by which every window of an average divides: its elements, with or without those of the padding."""
    divisor = 1
    after = _pair(_spatial(padding, axes), 0)
    for axis, (length, before, kernel, stride, _, count) in enumerate(_axes(source, window)):
        starts = np.arange(count) * stride - before
        ends = np.minimum(starts + kernel, length + after[axis])
        if not count_padding:
            starts, ends = np.maximum(starts, 0), np.minimum(ends, length)
        sizes = sorted({int(size) for size in ends - starts})
        if len(sizes) > 1:
            raise RefusalError(
                f"every window must divide by the same number, but along one axis windows hold {sizes[0]} to {sizes[-1]} elements; "
                "use count_include_pad=True without ceil_mode, or no padding"
            )
        divisor *= sizes[0]
    return float(divisor)


def _pool(node: fx.Node, reading: Reading, source: Image, window: Window, weight: float | None) -> Value:
    """A depthwise layer of equal weights, or the maximum where ``weight`` is None."""
    channels = source.shape[0]
    full = np.full((channels, 1, *window.kernel), 1.0 if weight is None else weight)
    layer = Layer(
        name=qualified_name(node), source=source.value, output=f"%{node.name}", weight=full, mask=full != 0,
        bias=np.zeros(channels), window=window, groups=channels, structural=True, maximum=weight is None,
    )  # fmt: skip
    return _walk(node, reading, source, layer)


def _walk(node: fx.Node, reading: Reading, source: Image, layer: Layer) -> Value:
    """The value of a layer that is given in the operator's axes. An image that is stored turned is walked turned."""
    made = (layer.outputs, *layer.window.output(*source.shape[1:]))
    order = source.order(*made)
    if source.turned:
        window = layer.window
        top, left, bottom, right = window.padding
        turned = Window(
            kernel=window.kernel[::-1], stride=window.stride[::-1], dilation=window.dilation[::-1],
            padding=(left, top, right, bottom),
        )  # fmt: skip
        made = (made[0], made[2], made[1])
        layer = replace(
            layer, window=turned, weight=layer.weight.transpose(0, 1, 3, 2), mask=layer.mask.transpose(0, 1, 3, 2)
        )
    reading.steps.append(layer)
    return reading.make(node, made, order, user=_first_shape(node))


def _first_shape(node: fx.Node) -> tuple[int, ...]:
    meta = node.meta["val"]
    return tuple(int(size) for size in (meta[0] if isinstance(meta, tuple | list) else meta).shape)


def _adaptive(node: fx.Node, reading: Reading) -> tuple[Image, Window]:
    given = arguments(node)
    output = given["output_size"]
    axes = len(output) + 1
    wanted = _first_shape(node)[1 - axes :]
    source = image(node, reading, given["self"], axes)
    kernel, stride = [], []
    for length, count in zip(source.shape[1:], _pair(wanted, 1), strict=True):
        starts = np.arange(count) * length // count
        sizes = -(-(np.arange(count) + 1) * length // count) - starts
        steps = np.diff(starts)
        if len(set(sizes.tolist())) > 1 or len(set(steps.tolist())) > 1:
            raise RefusalError(f"must give windows of equal size and distance, but {length} to {count} does not")
        kernel.append(int(sizes[0]))
        stride.append(int(steps[0]) if count > 1 else int(sizes[0]))
    return source, Window(kernel=_pair(kernel, 1), stride=_pair(stride, 1))
