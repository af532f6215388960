"""One-hot words and how to come to them, and other logic of few bits in gates."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Value


def index_of(one_hot: Value) -> Value:
    """Number of the bit that is set; no bits where there is only one place."""
    return Cat(
        *(
            Cat(*(one_hot[i] for i in range(len(one_hot)) if i >> bit & 1)).any()
            for bit in range((len(one_hot) - 1).bit_length())
        )
    )


def chosen(one_hot: Value, values: Sequence[Value]) -> Value:
    """The value whose bit is set, or 0."""
    return reduce(or_, (value & bit.replicate(len(value)) for value, bit in zip(values, one_hot, strict=True)))


def at_most_one(value: Value) -> Value:
    """Whether no two bits are set, by halves."""
    if len(value) == 1:
        return Const(1)
    low, high = value[: len(value) // 2], value[len(value) // 2 :]
    return (~low.any() & at_most_one(high)) | (~high.any() & at_most_one(low))


def without_lowest(value: Value) -> Value:
    """``value & (value - 1)`` in gates: a carry chain costs more for so few bits."""
    return Cat(*(value[i] & value[:i].any() if i else 0 for i in range(len(value))))


def exceeds(a: Value, b: Value) -> Value:
    """``a > b`` of unsigned values in gates: a carry chain takes longer for so few bits."""
    result: Value = Const(0)
    for i in range(max(len(a), len(b))):
        bit_a, bit_b = (value[i] if i < len(value) else Const(0) for value in (a, b))
        result = (bit_a & ~bit_b) | (~(bit_a ^ bit_b) & result)
    return result
