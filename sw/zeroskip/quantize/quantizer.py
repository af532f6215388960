"""Graph and calibration data → QuantizedNetwork."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from zeroskip.contracts.errors import CapacityError, InputError
from zeroskip.contracts.graph import FloatArray, Graph, Layer
from zeroskip.contracts.network import (
    ACC_BITS_LIMIT,
    MULTIPLIER_BITS,
    IntArray,
    QuantizedLayer,
    QuantizedNetwork,
    accumulator_bits,
)
from zeroskip.contracts.tensor import QuantizedTensor

from .calibrate import checked_calibration, ranges
from .formats import Formats, activation_formats, finest_scale
from .forward import require_float32_range
from .pointwise import clamp_ends, lookup_table
from .requantize import (
    RESIDUAL_GAIN,
    SUM_SHIFT_MIN,
    Requantization,
    requantization,
    residual_multiplier,
)
from .weights import BIAS_LIMIT, quantize_weights

WEIGHT_BITS = (4, 8, 16)
ACT_BITS = (8,)

_UNBOUNDED = 1 << 45
"""Accumulator units that no array holds. A larger value is limited to this one, so that it is refused and does not overflow itself."""


def quantize(
    graph: Graph, calibration: npt.NDArray[np.floating], *, weight_bits: int = 8, act_bits: int = 8
) -> QuantizedNetwork:
    """Post-training quantization of ``graph`` to integers, with the exact arithmetic of :mod:`zeroskip.contracts.network`.

    calibration : (N, *input_shape) float, N ≥ 1, in the units of the float network; it sets the activations' ranges
    weight_bits : 4, 8 or 16; weights are symmetric, ±(2**(weight_bits-1) - 1), with one scale per output channel
    act_bits : 8; activations have one scale and zero-point per tensor

    Formats and weight scales that the graph fixes stay as they are. Raises InputError for an unusable calibration or width, and for a layer
    that has no integer form; CapacityError where an accumulator would need more than 40 bits or where fixed scales do not allow a residual.
    Scheme: Jacob et al., CVPR 2018; Nagel et al., "A White Paper on Neural Network Quantization", 2021.
    """
    _require_width("weight_bits", weight_bits, WEIGHT_BITS, "4, 8 or 16")
    _require_width("act_bits", act_bits, ACT_BITS, "8")
    for layer in graph.layers:
        _require_integer_form(layer)
    samples = checked_calibration(graph, calibration)
    formats = activation_formats(graph, ranges(graph, samples), weight_bits=weight_bits, act_bits=act_bits)
    return QuantizedNetwork(
        input_shape=graph.input_shape, output_shape=graph.output_shape, input_axes=graph.input_axes,
        output_axes=graph.output_axes, host=graph.host, weight_bits=weight_bits,
        shapes=dict(graph.tensors), formats=formats.tensors, output_name=graph.output,
        layers=tuple(
            _maximum(layer, formats) if layer.maximum else _sum(layer, formats, weight_bits) for layer in graph.layers
        ),
    )  # fmt: skip


def _require_width(name: str, value: object, allowed: tuple[int, ...], rule: str) -> None:
    if type(value) is not int or value not in allowed:
        raise InputError(f"{name} must be {rule}, not {value!r}")


def _require_integer_form(layer: Layer) -> None:
    for what, values in (("weight", np.where(layer.mask, layer.weight, 0.0)), ("bias", layer.bias)):
        require_float32_range(f"layer {layer.name!r}: {what}", values)
    slope, table = layer.activation.slope, layer.activation.table
    if slope is not None:
        if not (slope >= 0).all():
            raise InputError(f"layer {layer.name!r}: slope must be 0 or above, not {slope.min():.6g}")
        require_float32_range(f"layer {layer.name!r}: slope", slope)
        if layer.residual is not None:
            raise InputError(f"layer {layer.name!r}: a slope cannot follow the residual {layer.residual!r}")
    if layer.maximum:
        if layer.weight.shape[1] != 1:
            raise InputError(f"layer {layer.name!r}: a maximum must be of one channel, not of {layer.weight.shape[1]}")
        for name, value in (("residual", layer.residual), ("slope", slope), ("table", table)):
            if value is not None:
                raise InputError(f"layer {layer.name!r}: a maximum must have no {name}")
        if layer.bias.any():
            raise InputError(
                f"layer {layer.name!r}: a maximum must have no bias, not {layer.bias[layer.bias != 0][0]:.6g}"
            )


def _maximum(layer: Layer, formats: Formats) -> QuantizedLayer:
    source, target = formats.tensors[layer.source], formats.tensors[layer.output]
    if source != target:
        raise InputError(
            f"layer {layer.name!r}: a maximum's output must have its input's format, {_words(source)}, not {_words(target)}"
        )
    low, high = clamp_ends(layer.activation, target)
    identity = requantization(1.0, np.ones(layer.outputs), 1.0)
    return QuantizedLayer(
        name=layer.name, source=layer.source, output=layer.output, channel=layer.channel, maximum=True,
        weight=np.ones(layer.weight.shape, dtype=np.int64), weight_scale=np.ones(layer.outputs),
        bias=np.zeros(layer.outputs, dtype=np.int64), window=layer.window, groups=layer.groups,
        multiplier=identity.multiplier, shift=identity.shift, zero_point=0, low=low, high=high,
    )  # fmt: skip


def _words(tensor: QuantizedTensor) -> str:
    return f"{'signed' if tensor.signed else 'unsigned'}, scale {tensor.scale:.6g}, zero-point {tensor.zero_point}"


def _sum(layer: Layer, formats: Formats, weight_bits: int) -> QuantizedLayer:
    source, target = formats.tensors[layer.source], formats.requantized(layer)
    weight, scale = quantize_weights(layer, source.scale, target.scale, weight_bits)
    factors = requantization(source.scale, scale, target.scale, layer.activation.slope)
    shift, residual = (factors.shift, 0) if layer.residual is None else _residual(layer, formats, factors, weight_bits)
    low, high = clamp_ends(layer.activation, target)
    table = layer.activation.table
    bias = _bias(layer, weight, scale, source, target)
    quantized = QuantizedLayer(
        name=layer.name, source=layer.source, output=layer.output, channel=layer.channel,
        weight=weight, weight_scale=scale, bias=bias, window=layer.window, groups=layer.groups,
        multiplier=factors.multiplier, slope=factors.slope, shift=shift,
        residual=layer.residual, residual_multiplier=residual, zero_point=target.zero_point, low=low, high=high,
        table=None if table is None else lookup_table(table, target, formats.tensors[layer.output]),
    )  # fmt: skip
    needed = accumulator_bits(quantized.weight, quantized.bias, source)
    if needed > ACC_BITS_LIMIT:
        raise CapacityError(
            f"layer {layer.name!r}: the accumulator would need {needed} bits, more than the limit of {ACC_BITS_LIMIT};"
            " use fewer weight_bits or prune more"
        )
    return quantized


def _bias(
    layer: Layer, weight: IntArray, scale: FloatArray, source: QuantizedTensor, target: QuantizedTensor
) -> IntArray:
    """The bias in accumulator units, with the source's zero-point folded in."""
    # The weight scale keeps the bias within its limit. If the scale is fixed, a bias is refused by the accumulator's width.
    limit = BIAS_LIMIT if layer.weight_scale is None else _UNBOUNDED
    # An output that does not change with the input needs only as much as its clamp and a residual leave of it.
    constant = BIAS_LIMIT
    if layer.activation.slope is None:
        constant = (1 + (RESIDUAL_GAIN if layer.residual else 0)) * (target.high - target.low)
    limits = np.where(weight.any(axis=(1, 2, 3)), limit, constant)
    bias = np.rint(np.clip(layer.bias / scale / source.scale, -limits, limits)).astype(np.int64)
    return np.asarray(bias - source.zero_point * weight.sum(axis=(1, 2, 3)))


def _residual(layer: Layer, formats: Formats, factors: Requantization, weight_bits: int) -> tuple[IntArray, int]:
    """The shifts of a sum with a residual, and the residual's multiplier.

    They are out of reach only where the sum's format is not free. Then it is fixed or, through a maximum, it is the format of its source,
    whose weights exceed 1016.
    """
    target = formats.requantized(layer).scale
    multiplier = residual_multiplier(formats.tensors[str(layer.residual)].scale, target)
    shift = np.where(factors.multiplier == 0, SUM_SHIFT_MIN, factors.shift)
    if multiplier >> MULTIPLIER_BITS or shift.min(initial=SUM_SHIFT_MIN) < SUM_SHIFT_MIN:
        raise CapacityError(
            f"layer {layer.name!r}: the sum with {layer.residual!r} must have a scale of at least"
            f" {finest_scale(layer, formats, weight_bits):.6g}, not {target:.6g}"
        )
    return shift, multiplier
