"""Integer weights and their scales, one scale per output channel, symmetric."""

from __future__ import annotations

import numpy as np

from zeroskip.contracts.errors import InputError
from zeroskip.contracts.graph import FloatArray, Layer
from zeroskip.contracts.network import IntArray

SMALLEST_SCALE = 2.0**-126
"""The smallest normal float32. A tensor or weight row that needs a smaller scale is taken for zero."""

BIAS_LIMIT = 1 << 30
"""Largest rounded bias, in accumulator units, before the input zero-point is folded in. Where a row's weights are so small that its
bias would exceed this limit, the row takes a coarser weight scale. This costs its output at most inputs × 2**-23 of the bias."""

_SEARCHED_CLIPS = np.linspace(0.5, 1.0, 51)

_FIXED_TOLERANCE = 1e-3
"""Largest distance of a weight over its fixed scale from an integer. Products of float32 numbers are off by about 1e-5 at most."""


def quantize_weights(
    layer: Layer, input_scale: float, output_scale: float, weight_bits: int
) -> tuple[IntArray, FloatArray]:
    """Integer weights within ±(2**(weight_bits-1) - 1), 0 where pruned, and the scales of the rows, (outputs,), above zero.

    weight_bits : 4, 8 or 16. With 8 and 16 the largest weight of a row sets its scale. With 4, clipping it can cost less than coarse steps
        for all the others, so the scale is the one with the least squared error (Nagel et al., white paper 2021, section 3.1)

    Structural weights become ±1. The weights of a row must be equal, or InputError is raised. A row whose integer weights are all zero
    takes the scale with which an accumulator step is one output step. Its output is then the correctly rounded bias.

    Where the layer fixes the scales, they stay as they are, and -(2**(weight_bits-1)) is a weight too. InputError is raised for a weight
    that is no integer multiple of its scale within these limits.
    """
    kept = np.where(layer.mask, layer.weight, 0.0).reshape(layer.outputs, -1)
    if layer.structural and (np.abs(kept).max(axis=1, keepdims=True) * (kept != 0) != np.abs(kept)).any():
        raise InputError(f"layer {layer.name!r}: structural weights must be equal within a row")
    if layer.weight_scale is not None:
        weight, scale = _fixed(layer, kept, layer.weight_scale, weight_bits)
    else:
        limit = 1 if layer.structural else (1 << (weight_bits - 1)) - 1
        weight, scale = _chosen(kept, layer.bias, input_scale, limit, search=weight_bits == 4 and not layer.structural)
    scale = np.where(weight.any(axis=1), scale, output_scale / input_scale)
    return weight.reshape(layer.weight.shape), scale


def _fixed(layer: Layer, kept: FloatArray, scale: FloatArray, weight_bits: int) -> tuple[IntArray, FloatArray]:
    scale = np.where(kept.any(axis=1), scale, 1.0)
    bad = ~((scale >= SMALLEST_SCALE) & np.isfinite(scale))
    if bad.any():
        raise InputError(f"layer {layer.name!r}: weight_scale must be finite and above zero, not {scale[bad][0]:.4g}")
    ratio = kept / scale[:, None]
    weight = np.rint(ratio)
    low, high = -(1 << (weight_bits - 1)), (1 << (weight_bits - 1)) - 1
    wrong = (np.abs(ratio - weight) > _FIXED_TOLERANCE) | (weight < low) | (weight > high)
    if wrong.any():
        raise InputError(
            f"layer {layer.name!r}: weight / weight_scale must be an integer, {low} … {high} with {weight_bits} weight_bits,"
            f" not {ratio[wrong][0]:.6g}"
        )
    return weight.astype(np.int64), scale


def _chosen(
    kept: FloatArray, bias: FloatArray, input_scale: float, limit: int, *, search: bool
) -> tuple[IntArray, FloatArray]:
    scale = np.abs(kept).max(axis=1, initial=0.0) / limit
    vanishing = scale < SMALLEST_SCALE
    scale = np.where(vanishing, 1.0, scale)
    kept = np.where(vanishing[:, None], 0.0, kept)
    if search:
        scale = _least_squares_scale(kept, scale, limit)
    scale = np.maximum(scale, np.abs(bias) / BIAS_LIMIT / input_scale)
    return _round(kept, scale, limit).astype(np.int64), scale


def _least_squares_scale(kept: FloatArray, scale: FloatArray, limit: int) -> FloatArray:
    best, least = scale, np.full(len(scale), np.inf)
    for clip in _SEARCHED_CLIPS[::-1]:  # from the largest down, so that a tie clips nothing
        candidate = scale * clip
        error = np.square(_round(kept, candidate, limit) * (candidate / scale)[:, None] - kept / scale[:, None]).sum(
            axis=1
        )
        best, least = np.where(error < least, candidate, best), np.minimum(error, least)
    return best


def _round(kept: FloatArray, scale: FloatArray, limit: int) -> FloatArray:
    return np.asarray(np.clip(np.rint(kept / scale[:, None]), -limit, limit))
