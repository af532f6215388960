"""One lane: mask and weight memories, decoder, issue, a copy of the activations, and a MAC for each column."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib.wiring import Component, In, Out, Signature

from zeroskip.spec.layout import Layout, Memory

from .decoder import Decoder
from .issue import Issue
from .macs import Macs
from .ram import Ram
from .store import Store, hidden_write, input_write

OPERAND_DELAY = 3
"""From a weight's addresses to its operands."""


def load_bus(layout: Layout) -> Signature:
    """Broadcast of the load windows: ``commit`` gives 32-bit part ``offset`` of memory ``window``.

    ``data`` has the part at its lowest 32 bits, and above it the parts given before, the latest first.
    """
    return Signature({
        "commit": Out(1), "window": Out(layout.address_bits - layout.window_bits),
        "offset": Out(layout.window_bits - 2), "data": Out(32 * layout.most_parts),
    })  # fmt: skip


class LoadableRam(Ram):
    """A :class:`Ram` that one window of the load bus writes.

    Members
    -------
    load : In(load_bus)
    read_enable, read_address, read_data : as in :class:`Ram`
    """

    def __init__(self, memory: Memory, *, block: bool = False) -> None:
        super().__init__(width=memory.width, depth=memory.depth, block=block, image=memory.name)
        self._memory = memory

    def connect_load(self, m: Module, load: Any) -> None:
        """Let the window of this memory write it; a word is complete with its last part."""
        parts = self._memory.parts
        step = self._memory.stride // 4
        part, address = load.offset & (step - 1), load.offset >> (step.bit_length() - 1)
        whole = Cat(*(load.data.word_select(parts - 1 - i, 32) for i in range(parts)))
        m.d.comb += [
            self.write_enable.eq(load.commit & (load.window == self._memory.window) & (part == parts - 1)),
            self.write_address.eq(address), self.write_data.eq(whole),
        ]  # fmt: skip


class Lane(Component):
    """Issues one nonzero weight per cycle to ``columns`` MACs.

    From the issue of a weight to its addition seven cycles; the timing of results is that of :mod:`zeroskip.spec.timing`.

    Members
    -------
    load : In(load_bus), input : In(input_write), hidden : In(hidden_write)
        Broadcasts to every lane.
    start : In(1), from_input : In(1), half : In(1), signed : In(1)
        A layer begins; where it reads, and whether that is two's complement.
    primed : Out(1)
        Ready for the next group: queue full, first byte and word at work.
    request, grant, head, tail_result, sums :
        Results, as in :class:`~zeroskip_hw.macs.Macs`.
    """

    def __init__(self, layout: Layout, number: int) -> None:
        self._layout, self._number = layout, number
        c = layout.config
        super().__init__({
            "load": In(load_bus(layout)), "input": In(input_write(layout)), "hidden": In(hidden_write(layout)),
            "start": In(1), "from_input": In(1), "half": In(1), "signed": In(1), "primed": Out(1),
            "request": Out(1), "grant": In(1),
            "head": Out(1), "tail_result": Out(1), "sums": Out(c.acc_bits * c.columns),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        layout = self._layout
        memories = {memory.name: memory for memory in layout.memories}
        m.submodules.masks = masks = LoadableRam(memories[f"lane{self._number:02}.masks"], block=True)
        m.submodules.weights = weights = LoadableRam(memories[f"lane{self._number:02}.weights"], block=True)
        m.submodules.decoder = decoder = Decoder(layout)
        m.submodules.issuer = issue = Issue(layout)
        m.submodules.store = store = Store(layout)
        m.submodules.macs = macs = Macs(layout)
        masks.connect_load(m, self.load)
        weights.connect_load(m, self.load)

        m.d.comb += [
            masks.read_address.eq(decoder.address), masks.read_enable.eq(decoder.enable), decoder.data.eq(masks.read_data),
            issue.valid.eq(decoder.valid), decoder.take.eq(issue.take),
            issue.mask.eq(decoder.mask), issue.filled.eq(decoder.filled), issue.group.eq(decoder.group),
            issue.begins.eq(decoder.begins), issue.layer_end.eq(decoder.layer_end),
            issue.start.eq(self.start), issue.rewind.eq(self.start & self.from_input), issue.collected.eq(self.grant),
            self.primed.eq(issue.idle & decoder.stuck),
        ]  # fmt: skip
        m.d.comb += [
            store.from_input.eq(self.from_input), store.half.eq(self.half), store.address.eq(issue.activation),
            weights.read_enable.eq(1), weights.read_address.eq(issue.weight),
            macs.activations.eq(store.data), macs.signed.eq(self.signed),
            self.request.eq(macs.request), macs.grant.eq(self.grant),
            self.head.eq(macs.head), self.tail_result.eq(macs.tail_result), self.sums.eq(macs.sums),
        ]  # fmt: skip
        m.d.comb += [
            store.input.enable.eq(self.input.enable), store.input.column.eq(self.input.column),
            store.input.half.eq(self.input.half), store.input.position.eq(self.input.position),
            store.input.data.eq(self.input.data),
            store.hidden.enable.eq(self.hidden.enable), store.hidden.address.eq(self.hidden.address),
            store.hidden.data.eq(self.hidden.data),
        ]  # fmt: skip

        weight_held, weight = (
            Signal(layout.config.weight_bits, name=name, reset_less=True) for name in ("held", "weight")
        )
        m.d.sync += [weight_held.eq(weights.read_data), weight.eq(weight_held)]
        m.d.comb += macs.weight.eq(weight)
        flags = [issue.issue, issue.first, issue.tail]
        for stage in range(OPERAND_DELAY):
            later = [Signal(name=f"{name}{stage}") for name in ("issue", "first", "tail")]
            m.d.sync += [after.eq(before) for after, before in zip(later, flags, strict=True)]
            flags = later
        m.d.comb += [macs.issue.eq(flags[0]), macs.first.eq(flags[1]), macs.tail.eq(flags[2])]
        return m
