"""Readers of the operators that round an activation to a number format. Quantized models bring their scales by them."""

from __future__ import annotations

import numpy as np
from torch import fx

from zeroskip.contracts.graph import Activation
from zeroskip.contracts.tensor import QuantizedTensor
from zeroskip.frontend.lowering.steps import FormatStep, PointwiseStep
from zeroskip.frontend.refusal import RefusalError

from .layouts import in_whole
from .nodes import arguments, qualified_name
from .reading import Reading, Value


def fake_quantize(node: fx.Node, reading: Reading) -> Value:
    """fake_quantize_per_tensor_affine. The tensor has that scale and zero-point from now on."""
    given = arguments(node)
    source = in_whole(node, reading, reading.value(given["self"]))
    scale, zero_point = (reading.parameters.constant(given[role]) for role in ("scale", "zero_point"))
    if scale is None or zero_point is None:
        raise RefusalError("scale and zero-point must be constants, not results of the network")
    if scale.size != 1:
        raise RefusalError("an activation must have one scale, not one per channel")
    if given.get("fake_quant_enabled") is not None:
        raise RefusalError("rounding must not be switched on and off")
    low, high = given["quant_min"], given["quant_max"]
    format = number_format(float(scale.item()), int(zero_point.item()), low, high)
    name, result = qualified_name(node), source.fresh(f"%{node.name}")
    inside = source.name
    if (low, high) != (format.low, format.high):  # fewer integers than a byte has
        ends = [(end - format.zero_point) * format.scale for end in (low, high)]
        inside = f"{result.name}.within"
        limits = Activation(low=ends[0], high=ends[1])
        reading.steps.append(PointwiseStep(name=f"{name}.within", source=source.name, output=inside, activation=limits))
    reading.steps.append(FormatStep(name=name, source=inside, output=result.name, format=format))
    return result


def per_channel(node: fx.Node, reading: Reading) -> Value:
    """fake_quantize_per_channel_affine. It is for weights alone."""
    raise RefusalError("an activation must have one scale, not one per channel")


def number_format(scale: float, zero_point: int, low: int, high: int) -> QuantizedTensor:
    """The bytes that hold the integers low … high. Raises RefusalError for numbers that no byte holds."""
    format = QuantizedTensor(scale=scale, zero_point=zero_point, signed=low < 0)
    if not format.low <= low < high <= format.high:
        raise RefusalError(f"integers must lie within -128 … 127 or 0 … 255, not {low} … {high}")
    if not low <= zero_point <= high:
        raise RefusalError(f"zero-point must lie within {low} … {high}, not be {zero_point}")
    if not (scale > 0 and np.isfinite(scale)):
        raise RefusalError(f"scale must be finite and above zero, not {scale:g}")
    return format
