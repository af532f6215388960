"""The multiply-accumulate units of one lane, one per column, and the queue of their results."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib.wiring import Component, In, Out

from zeroskip.contracts.layout import Layout
from zeroskip.contracts.timing import ROWS_IN_FLIGHT
from zeroskip_hw.primitives.fifo import Fifo

LEAST = -128
"""No activation is less: where a maximum starts."""


class Macs(Component):
    """``acc = (0 if first else acc) + weight · activation`` in every column, or the maximum of the products; one weight per cycle.

    Operands to product to accumulator: one register each. A row's sum enters the queue when the next row's first product arrives, or one
    cycle after the lane's last product in the tile.

    Members
    -------
    issue, first, tail : In(1)
        With the operands: they are valid; the weight is its row's first; it is the lane's last in the tile.
    weight : In(weight_bits), activations : In(8 · columns), signed : In(1)
        Whether the activations are two's complement.
    maximum : In(1)
        Where the array can: take the maximum; constant while a layer runs.
    request : Out(1), request_tail : Out(1), grant : In(1)
        A result waits; it is the lane's last in the tile; it is taken.
    head, tail_result : Out(1), sums : Out(acc_bits · columns)
        One cycle after ``grant``: the result, and whether it is the lane's first and its last in the tile.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        c = layout.config
        super().__init__({
            "issue": In(1), "first": In(1), "tail": In(1),
            "weight": In(c.weight_bits), "activations": In(8 * c.columns), "signed": In(1),
            **({"maximum": In(1)} if c.maximum else {}),
            "request": Out(1), "request_tail": Out(1), "grant": In(1),
            "head": Out(1), "tail_result": Out(1), "sums": Out(c.acc_bits * c.columns),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        c = self._layout.config
        issue, first, tail, ended, is_open = Signal(), Signal(), Signal(), Signal(), Signal()
        is_head = Signal(init=1)
        push = Signal()
        m.d.comb += push.eq((issue & first & is_open) | ended)
        m.d.sync += [issue.eq(self.issue), first.eq(self.first), tail.eq(self.tail), ended.eq(issue & tail)]
        coming = Signal()
        m.d.comb += coming.eq(self.issue & self.first)
        with m.If(push):
            m.d.sync += is_head.eq(ended)
        with m.If(ended):
            m.d.sync += is_open.eq(0)
        with m.If(issue):  # the next tile's first weight may follow at once
            m.d.sync += is_open.eq(1)

        sums = []
        for column in range(c.columns):
            byte = self.activations.word_select(column, 8)
            # An activation lies within -128 … 255, so the product within 255 · 2**(weight_bits - 1).
            product = Signal(signed(8 + c.weight_bits), name=f"product{column}", reset_less=True)
            acc, total = (
                Signal(signed(c.acc_bits), name=f"{name}{column}", reset_less=True) for name in ("acc", "sum")
            )
            m.d.sync += product.eq(Cat(byte, byte[7] & self.signed).as_signed() * self.weight.as_signed())
            # `acc` is cleared as the operands of a row's first product arrive, which costs no gate before the adder; `sum` keeps the row.
            result = acc + product
            if c.maximum:
                # One adder serves both: with the product's bits inverted it gives acc - product - 1, negative unless acc is larger.
                # That is -384 at least, which the 10 bits of the narrowest accumulator hold.
                raised = Signal(signed(c.acc_bits), name=f"raised{column}")
                m.d.comb += raised.eq(acc + (product ^ self.maximum.replicate(len(product)).as_signed()))
                result = Mux(self.maximum, Mux(raised[-1], product, acc), raised)
            with m.If(issue):
                m.d.sync += [acc.eq(result), total.eq(result)]
            with m.If(coming):
                m.d.sync += acc.eq(Mux(self.maximum, LEAST, 0) if c.maximum else 0)
            sums.append(total)

        entry = Cat(is_head, ended, *sums)
        m.submodules.fifo = fifo = Fifo(width=len(entry), depth=ROWS_IN_FLIGHT)
        taken = Signal(len(entry), reset_less=True)
        m.d.sync += taken.eq(fifo.data)
        m.d.comb += [
            fifo.write.eq(push), fifo.write_data.eq(entry), fifo.take.eq(self.grant),
            self.request.eq(fifo.valid), self.request_tail.eq(fifo.data[1]), Cat(self.head, self.tail_result, self.sums).eq(taken),
        ]  # fmt: skip
        return m
