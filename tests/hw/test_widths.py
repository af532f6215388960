"""The widths of registers that are narrower than their operands suggest: nothing is lost, and one bit less would lose something.

Shifts, sums and clamps are monotonic, so what holds at the ends of a range holds within it.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from zeroskip.contracts.layout import CLAMP_BITS
from zeroskip.contracts.network import MULTIPLIER_BITS, RESIDUAL_FRACTION
from zeroskip_hw.lane.sums import LEAST
from zeroskip_hw.results.requantizer import LIMB, NARROW, NARROW_WITH_RESIDUAL
from zeroskip_hw.results.residual import ADDEND_BITS

ACTIVATION = ZERO_POINT = CLAMP = (-128, 255)
"""Of both formats."""

FINE = 7
"""The largest shift that remains."""

LARGEST = (1 << MULTIPLIER_BITS) - 1

ADDENDS = [
    (byte - zero) * LARGEST + (zero_point << RESIDUAL_FRACTION) + (1 << (RESIDUAL_FRACTION - 1))
    for byte, zero, zero_point in product(ACTIVATION, ZERO_POINT, ZERO_POINT)
]
"""The extreme ones with a residual."""

ROUNDINGS = [2 * zero_point + 1 for zero_point in ZERO_POINT]
"""The extreme ones without."""


def ends(bits: int) -> tuple[int, int]:
    """Of two's complement."""
    return -(1 << (bits - 1)), (1 << (bits - 1)) - 1


def fits(values: list[int], bits: int) -> bool:
    least, most = ends(bits)
    return least <= min(values) and max(values) <= most


def stays_beyond_the_clamp(bits: int, addends: list[int], shift: int) -> bool:
    """A value that was saturated to ``bits`` is clamped as the whole is, whatever shift and addend follow."""
    least, most = ends(bits)
    return all(
        (least >> fine) + addend >> shift <= CLAMP[0] and (most >> fine) + addend >> shift >= CLAMP[1]
        for fine in range(FINE + 1)
        for addend in addends
    )


@pytest.mark.parametrize(
    "bits, addends, shift", [(NARROW, ROUNDINGS, 1), (NARROW_WITH_RESIDUAL, ADDENDS, RESIDUAL_FRACTION)]
)
def test_what_is_saturated_is_clamped(bits: int, addends: list[int], shift: int) -> None:
    assert stays_beyond_the_clamp(bits, addends, shift)
    assert not stays_beyond_the_clamp(bits - 1, addends, shift)


def test_layers_without_a_residual_on_an_array_with_them() -> None:
    assert stays_beyond_the_clamp(NARROW_WITH_RESIDUAL, ROUNDINGS, 1)


@pytest.mark.parametrize("with_residuals", [False, True])
@pytest.mark.parametrize("acc_bits", [8, 10, 17, 24, 40])
def test_the_rounded_value_is_no_wider_than_what_was_shifted(acc_bits: int, with_residuals: bool) -> None:
    bits = min(NARROW_WITH_RESIDUAL if with_residuals else NARROW, acc_bits + MULTIPLIER_BITS)
    found = [moved + addend >> 1 for moved in ends(bits) for addend in ROUNDINGS]
    if with_residuals:
        found += [moved + addend >> RESIDUAL_FRACTION for moved in ends(bits) for addend in ADDENDS]
    assert fits(found, bits)


def test_addends() -> None:
    assert fits(ADDENDS + ROUNDINGS, ADDEND_BITS)
    assert not fits(ADDENDS, ADDEND_BITS - 1)
    assert fits([(a - z) * LARGEST for a, z in product(ACTIVATION, ZERO_POINT)], CLAMP_BITS + 1 + MULTIPLIER_BITS)


def test_partial_products() -> None:
    assert fits([limb * LARGEST for limb in ends(LIMB)], LIMB + MULTIPLIER_BITS)
    assert fits([((1 << LIMB) - 1) * LARGEST], LIMB + MULTIPLIER_BITS + 1)
    assert not fits([((1 << LIMB) - 1) * LARGEST], LIMB + MULTIPLIER_BITS)


@pytest.mark.parametrize("weight_bits", [4, 8, 16])
def test_products_of_weight_and_activation(weight_bits: int) -> None:
    found = [weight * activation for weight in ends(weight_bits) for activation in ACTIVATION]
    assert fits(found, 8 + weight_bits)
    assert not fits(found, 7 + weight_bits)


def test_the_sign_of_the_sum_chooses_the_larger() -> None:
    """All pairs, in the 10 bits of the narrowest accumulator of an array with maxima."""
    values = np.arange(ACTIVATION[0], ACTIVATION[1] + 1)
    acc, value = values[:, None], values[None, :]
    found = acc + ~value
    assert fits([int(found.min()), int(found.max())], 10)
    np.testing.assert_array_equal(np.where(found < 0, value, acc), np.maximum(acc, value))
    assert values.min() == LEAST
