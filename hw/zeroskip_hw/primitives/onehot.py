"""One-hot words."""

from __future__ import annotations

from amaranth.hdl import Cat, Value


def index_of(one_hot: Value) -> Value:
    """Number of the bit that is set; no bits where there is only one place."""
    return Cat(
        *(
            Cat(*(one_hot[i] for i in range(len(one_hot)) if i >> bit & 1)).any()
            for bit in range((len(one_hot) - 1).bit_length())
        )
    )
