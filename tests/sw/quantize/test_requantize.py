"""Multiplier and shift against a model in exact rational arithmetic, extremes included."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zeroskip.quantize.requantize import least_sum_scale, requantization, residual_multiplier

ACC = 2**39 - 1
scales = st.floats(2.0**-126, 2.0**127)
accumulators = st.integers(-ACC, ACC)


def one(input_scale: float, weight_scale: float, output_scale: float) -> tuple[int, int]:
    factors = requantization(input_scale, np.array([weight_scale]), output_scale)
    assert factors.slope is None
    return int(factors.multiplier[0]), int(factors.shift[0])


def exact_factor(input_scale: float, weight_scale: float, output_scale: float) -> Fraction:
    return Fraction(input_scale) * Fraction(weight_scale) / Fraction(output_scale)


def exact_output(acc: int, factor: Fraction, zero_point: int, low: int, high: int) -> int:
    return min(max(zero_point + math.floor(acc * factor + Fraction(1, 2)), low), high)


@given(scales, scales, scales)
@example(1.0, 1.0, 1.0)
@example(1.0, 1 - 2.0**-53, 1.0)  # rounds up to the next power of two
@example(1.0, 2.0**15 - 2.0**-30, 1.0)
@example(1.0, 2.0**-48, 1.0)
@example(1.0, math.nextafter(2.0**-48, 0), 1.0)
@example(2.0**-126, 2.0**-126, 2.0**127)
@example(2.0**127, 2.0**127, 2.0**-126)
def test_the_factor_is_within_half_a_unit_of_the_multiplier(input_scale, weight_scale, output_scale):
    multiplier, shift = one(input_scale, weight_scale, output_scale)
    factor = exact_factor(input_scale, weight_scale, output_scale)
    assert 1 <= shift <= 63
    assert 0 <= multiplier < 2**16
    if multiplier == 0:
        assert factor < Fraction(1, 2**47)
        assert abs(ACC * factor) < Fraction(1, 2)
    elif (multiplier, shift) == (65535, 1):
        assert factor > Fraction(65534, 2)
    else:
        assert multiplier >= 2**15
        assert abs(Fraction(multiplier, 2**shift) - factor) <= factor * Fraction(1, 2**16) * (1 + Fraction(1, 2**40))


@given(scales, scales, scales, accumulators, st.integers(-128, 127), st.booleans())
@example(1.0, 2.0**20, 1.0, 1, -128, True)
@example(1.0, 2.0**20, 1.0, -1, 127, True)
@example(1.0, 2.0**-60, 1.0, ACC, 0, True)
@example(1.0, 2.0**-60, 1.0, -ACC, 0, True)
def test_the_integer_formula_gives_the_exact_output(input_scale, weight_scale, output_scale, acc, zero_point, signed):
    multiplier, shift = one(input_scale, weight_scale, output_scale)
    assert abs(acc * multiplier) + (1 << (shift - 1)) < 2**63
    low, high = (-128, 127) if signed else (0, 255)
    zero_point = zero_point if signed else 0
    ours = min(max(zero_point + ((acc * multiplier + (1 << (shift - 1))) >> shift), low), high)
    factor = exact_factor(input_scale, weight_scale, output_scale)
    if multiplier == 0 or factor >= 2**15:
        assert ours == exact_output(acc, factor, zero_point, low, high)
    else:
        assert ours == exact_output(acc, Fraction(multiplier, 2**shift), zero_point, low, high)
        assert abs(ours - exact_output(acc, factor, zero_point, low, high)) <= 1


@pytest.mark.parametrize(
    "factor, expected",
    [
        (1.0, (32768, 15)),
        (2.0**14, (32768, 1)),
        (2.0**15, (65535, 1)),
        (2.0**-48, (32768, 63)),
        (2.0**-49, (0, 1)),
        (65535 / 2, (65535, 1)),
        (1 - 2.0**-18, (32768, 15)),
    ],
)
def test_the_ends_of_the_range(factor, expected):
    assert one(1.0, factor, 1.0) == expected


@given(scales, scales, scales, st.one_of(st.just(0.0), st.floats(2.0**-20, 2.0**20)))
@example(1.0, 1 - 2.0**-53, 1.0, 0.25)
@example(1.0, 1.0, 1.0, 1 + 2.0**-52)
@example(1.0, 1.0, 1.0, 2 - 2.0**-52)
@example(1.0, 2.0**14, 1.0, 3.0)
@example(1.0, 2.0**-48, 1.0, 0.5)
def test_a_slope_shares_the_shift_of_the_larger_factor(input_scale, weight_scale, output_scale, slope):
    factors = requantization(input_scale, np.array([weight_scale]), output_scale, np.array([slope]))
    pair = [int(factors.multiplier[0]), int(factors.slope[0])]
    shift = int(factors.shift[0])
    assert (max(pair), shift) == one(input_scale, weight_scale * max(slope, 1.0), output_scale)
    exact = [exact_factor(input_scale, weight_scale, output_scale) * Fraction(part) for part in (1.0, slope)]
    if max(pair) == 0:
        assert max(exact) < Fraction(1, 2**47)
    else:
        for got, wanted in zip(pair, exact, strict=True):
            in_units = wanted * 2**shift
            assert abs(got - min(in_units, 65535)) <= Fraction(1, 2) * (1 + Fraction(1, 2**30))


@pytest.mark.parametrize(
    "residual, output, expected",
    [(1.0, 1.0, 4096), (1.0, 2.0, 2048), (3.0, 1.0, 12288), (1.0, 1e6, 0), (15.9999, 1.0, 65536), (1e30, 1e-30, 65536)],
)
def test_a_residual_is_scaled_in_4096ths(residual, output, expected):
    assert residual_multiplier(residual, output) == expected


@given(st.floats(2.0**-60, 2.0**60), st.floats(2.0**-60, 2.0**60))
@example(8.0, 16.0)
def test_from_the_least_scale_on_a_sum_has_integers_and_below_it_not(unit, residual):
    least = least_sum_scale(unit, residual)

    def reachable(scale: float) -> bool:
        multiplier, shift = one(1.0, unit, scale)
        return (multiplier == 0 or shift >= 13) and residual_multiplier(residual, scale) < 2**16

    assert reachable(least)
    assert reachable(least * 1.7)
    assert not reachable(least * (1 - 2.0**-13))
