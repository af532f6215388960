"""Signed multiplier with registers on both sides."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal, signed
from amaranth.lib.wiring import Component, In, Out

WIDEST = 18
"""Bits of an operand that every family's multiplier takes."""


class Multiplier(Component):
    """``product`` follows ``a`` and ``b`` by two cycles: operands and product have a register each.

    In Verilog this is the module ``zs_multiplier``, which can be a part's own multiplier with the registers in it; in Amaranth's
    simulator it is an expression.

    Members
    -------
    a : In(signed), b : In(signed)
        ``WIDEST`` bits each at most.
    product : Out(signed)
        The lowest bits of the product.
    """

    module = "zs_multiplier"

    def __init__(self, a: int, b: int, product: int) -> None:
        if max(a, b) > WIDEST or product > a + b:
            raise ValueError(
                f"operands have at most {WIDEST} bits and a product as many as both, not {a}, {b}, {product}"
            )
        self.parameters = {"A": a, "B": b, "PRODUCT": product}
        super().__init__({"a": In(signed(a)), "b": In(signed(b)), "product": Out(signed(product))})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        a = Signal(signed(len(self.a)), reset_less=True)
        b = Signal(signed(len(self.b)), reset_less=True)
        product = Signal.like(self.product, name="registered", reset_less=True)
        m.d.sync += [a.eq(self.a), b.eq(self.b), product.eq(a * b)]
        m.d.comb += self.product.eq(product)
        return m
