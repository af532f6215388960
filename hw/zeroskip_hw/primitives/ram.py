"""Block RAM that takes its contents from an image file."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import ClockSignal, Instance, Module, unsigned
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out

from zeroskip.contracts.words import bits_for


def image_file(name: str) -> str:
    """Where simulation and synthesis find the words of a memory."""
    return f"images/{name}.mem"


class Ram(Component):
    """Simple dual-port RAM.

    One write and one read per cycle; data read appears one cycle after its address and stays while ``read_enable`` is low. A read of
    the address that is being written gives the old or the new word, and nothing in the array uses it.

    In Verilog this is the module ``zs_ram`` with its contents from ``images/<image>.mem``; in Amaranth's simulator it is a memory with
    ``init`` as contents. With ``block`` synthesis must use block RAM; otherwise it chooses.

    Members
    -------
    write_enable : In(parts)
    write_address : In(bits_for(depth))
    write_data : In(width)
    read_enable : In(1)
    read_address : In(bits_for(depth))
    read_data : Out(width)
    """

    module = "zs_ram"

    def __init__(
        self,
        *,
        width: int,
        depth: int,
        parts: int = 1,
        block: bool = False,
        image: str = "",
        init: tuple[int, ...] = (),
    ) -> None:
        self._width, self._depth, self._parts, self._init = width, depth, parts, init
        address = bits_for(depth)
        self.parameters = {
            "WIDTH": width, "DEPTH": depth, "ADDRESS": address, "PARTS": parts, "STYLE": "block" if block else "auto",
            "IMAGE": image_file(image) if image else "",
        }  # fmt: skip
        super().__init__({
            "write_enable": In(parts), "write_address": In(address), "write_data": In(width),
            "read_enable": In(1), "read_address": In(address), "read_data": Out(width),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        if platform is None:
            m.submodules.memory = memory = Memory(shape=unsigned(self._width), depth=self._depth, init=list(self._init))
            write = memory.write_port(granularity=self._width // self._parts)
            read = memory.read_port()
            m.d.comb += [
                write.en.eq(self.write_enable), write.addr.eq(self.write_address), write.data.eq(self.write_data),
                read.en.eq(self.read_enable), read.addr.eq(self.read_address), self.read_data.eq(read.data),
            ]  # fmt: skip
            return m
        pins = {"i_clk": ClockSignal(), "o_read_data": self.read_data}
        for name in ("write_enable", "write_address", "write_data", "read_enable", "read_address"):
            pins[f"i_{name}"] = getattr(self, name)
        parameters = {f"p_{name}": value for name, value in self.parameters.items()}
        m.submodules.ram = Instance(self.module, **parameters, **pins)
        return m
