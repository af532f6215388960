"""ONNX operators with learned weights, as torch's own modules, and the rounding of quantized models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from zeroskip.frontend.refusal import RefusalError

from .attributes import Attributes, pad_image, pads, spatial
from .network import Array


@dataclass(frozen=True, kw_only=True, eq=False)
class Rounded:
    """The storage of a constant as integers: ``value = integers * scale``, with one scale for all or one for each entry of ``axis``.

    integers : stored integers less their zero-point
    bits : width of the type that stores them
    """

    integers: Array
    scale: Array
    axis: int
    bits: int

    @property
    def limit(self) -> int:
        """The integers lie within -limit … limit - 1. A zero-point turns a weight of 8 bits into one of 9."""
        needed = int(max(self.integers.max(), -1 - self.integers.min())).bit_length()
        return 1 << max(needed, self.bits - 1)


class _Weighted(nn.Module):
    """A module whose weight may come from a quantized model. Such a weight is rounded to multiples of its scale."""

    def round_to(self, rounded: Rounded | None, axis: int, factor: float = 1.0) -> None:
        """Round the weight from now on. ``axis`` is the axis of the weight's scales here."""
        self._rounding: tuple[Any, ...] | None = None
        if rounded is not None:
            scale = torch.from_numpy(np.atleast_1d(rounded.scale * factor).astype(np.float32).reshape(-1))
            # Plain tensors, not buffers: the scale stays in single precision, as the operator wants it.
            self._rounding = (
                scale,
                torch.zeros(len(scale), dtype=torch.int32),
                axis,
                -rounded.limit,
                rounded.limit - 1,
            )

    def rounded(self, weight: Tensor) -> Tensor:
        """The weight with which the network computes."""
        if self._rounding is None:
            return weight
        scale, zeros, axis, low, high = self._rounding
        scale, zeros = scale.to(weight.device), zeros.to(weight.device)
        if len(scale) == 1:
            return torch.fake_quantize_per_tensor_affine(weight, scale, zeros, low, high)
        return torch.fake_quantize_per_channel_affine(weight, scale, zeros, axis, low, high)


class _Conv(_Weighted):
    """Conv on any number of axes, with ONNX's padding. The second base class is torch's module for that number of axes."""

    weight: Tensor
    bias: Tensor | None
    _conv_forward: Callable[[Tensor, Tensor, Tensor | None], Tensor]

    def __init__(self, weight: Array, bias: Array | None, attributes: Attributes, rounded: Rounded | None) -> None:
        super().__init__(**_conv_arguments(weight, bias, attributes))
        self._attributes = dict(attributes)
        _fill(self, weight, bias)
        self.round_to(rounded, 0)

    def forward(self, x: Tensor, *constants: object) -> Tensor:
        return self._conv_forward(_around(x, self), self.rounded(self.weight), self.bias)


class Conv1d(_Conv, nn.Conv1d):
    """Conv on sequences."""


class Conv2d(_Conv, nn.Conv2d):
    """Conv on images."""


class Linear(nn.Linear, _Weighted):
    """Gemm and MatMul; weight (outputs, inputs)."""

    def __init__(
        self, weight: Array, bias: Array | None, rounded: Rounded | None, axis: int = 0, factor: float = 1.0
    ) -> None:
        super().__init__(weight.shape[1], weight.shape[0], bias=bias is not None)
        _fill(self, weight, bias)
        self.round_to(rounded, axis, factor)

    def forward(self, x: Tensor, *constants: object) -> Tensor:
        return nn.functional.linear(x, self.rounded(self.weight), self.bias)


class BatchNorm(_BatchNorm):
    """BatchNormalization on any number of axes."""

    def __init__(self, scale: Array, shift: Array, mean: Array, variance: Array, epsilon: float) -> None:
        super().__init__(len(scale), eps=epsilon)
        _fill(self, scale, shift)
        assert self.running_mean is not None
        assert self.running_var is not None
        self.running_mean.copy_(torch.from_numpy(np.array(mean)))
        self.running_var.copy_(torch.from_numpy(np.array(variance)))

    def _check_input_dim(self, input: Tensor) -> None:
        pass

    def forward(self, x: Tensor, *constants: object) -> Tensor:
        if x.ndim == 2 and x.shape[0] == len(self.weight) != x.shape[1]:  # an exporter put the batch behind
            return super().forward(x.T).T
        return super().forward(x)


class Rounding(nn.Module):
    """QuantizeLinear followed by DequantizeLinear. It rounds to a number format and stays real."""

    def __init__(self, scale: float, zero_point: int, low: int, high: int) -> None:
        super().__init__()
        self.format = (scale, zero_point, low, high)

    def forward(self, x: Tensor, *constants: object) -> Tensor:
        return torch.fake_quantize_per_tensor_affine(x, *self.format)


def conv(weight: Array, bias: Array | None, attributes: Attributes, rounded: Rounded | None) -> nn.Module:
    """The module of a Conv. Raises RefusalError unless it has one or two spatial axes."""
    if weight.ndim not in (3, 4):
        raise RefusalError(f"must have one or two spatial axes, not weight of shape {weight.shape}")
    kernel = attributes.get("kernel_shape")
    if kernel is not None and tuple(kernel) != weight.shape[2:]:
        raise RefusalError(f"kernel_shape {tuple(kernel)} must be that of the weight, {weight.shape[2:]}")
    return (Conv1d if weight.ndim == 3 else Conv2d)(weight, bias, attributes, rounded)


def _conv_arguments(weight: Array, bias: Array | None, attributes: Attributes) -> dict[str, Any]:
    groups, axes = int(attributes.get("group", 1)), weight.ndim - 2
    return {
        "in_channels": weight.shape[1] * groups, "out_channels": weight.shape[0], "kernel_size": weight.shape[2:],
        "stride": tuple(spatial(attributes, "strides", axes)), "dilation": tuple(spatial(attributes, "dilations", axes)),
        "groups": groups, "bias": bias is not None,
    }  # fmt: skip


def _around(x: Tensor, module: _Conv) -> Tensor:
    kernel: Sequence[int] = module.weight.shape[2:]
    if x.ndim != len(kernel) + 2:
        return x  # the convolution itself refuses it
    return pad_image(x, *pads(module._attributes, x.shape[2:], kernel))


def _fill(module: nn.Module, weight: Array, bias: Array | None) -> None:
    with torch.no_grad():
        module.weight.copy_(torch.from_numpy(np.array(weight)))  # type: ignore[operator]
        if bias is not None:
            module.bias.copy_(torch.from_numpy(np.array(bias)))  # type: ignore[operator]
