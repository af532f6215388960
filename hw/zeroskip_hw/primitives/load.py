"""How memories are loaded at run time: a broadcast bus, and block RAM that one window of it writes."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib.wiring import In, Member, Out, Signature

from zeroskip.contracts.layout import Layout

from .ram import Ram

POWER_UP = "zeroskip_power_up"
"""Attribute of a register that has its initial value in Verilog too: it would spoil a memory's contents before the reset is heard."""


def load_bus(layout: Layout) -> Signature:
    """Broadcast of the load windows: ``commit`` gives 32-bit part ``offset`` of memory ``window``.

    ``data`` has the part at its lowest 32 bits, and above it the parts given before, the latest first. All but ``commit`` stay for one
    cycle more.
    """
    return Signature({
        "commit": Out(1), "window": Out(layout.address_bits - layout.window_bits),
        "offset": Out(layout.window_bits - 2), "data": Out(32 * layout.most_parts),
    })  # fmt: skip


def own_window(layout: Layout, name: str) -> Member:
    """Member of a component with a memory of its own, where others of its kind have others: a constant, the memory's window."""
    return In(layout.address_bits - layout.window_bits, init=layout.memory(name).window)  # type: ignore[call-arg]  # stubs of 0.4


class LoadableRam(Ram):
    """The :class:`Ram` of the memory that the layout calls ``name``; its write side belongs to :meth:`connect_load`."""

    def __init__(self, layout: Layout, name: str, *, block: bool = False) -> None:
        self._memory, self._apart = layout.memory(name), layout.config.lanes > 1
        super().__init__(width=self._memory.width, depth=self._memory.depth, block=block, image=name)

    def connect_load(self, m: Module, load: Any, window: Value | None = None) -> None:
        """Let the window of this memory write it; a word is complete with its last part.

        window : where it is a member, see :func:`own_window`
        """
        own = self._memory.window if window is None else window
        parts = self._memory.parts
        step = self._memory.stride // 4
        part, address = load.offset & (step - 1), load.offset >> (step.bit_length() - 1)
        whole = Cat(*(load.data.word_select(parts - 1 - i, 32) for i in range(parts)))
        meant, to, word = (
            (load.window == own) & (part == parts - 1),
            address[: len(self.write_address)],
            whole[: len(self.write_data)],
        )
        write = load.commit & meant
        if self._apart:
            # The bus comes from across the part, so its wires have a cycle for themselves. One more register takes the choice: a word's
            # block RAMs may lie far from each other.
            far, near = [load.commit, meant, to, word], []
            # Where a memory has contents from the beginning, registers have them too. No reset comes here: it would have far to go.
            for name, value in zip(("commit", "meant", "to", "word"), far, strict=True):
                known = {POWER_UP: 1} if name == "commit" else {}
                near.append(Signal(len(value), name=f"load_{name}", reset_less=True, attrs=known))
                m.d.sync += near[-1].eq(value)
            commit, meant, to, word = near
            write = Signal(name="load_enable", reset_less=True, attrs={POWER_UP: 1})
            m.d.sync += write.eq(commit & meant)
        m.d.comb += [self.write_enable.eq(write), self.write_address.eq(to), self.write_data.eq(word)]
