"""Small FIFO in distributed RAM with registered flags."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal, unsigned
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out


class Fifo(Component):
    """First word falls through; ``valid`` and ``full`` are registers, so that they may start a long path.

    A word written in one cycle is readable in the next. Writing while ``full`` or taking while not ``valid`` is not allowed.

    Members
    -------
    write : In(1), write_data : In(width), full : Out(1)
    valid : Out(1), data : Out(width), take : In(1)
    """

    def __init__(self, *, width: int, depth: int) -> None:
        if depth < 2 or depth & (depth - 1):
            raise ValueError(f"depth must be a power of two of at least 2, not {depth}")
        self._width, self._depth = width, depth
        super().__init__({
            "write": In(1), "write_data": In(width), "full": Out(1),
            "valid": Out(1), "data": Out(width), "take": In(1),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.memory = memory = Memory(shape=unsigned(self._width), depth=self._depth, init=[])
        write, read = memory.write_port(), memory.read_port(domain="comb")
        m.d.comb += [write.en.eq(self.write), write.data.eq(self.write_data), self.data.eq(read.data)]
        # Each pointer runs with its successor, so that the flags compare registers with registers.
        head = Signal(range(self._depth))
        tail = Signal(range(self._depth))
        head_next = Signal(range(self._depth), init=1)
        tail_next = Signal(range(self._depth), init=1)
        m.d.comb += [write.addr.eq(tail), read.addr.eq(head)]
        with m.If(self.write):
            m.d.sync += [tail.eq(tail_next), tail_next.eq(tail_next + 1)]
        with m.If(self.take):
            m.d.sync += [head.eq(head_next), head_next.eq(head_next + 1)]
        m.d.sync += [
            self.valid.eq(self.write | (self.valid & ~(self.take & (head_next == tail)))),
            self.full.eq(~self.take & (self.full | (self.write & (tail_next == head)))),
        ]  # fmt: skip
        return m
