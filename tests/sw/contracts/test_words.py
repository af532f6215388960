"""Fields in words: what is put in comes out, what does not fit is refused."""

from __future__ import annotations

import pytest

from zeroskip.contracts.words import Field, Memory, Word, bits_for


@pytest.mark.parametrize(
    "field, value, message",
    [
        (Field("a", 3), 8, "field 'a' holds 0 … 7, not 8"),
        (Field("a", 3), -1, "field 'a' holds 0 … 7, not -1"),
        (Field("b", 8, signed=True), 128, "field 'b' holds -128 … 127, not 128"),
        (Field("b", 8, signed=True), -129, "field 'b' holds -128 … 127, not -129"),
    ],
)
def test_a_value_that_does_not_fit_its_field_is_refused(field: Field, value: int, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        Word((field,)).encode({field.name: value})


def test_fields_start_at_the_least_significant_bit() -> None:
    word = Word((Field("low", 4), Field("high", 4, signed=True)))
    assert word.encode({"low": 0x5, "high": -1}) == 0xF5
    assert word.decode(0xF5) == {"low": 0x5, "high": -1}
    assert word.width == 8


@pytest.mark.parametrize("width, parts, stride", [(1, 1, 4), (32, 1, 4), (33, 2, 8), (65, 3, 16), (129, 5, 32)])
def test_a_word_takes_a_power_of_two_of_bytes(width: int, parts: int, stride: int) -> None:
    memory = Memory("rows0", width, depth=3, window=1, per_lane=False)
    assert (memory.parts, memory.stride) == (parts, stride)


@pytest.mark.parametrize("count, bits", [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (1024, 10), (1025, 11)])
def test_bits_for(count: int, bits: int) -> None:
    assert bits_for(count) == bits
