"""Integer weights and their scales, one scale per output channel, symmetric."""

from __future__ import annotations

import numpy as np

from zeroskip.spec.graph import FloatArray
from zeroskip.spec.network import IntArray

from .calibrate import SMALLEST_SCALE

BIAS_LIMIT = 1 << 30
"""Largest rounded bias, in accumulator units, before the input zero-point is folded in. A row whose weights are so small beside its
bias that the bias would exceed it takes a coarser weight scale, which costs its output at most inputs × 2**-23 of the bias."""

_SEARCHED_CLIPS = np.linspace(0.5, 1.0, 51)


def quantize_weights(
    kept: FloatArray, bias: FloatArray, input_scale: float, output_scale: float, weight_bits: int
) -> tuple[IntArray, FloatArray]:
    """Integers within ±(2**(weight_bits-1) - 1), (outputs, inputs), and the rows' scales above zero, (outputs,).

    kept : (outputs, inputs), zero where pruned
    bias : (outputs,), in real units
    weight_bits : with 8 and 16 the largest weight of a row sets its scale. With 4, clipping it can cost less than coarse steps for
        all the others: the scale is the one with the least squared error (Nagel et al., white paper 2021, section 3.1)

    A row whose integer weights are all zero takes the scale that makes an accumulator step one output step, so that its output is
    the correctly rounded bias.
    """
    limit = (1 << (weight_bits - 1)) - 1
    scale = np.abs(kept).max(axis=1, initial=0.0) / limit
    vanishing = scale < SMALLEST_SCALE
    scale = np.where(vanishing, 1.0, scale)
    kept = np.where(vanishing[:, None], 0.0, kept)
    if weight_bits == 4:
        scale = _least_squares_scale(kept, scale, limit)
    scale = np.maximum(scale, np.abs(bias) / BIAS_LIMIT / input_scale)
    weight = _round(kept, scale, limit).astype(np.int64)
    return weight, np.where(weight.any(axis=1), scale, output_scale / input_scale)


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
