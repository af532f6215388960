"""Signed multiplier with registers on both sides."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Signal, Value, signed
from amaranth.lib.wiring import Component, In, Out

ECP5 = "ecp5"
"""Platform for which the part's own multiplier is instantiated: synthesis puts none of the registers into it."""
_WIDTH, _PRODUCT = 18, 36


class Multiplier(Component):
    """``product`` follows ``a`` and ``b`` by two cycles: operands and product have a register each.

    Members
    -------
    a : In(signed), b : In(signed)
        18 bits each at most.
    product : Out(signed)
        The lowest bits of the product.
    """

    def __init__(self, a: int, b: int, product: int) -> None:
        super().__init__({"a": In(signed(a)), "b": In(signed(b)), "product": Out(signed(product))})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        if platform == ECP5:
            self._instance(m)
            return m
        a, b = Signal(signed(len(self.a)), reset_less=True), Signal(signed(len(self.b)), reset_less=True)
        product = Signal.like(self.product, name="registered", reset_less=True)
        m.d.sync += [a.eq(self.a), b.eq(self.b), product.eq(a * b)]
        m.d.comb += self.product.eq(product)
        return m

    def _instance(self, m: Module) -> None:
        # Operands stand at the top of the inputs: zeros below cost no wires, which a sign above would.
        below = 2 * _WIDTH - len(self.a) - len(self.b)
        product = Signal(_PRODUCT)
        pins: dict[str, Any] = {
            **{f"p_REG_{name}_CLK": "CLK0" for name in ("INPUTA", "INPUTB", "OUTPUT")}, "p_GSR": "DISABLED",
            "i_CLK0": ClockSignal(), "i_CE0": Const(1, 1), "i_RST0": Const(0, 1),
            "i_SIGNEDA": Const(1, 1), "i_SIGNEDB": Const(1, 1), "i_SOURCEA": Const(0, 1), "i_SOURCEB": Const(0, 1),
            **_pins("i_A", Cat(Const(0, _WIDTH - len(self.a)), self.a)), **_pins("i_B", Cat(Const(0, _WIDTH - len(self.b)), self.b)),
            **_pins("i_C", Const(0, _WIDTH)), **_pins("o_P", product),
        }  # fmt: skip
        m.submodules.multiplier = Instance("MULT18X18D", **pins)
        m.d.comb += self.product.eq(product[below : below + len(self.product)])


def _pins(name: str, value: Value) -> dict[str, Value]:
    return {f"{name}{i}": value[i] for i in range(len(value))}
