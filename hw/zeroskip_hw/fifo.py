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
        level = Signal(range(self._depth + 1))
        after = Signal.like(level, name="after")
        m.d.comb += [
            write.en.eq(self.write), write.data.eq(self.write_data), self.data.eq(read.data),
            after.eq(level + self.write - self.take),
        ]  # fmt: skip
        head, tail = Signal(range(self._depth)), Signal(range(self._depth))
        m.d.comb += [write.addr.eq(tail), read.addr.eq(head)]
        m.d.sync += [
            level.eq(after), self.valid.eq(after != 0), self.full.eq(after == self._depth),
            tail.eq(tail + self.write), head.eq(head + self.take),
        ]  # fmt: skip
        return m
