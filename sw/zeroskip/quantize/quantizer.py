"""Graph and calibration data → QuantizedNetwork."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from zeroskip.spec.errors import CapacityError, InputError
from zeroskip.spec.graph import Graph, LinearLayer
from zeroskip.spec.network import (
    ACC_BITS_LIMIT,
    QuantizedLinear,
    QuantizedNetwork,
    QuantizedTensor,
    accumulator_bits,
)

from .calibrate import activation_formats, checked_calibration, require_float32_range
from .requantize import multiplier_and_shift
from .weights import BIAS_LIMIT, quantize_weights

WEIGHT_BITS = (4, 8, 16)
ACT_BITS = (8,)


def quantize(
    graph: Graph, calibration: npt.NDArray[np.floating], *, weight_bits: int = 8, act_bits: int = 8
) -> QuantizedNetwork:
    """Post-training quantization of ``graph`` to integers, with the exact requantization of :mod:`zeroskip.spec.network`.

    calibration : (N, *input_shape) float, N ≥ 1, in the units that the float network takes; sets the activations' ranges
    weight_bits : 4, 8 or 16; weights are symmetric, ±(2**(weight_bits-1) - 1), with one scale per output channel
    act_bits : 8; activations have one scale and zero-point per tensor

    Raises InputError for an unusable calibration or width, and CapacityError where an accumulator would need more than 40 bits.
    Scheme: Jacob et al., CVPR 2018; Nagel et al., "A White Paper on Neural Network Quantization", 2021.
    """
    _require_width("weight_bits", weight_bits, WEIGHT_BITS, "4, 8 or 16")
    _require_width("act_bits", act_bits, ACT_BITS, "8")
    samples = checked_calibration(graph, calibration)
    formats = activation_formats(graph, samples, act_bits)
    layers = tuple(
        _quantize_layer(layer, source, target, weight_bits)
        for layer, (source, target) in zip(graph.layers, pairwise(formats), strict=True)
    )
    return QuantizedNetwork(
        input_shape=graph.input_shape, output_shape=graph.output_shape, weight_bits=weight_bits, layers=layers
    )


def _require_width(name: str, value: object, allowed: tuple[int, ...], rule: str) -> None:
    if type(value) is not int or value not in allowed:
        raise InputError(f"{name} must be {rule}, not {value!r}")


def _quantize_layer(
    layer: LinearLayer, source: QuantizedTensor, target: QuantizedTensor, weight_bits: int
) -> QuantizedLinear:
    kept = np.where(layer.mask, layer.weight, 0.0)
    require_float32_range(f"layer {layer.name!r}: weight", kept)
    require_float32_range(f"layer {layer.name!r}: bias", layer.bias)
    weight, scale = quantize_weights(kept, layer.bias, source.scale, target.scale, weight_bits)
    # an output that never changes needs no more than its clamp; elsewhere the weight scale keeps the bias within its limit
    largest_bias = np.where(weight.any(axis=1), BIAS_LIMIT, target.high - target.low)
    bias = np.rint(np.clip(layer.bias / scale / source.scale, -largest_bias, largest_bias)).astype(np.int64)
    multiplier, shift = multiplier_and_shift(source.scale, scale, target.scale)
    quantized = QuantizedLinear(
        name=layer.name,
        weight=weight,
        weight_scale=scale,
        bias=bias - source.zero_point * weight.sum(axis=1),
        multiplier=multiplier,
        shift=shift,
        input=source,
        output=target,
        low=target.zero_point if layer.relu else target.low,
        high=target.high,
    )
    needed = accumulator_bits(quantized.weight, quantized.bias, quantized.input)
    if needed > ACC_BITS_LIMIT:
        raise CapacityError(
            f"layer {layer.name!r}: the accumulator would need {needed} bits, more than the limit of {ACC_BITS_LIMIT};"
            " use fewer weight_bits or prune more"
        )
    return quantized
