"""QONNX's operators: rounding to any number of bits, and layers whose channels lie behind.

Pappalardo et al., "QONNX: Representing Arbitrary-Precision Quantized Neural Networks", 2022. Brevitas writes the same ones in a domain of
its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper
from torch import Tensor, nn

from zeroskip.frontend.refusal import RefusalError

from .layers import Rounded, Rounding
from .network import Array

CHANNELS_LAST = "qonnx.custom_op.channels_last"
ROUNDING = ("qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general")
DOMAINS = (*ROUNDING, CHANNELS_LAST)


def import_domains(model: onnx.ModelProto) -> None:
    """Declare QONNX's domains where nodes use them: files often leave that out, and ONNX's checker then refuses the file."""
    known = {opset.domain for opset in model.opset_import}
    for domain in sorted({node.domain for node in model.graph.node} - known):
        if domain in DOMAINS:
            model.opset_import.append(helper.make_opsetid(domain, 1))


def limits(attributes: dict[str, Any], bits: Array) -> tuple[int, int]:
    """Lowest and highest integer of a Quant node."""
    if bits.size != 1 or not float(bits.reshape(())).is_integer() or not 1 < float(bits.reshape(())) <= 32:
        raise RefusalError(f"bit width must be one whole number, 2 to 32, not {bits.tolist()}")
    mode = attributes.get("rounding_mode", b"ROUND").decode()
    if mode.upper() not in ("ROUND", "HALF_EVEN"):
        raise RefusalError(f"rounding_mode must be ROUND, not {mode!r}")
    width, narrow = int(bits.reshape(())), int(attributes.get("narrow", 0))
    if attributes.get("signed", 1):
        return narrow - (1 << (width - 1)), (1 << (width - 1)) - 1
    return 0, (1 << width) - 1 - narrow


def rounded_weight(
    attributes: dict[str, Any], values: Array, scale: Array, zero: Array, bits: Array
) -> tuple[Array, Rounded]:
    """A constant that Quant rounds: its real values, and how they are stored."""
    low, high = limits(attributes, bits)
    integers = np.clip(np.rint(values / scale + zero), low, high) - zero
    return _stored(integers, scale, int(high - low).bit_length())


def bipolar_weight(values: Array, scale: Array) -> tuple[Array, Rounded]:
    """A constant that BipolarQuant rounds to plus or minus the scale."""
    return _stored(np.where(values >= 0, 1.0, -1.0), scale, 2)


def _stored(integers: Array, scale: Array, bits: int) -> tuple[Array, Rounded]:
    longer = [axis for axis, length in enumerate(scale.shape) if length > 1]
    if len(longer) > 1:
        raise RefusalError(f"scales must be one, or one per entry of an axis, not shape {scale.shape}")
    axis = longer[0] + integers.ndim - scale.ndim if longer else 0
    rounded = Rounded(
        integers=integers.astype(np.int64), scale=scale.reshape(-1).astype(np.float64), axis=axis, bits=bits
    )
    return (integers * scale).astype(np.float32), rounded


def activation(attributes: dict[str, Any], scale: Array, zero: Array, bits: Array) -> nn.Module:
    """The module of a Quant node on an activation."""
    if scale.size != 1 or zero.size != 1:
        raise RefusalError(f"an activation must have one scale and zero-point, not {max(scale.size, zero.size)}")
    return Rounding(float(scale.reshape(())), int(zero.reshape(())), *limits(attributes, bits))


class Bipolar(nn.Module):
    """BipolarQuant: plus or minus the scale, by the sign; plus for zero."""

    def __init__(self, scale: Array) -> None:
        super().__init__()
        if scale.size != 1:
            raise RefusalError(f"an activation must have one scale, not {scale.size}")
        self.scale = float(scale.reshape(()))

    def forward(self, x: Tensor, *constants: object) -> Tensor:
        signs = torch.where(x >= 0, self.scale, -self.scale)
        return torch.fake_quantize_per_tensor_affine(signs, self.scale, 0, -128, 127)


def channels_first(values: Array) -> Array:
    """A weight (outputs, …, inputs) as (outputs, inputs, …)."""
    return np.moveaxis(values, -1, 1)


def on_channels_last(module: nn.Module) -> nn.Module:
    """``module``, which works on channels in front, for images whose channels lie behind."""
    module.register_forward_pre_hook(lambda _, inputs: (inputs[0].movedim(-1, 1), *inputs[1:]))
    module.register_forward_hook(lambda _, inputs, result: result.movedim(1, -1))
    return module
