"""The number format of an activation tensor. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class QuantizedTensor:
    """An activation's number format: ``real = scale * (integer - zero_point)``.

    scale : float, above zero
    zero_point : int; 0 for an unsigned tensor that calibration chose, any value where a quantized model gives it
    signed : two's complement when True, else unsigned
    bits : width of the integer
    """

    scale: float
    zero_point: int
    signed: bool
    bits: int = 8

    @property
    def low(self) -> int:
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        return (1 << (self.bits - 1)) - 1 if self.signed else (1 << self.bits) - 1
