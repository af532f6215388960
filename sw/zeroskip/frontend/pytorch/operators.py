"""The supported operators: one reader each, from a node of the exported graph to steps. A new operator is a new reader here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import fx

from . import pointwise, rounding, shapes, windows
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
    aten.mean.dim: windows.mean,
    aten.amax.default: windows.maximum,
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
    aten.pad.default: shapes.pad,
    aten.constant_pad_nd.default: shapes.pad,
    aten.slice.Tensor: shapes.take,
    aten.chunk.default: shapes.split,
    aten.split.Tensor: shapes.split,
    aten.split_with_sizes.default: shapes.split,
    shapes.READ_AS_PART: shapes.getitem,
    aten.cat.default: shapes.concat,
    aten.flatten.using_ints: shapes.view,
    aten.view.default: shapes.view,
    aten.reshape.default: shapes.view,
    aten.unflatten.int: shapes.view,
    aten.squeeze.default: shapes.view,
    aten.squeeze.dim: shapes.view,
    aten.squeeze.dims: shapes.view,
    aten.unsqueeze.default: shapes.view,
    aten.dropout.default: shapes.dropout,
    aten.dropout_.default: shapes.dropout,
    aten.feature_dropout.default: shapes.dropout,
    aten.alpha_dropout.default: shapes.dropout,
    aten.contiguous.default: shapes.identity,
    aten.clone.default: shapes.identity,
    aten.detach.default: shapes.identity,
    aten.alias.default: shapes.identity,
    aten.to.dtype: shapes.identity,
}
"""Operator → reader. A reader appends steps and returns the node's value. It raises RefusalError."""

SUPPORTED = (
    "conv1d, conv2d, linear, matmul, batch_norm, max, average and adaptive pooling, mean, amax, add, sub, neg, mul, div, relu, relu6, "
    "hardtanh, clamp, leaky_relu, prelu, any function of one tensor element by element, fake_quantize, pad, slice, split, chunk, cat, "
    "flatten, view, reshape, squeeze, unsqueeze, dropout, identity"
)
