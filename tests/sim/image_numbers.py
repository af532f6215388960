"""Numbers for random integer layers: formats, masks, weights, and requantization fitted to what the accumulator really holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zeroskip.contracts.network import RESIDUAL_FRACTION, IntArray
from zeroskip.contracts.tensor import QuantizedTensor

Mask = npt.NDArray[np.bool_]

PATTERNS = {
    "even": 30, "uneven": 10, "empty_rows": 10, "unread_inputs": 8, "one_tap": 6, "one_dense_row": 6, "full": 12,
    "single": 2, "nothing": 2,
}  # fmt: skip
"""Masks, by how often they are drawn."""


def any_format(rng: np.random.Generator) -> QuantizedTensor:
    """Signed or unsigned, with the zero-point at an end, at 0, or anywhere."""
    signed = bool(rng.integers(2))
    low, high = (-128, 127) if signed else (0, 255)
    zero_point = int(rng.choice([0, 0, 0, low, high, *rng.integers(low, high + 1, size=3)]))
    return QuantizedTensor(scale=1.0, zero_point=zero_point, signed=signed)


def any_mask(rng: np.random.Generator, shape: tuple[int, ...], pattern: str | None = None) -> Mask:
    """(outputs, inputs / groups, kernel height, kernel width), by one of the PATTERNS."""
    if pattern is None:
        pattern = str(rng.choice(list(PATTERNS), p=np.array(list(PATTERNS.values())) / sum(PATTERNS.values())))
    mask = rng.random(shape) < rng.choice([0.05, 0.2, 0.5, 0.9, *rng.random(2)])
    if pattern == "uneven":
        mask = rng.random(shape) < rng.beta(0.5, 1.5, size=(shape[0], 1, 1, 1))
    elif pattern == "empty_rows":
        mask[rng.random(shape[0]) < rng.uniform(0.2, 0.95)] = False
    elif pattern == "unread_inputs":
        mask[:, rng.random(shape[1]) < rng.uniform(0.2, 0.95)] = False
    elif pattern == "one_tap":
        tap = np.zeros(shape[2:], dtype=np.bool_)
        tap[rng.integers(shape[2]), rng.integers(shape[3])] = True
        mask &= tap
    elif pattern == "one_dense_row":
        mask &= bool(rng.integers(2))
        mask[rng.integers(shape[0])] = True
    elif pattern == "full":
        mask[:] = True
    elif pattern in ("single", "nothing"):
        mask[:] = False
    if pattern != "nothing":  # by chance a small mask is often empty
        mask[tuple(rng.integers(size) for size in shape)] = True
    return np.asarray(mask)


def any_weights(
    rng: np.random.Generator, bits: int, acc_bits: int, mask: Mask, source: QuantizedTensor, values: str | None = None
) -> IntArray:
    """Weights where ``mask`` is True; what would reach beyond the accumulator is pruned."""
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    anything = np.minimum(high, rng.choice([-1, 1], size=mask.shape) * rng.integers(1, high + 2, size=mask.shape))
    kinds = {
        "range": anything, "ends": rng.choice([low, high], size=mask.shape),
        "lowest": np.full(mask.shape, low), "ones": rng.choice([-1, 1], size=mask.shape),
    }  # fmt: skip
    weight = kinds[values or str(rng.choice(list(kinds), p=[0.75, 0.1, 0.05, 0.1]))] * mask
    rows = weight.reshape(len(weight), -1)
    rows[np.abs(rows).cumsum(axis=1) > ((1 << (acc_bits - 1)) - 1) // largest(source)] = 0
    return np.asarray(rows.reshape(mask.shape), dtype=np.int64)


def largest(source: QuantizedTensor) -> int:
    """The largest magnitude of a stored integer."""
    return max(-source.low, source.high)


@dataclass(frozen=True, kw_only=True, eq=False)
class Requantization:
    """bias, multiplier, shift : (outputs,) int64; slope too, or None"""

    bias: IntArray
    multiplier: IntArray
    shift: IntArray
    slope: IntArray | None
    zero_point: int


def any_requantization(
    rng: np.random.Generator, acc: IntArray, added: IntArray | None, *, room: IntArray, zero_point: int | None, low: int,
    high: int, slopes: bool, strange: float,
) -> Requantization:  # fmt: skip
    """What spreads the observed accumulators over most of low … high.

    acc : (N, outputs, height, width), observed, without the bias
    added : of that shape, observed residuals with their fractional bits, or None
    room : (outputs,) the largest magnitude that the bias may have; 0 keeps it 0
    zero_point : given, or None where it is free, as under a maximum
    strange : the share of rows that get extreme numbers instead
    """
    outputs, axes = acc.shape[1], (0, 2, 3)
    others = np.zeros(outputs) if added is None else added.mean(axis=axes) / 2.0**RESIDUAL_FRACTION
    middle, mean = (acc.max(axis=axes) + acc.min(axis=axes)) / 2, acc.mean(axis=axes)
    spread = np.maximum(1.0, (acc.max(axis=axes) - acc.min(axis=axes)))
    gain = rng.uniform(0.6, 1.4, size=outputs) * (high - low + 1) / spread
    target = low + (high - low) * rng.uniform(0.3, 0.7, size=outputs)
    if zero_point is None:
        zero_point = int(np.clip(np.round((target - mean * gain - others).mean()), -128, 255))
    bias = np.clip(np.round((target - zero_point - others) / gain - middle), -room, room).astype(np.int64)
    if slopes:  # both signs are to occur
        bias = np.clip(np.round(rng.normal(0, 0.1, size=outputs) * spread - mean), -room, room).astype(np.int64)

    odd = rng.random(outputs)
    ends = rng.choice([-1, 1], size=outputs) * room
    bias = np.where(odd < strange / 3, ends, bias)
    gain = np.where((odd < strange / 6) & (room > 0), (high - low + 1) / np.maximum(1, 2 * room), gain)
    bias = np.where((odd >= strange / 3) & (odd < strange / 2), rng.integers(-room, room + 1), bias)

    multiplier, shift = as_multiplier(rng, gain, 1 if added is None else RESIDUAL_FRACTION + 1)
    extreme = (odd >= strange / 2) & (odd < strange)
    lowest = 1 if added is None else RESIDUAL_FRACTION + 1
    shifts = [lowest, lowest + 1, 16, 62, 63, *range(lowest, 64)]
    shift = np.where(extreme, rng.choice(shifts, size=outputs), shift)
    multiplier = np.where(
        extreme, rng.choice([0, 1, 32768, 65535, *rng.integers(65536, size=4)], size=outputs), multiplier
    )
    slope = None
    if slopes:
        factor = rng.choice([0.0, 0.1, 0.25, 1.0, *rng.uniform(0, 2, size=3)], size=outputs)
        slope = np.clip(np.round(multiplier * factor), 0, 65535).astype(np.int64)
        slope = np.where(extreme, rng.choice([0, 65535], size=outputs), slope)
    return Requantization(bias=bias, multiplier=multiplier, shift=shift, slope=slope, zero_point=zero_point)


def as_multiplier(rng: np.random.Generator, gain: npt.NDArray[np.float64], lowest: int) -> tuple[IntArray, IntArray]:
    """(multiplier, shift), both (outputs,) int64, with multiplier / 2**shift near ``gain``; few or all of its 16 bits are used."""
    shift = 15 - np.floor(np.log2(gain)).astype(np.int64) - rng.choice([0, 0, 0, 1, 4, 8], size=gain.shape)
    shift = np.clip(shift, lowest, 63)
    return np.clip(np.round(gain * 2.0**shift), 0, 65535).astype(np.int64), shift


def any_clamp(rng: np.random.Generator, format: QuantizedTensor, *, parts: bool) -> tuple[int, int]:
    """The whole format, ReLU, or where ``parts`` some part of it, down to one value."""
    kind = rng.choice(["format", "relu", "some" if parts else "format"], p=[0.5, 0.35, 0.15])
    if kind == "some":
        low, high = sorted(rng.integers(format.low, format.high + 1, size=2).tolist())
        return low, high
    useful = format.high - format.zero_point >= 64 or (parts and rng.random() < 0.1)
    return (format.zero_point if kind == "relu" and useful else format.low), format.high
