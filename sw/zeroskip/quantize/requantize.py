"""Real factors as integers over powers of two: from accumulator units to output units, and from a residual's units to output units.

Scheme: Jacob et al., CVPR 2018, section 2.2, with a 16-bit multiplier. The rounding is in :mod:`zeroskip.contracts.network`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zeroskip.contracts.graph import FloatArray
from zeroskip.contracts.network import MULTIPLIER_BITS, RESIDUAL_FRACTION, IntArray

SHIFT_MIN = 1
SHIFT_MAX = 63
SUM_SHIFT_MIN = RESIDUAL_FRACTION + 1
"""The least shift of a layer with a residual."""

RESIDUAL_GAIN = 1 << (MULTIPLIER_BITS - RESIDUAL_FRACTION)
"""A residual's integers can be multiplied by any factor below this."""

_LARGEST = (1 << MULTIPLIER_BITS) - 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Requantization:
    """Factors over 2**shift, (outputs,) each.

    multiplier : 0 … 2**16 - 1
    slope : 0 … 2**16 - 1, or None without slopes
    shift : 1 … 63
    """

    multiplier: IntArray
    slope: IntArray | None
    shift: IntArray


def requantization(
    input_scale: float, weight_scale: FloatArray, output_scale: float, slope: FloatArray | None = None
) -> Requantization:
    """Integers M, s per channel with ``input_scale * weight_scale / output_scale ≈ M / 2**s``.

    slope : (outputs,) further factors, 0 or above, for values below zero; the larger of both factors sets s, and both have it

    The larger multiplier is in [2**15, 2**16) and s is in 1 … 63, so its relative error is at most 2**-16. A smaller multiplier has an
    absolute error of at most 2**-17 of the larger. A factor outside of this range is replaced by one that gives the same outputs for every
    accumulator below 2**39:

    * a factor of 2**15 or more becomes 65535 / 2: any nonzero accumulator moves the output by more than the widest format
    * a factor under 2**-48 becomes 0: no accumulator moves the output by half a step

    All three scales are above zero. Their products need not be representable, since exponents are added apart.
    """
    larger = weight_scale if slope is None else weight_scale * np.maximum(slope, 1.0)
    fraction, exponent = _factor(input_scale, larger, output_scale)
    rounded_up = np.rint(np.ldexp(fraction, MULTIPLIER_BITS)) > _LARGEST
    shift = MULTIPLIER_BITS - (exponent + rounded_up)
    too_small = shift > SHIFT_MAX
    shift = np.where(too_small | (shift < SHIFT_MIN), SHIFT_MIN, shift)

    def multiplier(scale: FloatArray) -> IntArray:
        fraction, exponent = _factor(input_scale, scale, output_scale)
        # The clipped exponents are beyond both ends: the result saturates at 65535 or rounds to 0.
        scaled = np.rint(np.ldexp(fraction, np.clip(exponent + shift, -100, 100)))
        return np.where(too_small, 0, np.minimum(scaled, _LARGEST)).astype(np.int64)

    return Requantization(
        multiplier=multiplier(weight_scale),
        slope=None if slope is None else multiplier(weight_scale * slope),
        shift=shift,
    )


def _factor(input_scale: float, weight_scale: FloatArray, output_scale: float) -> tuple[FloatArray, IntArray]:
    """The quotient of the scales as a fraction in [0.5, 1), or 0, and an exponent of two."""
    input_part, input_exponent = np.frexp(input_scale)
    weight_part, weight_exponent = np.frexp(weight_scale)
    output_part, output_exponent = np.frexp(output_scale)
    fraction, carry = np.frexp(input_part * weight_part / output_part)
    return fraction, input_exponent.astype(np.int64) + weight_exponent - output_exponent + carry


def residual_multiplier(residual_scale: float, output_scale: float) -> int:
    """``residual_scale / output_scale`` in units of 2**-12; 2**16 where it would be that or more."""
    return round(min(residual_scale / output_scale * (1 << RESIDUAL_FRACTION), 1 << MULTIPLIER_BITS))


def least_sum_scale(unit: float, residual_scale: float) -> float:
    """The finest output scale with which a residual can be added.

    unit : the largest real value of one accumulator unit; the output scale must be above 1/8 of it, for a shift of 13 or more
    residual_scale : scale of the residual; the output scale must be above 1/16 of it, for a residual multiplier below 2**16

    Neither limit costs accuracy: rounding the sum to steps of that size is finer than the accuracy of its two operands.
    """
    finest = max(unit / (1 << (MULTIPLIER_BITS - SUM_SHIFT_MIN)), residual_scale / RESIDUAL_GAIN)
    return finest * (1 + 2.0 ** (1 - MULTIPLIER_BITS))  # so that it is not rounded up to the next power of two
