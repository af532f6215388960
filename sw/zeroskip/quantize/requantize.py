"""A real factor as ``multiplier / 2**shift``: the per-channel step from accumulator units to output units.

Scheme: Jacob et al., CVPR 2018, section 2.2, with a 16-bit multiplier; the rounding is in :mod:`zeroskip.spec.network`.
"""

from __future__ import annotations

import numpy as np

from zeroskip.spec.graph import FloatArray
from zeroskip.spec.network import MULTIPLIER_BITS, IntArray

SHIFT_MIN = 1
SHIFT_MAX = 63


def multiplier_and_shift(
    input_scale: float, weight_scale: FloatArray, output_scale: float
) -> tuple[IntArray, IntArray]:
    """Integers M, s per channel with ``input_scale * weight_scale / output_scale ≈ M / 2**s``.

    M is in [2**15, 2**16) and s in 1 … 63, so the relative error is at most 2**-16. Outside, the factor is replaced by one that
    gives the same outputs for every accumulator below 2**39:

    * a factor of 2**15 or more becomes 65535 / 2: any nonzero accumulator moves the output by more than the widest format
    * a factor under 2**-48 becomes 0: no accumulator moves the output by half a step

    All three scales are above zero; none of their products needs to be representable, since exponents are added apart.
    """
    input_part, input_exponent = np.frexp(input_scale)
    weight_part, weight_exponent = np.frexp(weight_scale)
    output_part, output_exponent = np.frexp(output_scale)
    fraction, carry = np.frexp(input_part * weight_part / output_part)
    exponent = input_exponent.astype(np.int64) + weight_exponent - output_exponent + carry
    multiplier = np.rint(np.ldexp(fraction, MULTIPLIER_BITS)).astype(np.int64)
    rounded_up = multiplier == 1 << MULTIPLIER_BITS
    multiplier = np.where(rounded_up, 1 << (MULTIPLIER_BITS - 1), multiplier)
    shift = MULTIPLIER_BITS - (exponent + rounded_up)
    too_large, too_small = shift < SHIFT_MIN, shift > SHIFT_MAX
    multiplier = np.where(too_large, (1 << MULTIPLIER_BITS) - 1, np.where(too_small, 0, multiplier))
    return multiplier, np.where(too_large | too_small, SHIFT_MIN, shift)
