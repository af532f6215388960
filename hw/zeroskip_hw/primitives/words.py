"""Slices of a memory word by field name."""

from __future__ import annotations

from amaranth.hdl import Value

from zeroskip.contracts.words import Word


def fields(word: Word, value: Value) -> dict[str, Value]:
    """The fields of ``value``, signed where the layout says so. Plain slices: structures would leave escaped names in the Verilog."""
    result, offset = {}, 0
    for field in word:
        part = value[offset : offset + field.width]
        result[field.name] = part.as_signed() if field.signed else part
        offset += field.width
    return result
