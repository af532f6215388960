"""One lane: mask and weight memories, decoder, issue, a copy of the activations, and a MAC for each column."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import Component, In, Out

from zeroskip.contracts.layout import Layout
from zeroskip_hw.activations.store import Store, hidden_write, input_write
from zeroskip_hw.primitives.broadcast import broadcast, registered
from zeroskip_hw.primitives.load import LoadableRam, load_bus, own_window
from zeroskip_hw.primitives.ram import image_file

from .decoder import Decoder
from .issue import Issue, raster
from .macs import Macs

OPERAND_DELAY = 3
"""From a weight's addresses to its operands."""


class Lane(Component):
    """Issues one nonzero weight per cycle to ``columns`` MACs.

    From the issue of a weight to its addition seven cycles, with strips eight; results are timed by :mod:`zeroskip.contracts.timing`.

    Members
    -------
    masks_window, weights_window : In
        Constant: the windows of the lane's own memories.
    load : In(load_bus), input : In(input_write), hidden : In(hidden_write)
        Broadcasts to every lane; with strips the latter two take effect one cycle later.
    start : In(1), rewind : In(1), from_input : In(1), half : In(1), signed : In(1)
        A layer begins, the first; where it reads, and whether that is two's complement.
    raster : In(raster), maximum : In(1)
        With strips, and where the array can: constants of the layer.
    primed : Out(1)
        Ready for the next group: queue full, first byte and word at work.
    request, request_tail, grant, head, tail_result, sums :
        Results, as in :class:`~zeroskip_hw.lane.macs.Macs`.
    """

    individual = ("_masks", "_weights")

    def __init__(self, layout: Layout, number: int) -> None:
        self._layout, self._masks, self._weights = layout, f"lane{number:02}.masks", f"lane{number:02}.weights"
        self.parameters = {"MASKS": image_file(self._masks), "WEIGHTS": image_file(self._weights)}
        c = layout.config
        super().__init__({
            "load": In(load_bus(layout)), "masks_window": own_window(layout, self._masks),
            "weights_window": own_window(layout, self._weights), "input": In(input_write(layout)), "hidden": In(hidden_write(layout)),
            "start": In(1), "rewind": In(1), "from_input": In(1), "half": In(1), "signed": In(1), "primed": Out(1),
            **({"raster": In(raster(layout))} if c.strips else {}), **({"maximum": In(1)} if c.maximum else {}),
            "request": Out(1), "request_tail": Out(1), "grant": In(1),
            "head": Out(1), "tail_result": Out(1), "sums": Out(c.acc_bits * c.columns),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        layout = self._layout
        m.submodules.masks = masks = LoadableRam(layout, self._masks, block=True)
        m.submodules.weights = weights = LoadableRam(layout, self._weights, block=True)
        m.submodules.decoder = decoder = Decoder(layout)
        m.submodules.issuer = issue = Issue(layout)
        m.submodules.store = store = Store(layout)
        m.submodules.macs = macs = Macs(layout)
        masks.connect_load(m, self.load, self.masks_window)
        weights.connect_load(m, self.load, self.weights_window)

        m.d.comb += [
            masks.read_address.eq(decoder.address), masks.read_enable.eq(decoder.enable), decoder.data.eq(masks.read_data),
            issue.valid.eq(decoder.valid), decoder.take.eq(issue.take),
            issue.mask.eq(decoder.mask), issue.filled.eq(decoder.filled), issue.place.eq(decoder.place),
            issue.begins.eq(decoder.begins), issue.tile_end.eq(decoder.tile_end), issue.layer_end.eq(decoder.layer_end),
            issue.start.eq(self.start), issue.rewind.eq(self.rewind), issue.collected.eq(self.grant),
            self.primed.eq(issue.idle & decoder.stuck),
        ]  # fmt: skip
        m.d.comb += [
            store.from_input.eq(self.from_input), store.half.eq(self.half), store.address.eq(issue.activation),
            weights.read_enable.eq(1), weights.read_address.eq(issue.weight),
            macs.activations.eq(store.data), macs.signed.eq(self.signed),
            self.request.eq(macs.request), self.request_tail.eq(macs.request_tail), macs.grant.eq(self.grant),
            self.head.eq(macs.head), self.tail_result.eq(macs.tail_result), self.sums.eq(macs.sums),
        ]  # fmt: skip
        if layout.config.strips:
            m.submodules.offsets = offsets = LoadableRam(layout, "offsets")
            offsets.connect_load(m, self.load)
            m.d.comb += [
                offsets.read_address.eq(decoder.number), offsets.read_enable.eq(decoder.enable),
                decoder.offset.eq(offsets.read_data),
            ]  # fmt: skip
            broadcast(m, self.raster, issue.raster)
        if layout.config.maximum:
            m.d.comb += macs.maximum.eq(self.maximum)
        spread = registered if layout.config.strips else broadcast
        spread(m, self.input, store.input)
        spread(m, self.hidden, store.hidden)

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
