"""The multiply-accumulate units of a lane, one per column, and the queue of their sums."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out

from zeroskip.contracts.layout import Layout
from zeroskip.contracts.timing import ROWS_IN_FLIGHT
from zeroskip_hw.primitives.multiplier import Multiplier
from zeroskip_hw.primitives.ram import Ram

from .turn import OPERAND_BITS

LEAST = -128
"""No activation is less: where a maximum starts."""


class Sums(Component):
    """``acc = (0 if first else acc) + weight · operand`` in every column, or the maximum of the products; one weight per cycle.

    Operands, product, accumulator: one register each, of which the multiplier has the former two. A row's sum enters the queue when the
    next row's first product arrives, or one cycle after the lane's last product in the tile. Nobody takes what has not been announced,
    and the gate admits no more rows than fit: so the queue has no flags.

    Members
    -------
    issue, first, tail : In(1)
        One cycle behind the operands: they are valid; the weight is its row's first; it is the lane's last in the tile.
    weight : In(weight_bits), operands : In(9 · columns)
    maximum : In(1)
        Where the array can: take the maximum; constant while a layer runs.
    pushed : Out(1)
        A sum is in the queue.
    grant : In(1), sums : Out(acc_bits · columns)
        ``grant_to_sums`` after ``grant`` the sums of the row, and in all other cycles 0.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        c = layout.config
        super().__init__({
            "issue": In(1), "first": In(1), "tail": In(1), "weight": In(c.weight_bits), "operands": In(OPERAND_BITS * c.columns),
            **({"maximum": In(1)} if c.maximum else {}), "pushed": Out(1), "grant": In(1), "sums": Out(c.acc_bits * c.columns),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        c = self._layout.config
        issue = Signal()
        first = Signal()
        ended = Signal()
        is_open = Signal()
        push = Signal()
        coming = Signal()
        tail = Signal()
        m.d.comb += [push.eq((issue & first & is_open) | ended), coming.eq(self.issue & self.first)]
        m.d.sync += [
            issue.eq(self.issue), first.eq(self.first), tail.eq(self.tail), ended.eq(issue & tail), self.pushed.eq(push),
            is_open.eq(issue | (is_open & ~ended)),
        ]  # fmt: skip
        # Without a grant it is 0 by itself: a reset would only have far to go.
        given = Signal(len(self.sums), reset_less=True)
        m.d.comb += self.sums.eq(given)
        sums = []
        for column in range(c.columns):
            # An activation lies within -128 … 255, so the product within 255 · 2**(weight_bits - 1).
            multiplier = Multiplier(OPERAND_BITS, c.weight_bits, 8 + c.weight_bits)
            m.submodules[f"multiplier{column}"] = multiplier
            acc, total = (Signal(signed(c.acc_bits), name=f"{n}{column}", reset_less=True) for n in ("acc", "sum"))
            m.d.comb += [multiplier.a.eq(self.operands.word_select(column, OPERAND_BITS)), multiplier.b.eq(self.weight)]
            # `acc` is cleared as the operands of a row's first product arrive, which costs no gate before the adder; `sum` keeps the row.
            result = acc + multiplier.product
            if c.maximum:
                # One adder serves both: with the product's bits inverted it gives acc - product - 1, negative unless acc is larger.
                product = multiplier.product
                raised = Signal(signed(c.acc_bits), name=f"raised{column}")
                m.d.comb += raised.eq(acc + (product ^ self.maximum.replicate(len(product)).as_signed()))
                result = Mux(self.maximum, Mux(raised[-1], product, acc), raised)
            with m.If(issue):
                m.d.sync += [acc.eq(result), total.eq(result)]
            with m.If(coming):
                m.d.sync += acc.eq(Mux(self.maximum, LEAST, 0) if c.maximum else 0)
            sums.append(total)
        width = c.acc_bits * c.columns
        head = Signal(range(ROWS_IN_FLIGHT))
        tail_number = Signal(range(ROWS_IN_FLIGHT))
        m.d.sync += [tail_number.eq(tail_number + push), head.eq(head + self.grant)]
        if self._layout.config.block_queue:
            m.submodules.queue = block = Ram(width=width, depth=ROWS_IN_FLIGHT, block=True)
            read = Signal()
            m.d.comb += [
                block.write_enable.eq(push), block.write_address.eq(tail_number), block.write_data.eq(Cat(*sums)),
                block.read_enable.eq(1), block.read_address.eq(head),
            ]  # fmt: skip
            m.d.sync += [read.eq(self.grant), given.eq(Mux(read, block.read_data, 0))]
            return m
        m.submodules.queue = queue = Memory(shape=unsigned(width), depth=ROWS_IN_FLIGHT, init=[])
        write_port, read_port = queue.write_port(), queue.read_port(domain="comb")
        m.d.comb += [
            write_port.en.eq(push), write_port.addr.eq(tail_number), write_port.data.eq(Cat(*sums)),
            read_port.addr.eq(head),
        ]  # fmt: skip
        m.d.sync += given.eq(Mux(self.grant, read_port.data, 0))
        return m
