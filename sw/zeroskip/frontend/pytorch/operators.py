"""The supported operators: one reader each, from a node of the exported graph to steps. A new operator is a new reader here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import fx

from . import hosted, moves, pointwise, reductions, rounding, windows
from .reading import Given, Reading

aten = torch.ops.aten

Reader = Callable[[fx.Node, Reading], Given | Sequence[Given]]

_clamp = pointwise.clip("min", "max")
_hardtanh = pointwise.clip("min_val", "max_val")
_relu = pointwise.clip(0.0, float("inf"))
_relu6 = pointwise.clip(0.0, 6.0)

READERS: dict[object, Reader] = {
    aten.conv1d.default: windows.convolution,
    aten.conv1d.padding: windows.convolution,
    aten.conv2d.default: windows.convolution,
    aten.conv2d.padding: windows.convolution,
    aten.linear.default: windows.linear,
    aten.matmul.default: windows.matmul,
    aten.mm.default: windows.matmul,
    aten.avg_pool1d.default: windows.average_pool,
    aten.avg_pool2d.default: windows.average_pool,
    aten.max_pool1d.default: windows.max_pool,
    aten.max_pool2d.default: windows.max_pool,
    aten.adaptive_avg_pool1d.default: windows.adaptive_average,
    aten.adaptive_avg_pool2d.default: windows.adaptive_average,
    aten.adaptive_max_pool1d.default: windows.adaptive_maximum,
    aten.adaptive_max_pool2d.default: windows.adaptive_maximum,
    aten.mean.dim: reductions.mean,
    aten.sum.dim_IntList: reductions.total,
    aten.mean.default: reductions.mean,
    aten.sum.default: reductions.total,
    aten.amax.default: reductions.maximum,
    aten.amin.default: reductions.minimum,
    aten.batch_norm.default: pointwise.batch_norm,
    aten.add.Tensor: pointwise.add,
    aten.add_.Tensor: pointwise.add,
    aten.sub.Tensor: pointwise.subtract,
    aten.sub_.Tensor: pointwise.subtract,
    aten.neg.default: pointwise.negate,
    aten.neg_.default: pointwise.negate,
    aten.mul.Tensor: pointwise.multiply,
    aten.mul_.Tensor: pointwise.multiply,
    aten.div.Tensor: pointwise.divide,
    aten.div_.Tensor: pointwise.divide,
    aten.relu.default: _relu,
    aten.relu_.default: _relu,
    aten.relu6.default: _relu6,
    aten.relu6_.default: _relu6,
    aten.hardtanh.default: _hardtanh,
    aten.hardtanh_.default: _hardtanh,
    aten.clamp.default: _clamp,
    aten.clamp_.default: _clamp,
    aten.clip.default: _clamp,
    aten.clip_.default: _clamp,
    aten.clamp_min.default: pointwise.clip("min", float("inf")),
    aten.clamp_min_.default: pointwise.clip("min", float("inf")),
    aten.clamp_max.default: pointwise.clip(float("-inf"), "max"),
    aten.clamp_max_.default: pointwise.clip(float("-inf"), "max"),
    aten.leaky_relu.default: pointwise.leaky_relu,
    aten.leaky_relu_.default: pointwise.leaky_relu,
    aten.prelu.default: pointwise.prelu,
    aten.fake_quantize_per_tensor_affine.default: rounding.fake_quantize,
    aten.fake_quantize_per_tensor_affine.tensor_qparams: rounding.fake_quantize,
    aten.fake_quantize_per_channel_affine.default: rounding.per_channel,
    aten.pad.default: moves.pad,
    aten.constant_pad_nd.default: moves.pad,
    moves.READ_AS_PART: moves.getitem,
    aten.cat.default: moves.concat,
    aten.stack.default: moves.concat,
    aten.dropout.default: moves.dropout,
    aten.dropout_.default: moves.dropout,
    aten.feature_dropout.default: moves.dropout,
    aten.alpha_dropout.default: moves.dropout,
    aten.to.dtype: moves.cast,
    aten.softmax.int: hosted.softmax,
    aten.log_softmax.int: hosted.softmax,
    aten.argmax.default: hosted.place,
    aten.argmin.default: hosted.place,
}
"""Operator → reader. A reader appends steps and returns the node's value. It raises RefusalError."""


def reader_of(node: fx.Node) -> Reader | None:
    """The reader of the node's operator, or None where there is none."""
    return READERS.get(node.target) or (moves.move if moves.is_move(node) else None)


SUPPORTED = (
    "conv1d, conv2d, linear, matmul with a constant, batch_norm", "max, average and adaptive pooling; mean, sum, amax, amin",
    "add and sub of two tensors or of one and a constant; neg; mul and div by a constant", "any function of one tensor element by element",
    "pad, cat, stack; all that moves elements and changes none, as reshape, permute, slice, split, flip or upsample_nearest",
    "fake_quantize; dropout in eval mode", "at the end of the network: softmax, log_softmax, argmax, argmin, which the host computes",
)  # fmt: skip
"""For people, in groups."""
