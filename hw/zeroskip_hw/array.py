"""The array: lanes, merge, requantizers, buffers, and the sequencer that runs the program on them."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib.wiring import Component, In, Out

from zeroskip.contracts.layout import Layout
from zeroskip_hw.activations.loader import Loader
from zeroskip_hw.activations.share import hidden_share
from zeroskip_hw.activations.unloader import Unloader
from zeroskip_hw.control.constants import Constants
from zeroskip_hw.control.counters import Counters
from zeroskip_hw.control.sequencer import Sequencer
from zeroskip_hw.control.watchdog import Watchdog
from zeroskip_hw.lane.lane import Lane
from zeroskip_hw.primitives.broadcast import broadcast
from zeroskip_hw.primitives.load import load_bus
from zeroskip_hw.results.merge import Merge, across_members
from zeroskip_hw.results.requantizer import Requantizer
from zeroskip_hw.results.residual import Residual
from zeroskip_hw.results.tiles import Tiles
from zeroskip_hw.results.writer import Writer


class SparseArray(Component):
    """Streams in, streams out; held in reset it keeps its memories, which the load bus may then write.

    Members
    -------
    load : In(load_bus)
    in_valid, in_ready, in_data, in_last : input AXI4-Stream
    out_valid, out_ready, out_data, out_keep, out_last : output AXI4-Stream
    ready : Out(1)
        All lanes have been primed since reset; input is taken from then on.
    busy : Out(1)
        A sample is being computed, or waits in a full half of a buffer.
    early_last, late_last : Out(1)
        An input sample was too short; too long.
    silence_limit, layer_limit : In(32), expired : Out(1)
        See :class:`~zeroskip_hw.control.watchdog.Watchdog`. Once it has expired, no input is taken and no layer or group ends any more;
        output that is complete still leaves.
    latency, interval, groups : Out(32), layer_cycles_address : In, layer_cycles : Out(32)
        Counters.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        c = layout.config
        super().__init__({
            "load": In(load_bus(layout)),
            "in_valid": In(1), "in_ready": Out(1), "in_data": In(c.stream_bits), "in_last": In(1),
            "out_valid": Out(1), "out_ready": In(1), "out_data": Out(c.stream_bits),
            "out_keep": Out(c.stream_elements), "out_last": Out(1),
            "ready": Out(1), "busy": Out(1), "early_last": Out(1), "late_last": Out(1),
            "silence_limit": In(32), "layer_limit": In(32), "expired": Out(1),
            "latency": Out(32), "interval": Out(32), "groups": Out(32),
            "layer_cycles_address": In(layout.layer_bits), "layer_cycles": Out(32),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        layout = self._layout
        lanes = [Lane(layout, number) for number in range(layout.config.lanes)]
        for number, lane in enumerate(lanes):
            m.submodules[f"lane{number:02}"] = lane
        m.submodules.merge = merge = Merge(layout)
        m.submodules.constants = constants = Constants(layout)
        requantizers = [
            Requantizer(layout, f"rows{number}", leads=number == 0) for number in range(layout.config.epilogues)
        ]
        for number, requantizer in enumerate(requantizers):
            m.submodules[f"requantizer{number or ''}"] = requantizer
        m.submodules.sequencer = sequencer = Sequencer(layout)
        m.submodules.loader = loader = Loader(layout)
        m.submodules.unloader = unloader = Unloader(layout)
        m.submodules.counters = counters = Counters()
        m.submodules.watchdog = watchdog = Watchdog()
        m.submodules.tiles = tiles = Tiles(layout)
        m.submodules.writer = writer = Writer(layout)
        broadcast(
            m, self.load,
            *(part.load for part in (*lanes, merge, constants, *requantizers, sequencer, loader, tiles, writer)),
        )  # fmt: skip
        broadcast(m, tiles.place, writer.tile)
        self._results(m, merge, requantizers, sequencer, tiles, writer)
        self._writes(m, lanes, writer, sequencer, unloader, loader)
        if layout.config.residual:
            self._add_residuals(m, writer, sequencer, merge, requantizers)
        for number, lane in enumerate(lanes):
            m.d.comb += [
                lane.half.eq(sequencer.input_half),
                lane.constants_valid.eq(constants.valid), lane.constants.eq(constants.part), lane.resume.eq(constants.resume),
                lane.start.eq(sequencer.start), lane.rewind.eq(sequencer.rewind), lane.grant.eq(merge.grant[number]),
            ]  # fmt: skip
        primed = Signal(len(lanes))
        all_primed = Signal()
        ready = Signal()
        taking = Signal()  # from `ready` on, until the watchdog halts
        m.d.sync += [
            primed.eq(Cat(*(lane.primed for lane in lanes))), all_primed.eq(primed.all()), ready.eq(ready | all_primed),
            taking.eq((ready | all_primed) & ~(watchdog.halt | watchdog.expired)),
        ]  # fmt: skip
        m.d.comb += [
            constants.closed.eq(Cat(*(lane.closed for lane in lanes))),
            merge.pushed.eq(Cat(*(lane.pushed for lane in lanes))), merge.sums.eq(Cat(*(lane.sums for lane in lanes))),
            sequencer.primed.eq(all_primed),
            sequencer.next_input_full.eq(loader.next_full), loader.release.eq(sequencer.input_release),
            sequencer.next_output_full.eq(unloader.next_full), unloader.done.eq(sequencer.output_done),
            sequencer.layer_cycles_address.eq(self.layer_cycles_address), self.layer_cycles.eq(sequencer.layer_cycles),
            loader.enable.eq(taking), loader.valid.eq(self.in_valid), self.in_ready.eq(loader.ready),
            loader.data.eq(self.in_data), loader.last.eq(self.in_last),
            self.early_last.eq(loader.early_last), self.late_last.eq(loader.late_last),
            unloader.half.eq(sequencer.output_half), unloader.outputs.eq(sequencer.outputs),
            self.out_valid.eq(unloader.valid), unloader.ready.eq(self.out_ready), self.out_data.eq(unloader.data),
            self.out_keep.eq(unloader.keep), self.out_last.eq(unloader.last),
            self.latency.eq(counters.latency), self.interval.eq(counters.interval), self.groups.eq(counters.groups),
            self.ready.eq(ready), self.busy.eq(sequencer.busy | loader.full.any() | unloader.busy),
        ]  # fmt: skip
        ended = sequencer.output_done.any()
        # All one cycle late: what they count stays the same, and neither the handshakes of the streams nor a grant need reach them in time.
        m.d.sync += [
            watchdog.working.eq(~ready | sequencer.working),
            watchdog.progress.eq(sequencer.start | ended | (merge.granted & sequencer.busy)),
            counters.first.eq(loader.first), counters.accepted.eq(loader.accepted),
            counters.last.eq(unloader.valid & self.out_ready & unloader.group_end),
        ]  # fmt: skip
        m.d.comb += [
            watchdog.running.eq(sequencer.busy),
            watchdog.layer_ends.eq(sequencer.start | ended), watchdog.elapsed.eq(sequencer.elapsed),
            watchdog.silence_limit.eq(self.silence_limit), watchdog.layer_limit.eq(self.layer_limit),
            watchdog.fault.eq(sequencer.fault), sequencer.halt.eq(watchdog.halt), self.expired.eq(watchdog.expired),
        ]  # fmt: skip
        return m

    def _results(self, m: Module, merge: Any, requantizers: list[Any], sequencer: Any, tiles: Any, writer: Any) -> None:
        """From the merge to the writer."""
        layout, c, leading = self._layout, self._layout.config, requantizers[0]
        steps = ("start", "band", "width", "write_step", *(["residual_step"] if c.residual else []))
        of_layer = ("zero_point", "low", "high", *(["tabled", "table"] if c.table_depth else []))
        together = ("place", "data", *(["copy_place", "used"] if c.residual else []))
        m.d.comb += [
            *(getattr(tiles, name).eq(getattr(sequencer, name)) for name in steps),
            *(getattr(merge, name).eq(getattr(sequencer, name)) for name in ("start", "rewind", "turns", "tiles")),
            *(getattr(merge, name).eq(getattr(sequencer, name)) for name in across_members(layout)),
            tiles.step.eq(merge.tile), merge.hold.eq(tiles.hold),
            *(getattr(leading, name).eq(getattr(merge, name)) for name in ("valid", "tile_end", "layer_end")),
            writer.enable.eq(leading.enable), writer.tile_end.eq(leading.row_tile_end), writer.layer_end.eq(leading.row_layer_end),
            sequencer.finished.eq(writer.written),
            *(getattr(writer, name).eq(Cat(*(getattr(one, name) for one in requantizers))) for name in together),
        ]  # fmt: skip
        for number, requantizer in enumerate(requantizers):
            m.d.comb += [
                requantizer.next_row.eq(merge.next_bundle),
                requantizer.total.eq(merge.total.word_select(number, c.acc_bits * c.columns)),
                *(getattr(requantizer, name).eq(getattr(sequencer, name)) for name in of_layer),
                *([requantizer.take.eq(merge.take[number])] if c.epilogues > 1 else []),
            ]  # fmt: skip

    def _writes(self, m: Module, lanes: list[Any], writer: Any, sequencer: Any, unloader: Any, loader: Any) -> None:
        """From writer and loader into the lanes, and from the writer into the output buffer."""
        layout, columns, write = self._layout, self._layout.config.columns, writer.write
        hidden = hidden_share(layout).create(path=("hidden",))
        places = [write.address.word_select(i, layout.place_bits) for i in range(layout.config.epilogues)]
        addresses = [place[: layout.result_bits] for place in places]
        owners = [place[layout.result_bits :] if layout.owner_bits else Const(1, 1) for place in places]
        hidden_here = Signal(len(lanes) * layout.config.epilogues)
        input_here = Signal(len(loader.lanes))
        # A bundle of the last layer has one row. It is any epilogue's where it adds a residual of that epilogue's bank.
        outputs = [
            Cat(address, write.data.word_select(i, 8 * columns)[: 8 * layout.group_samples])
            for i, address in enumerate(addresses)
        ]
        output = outputs[0]
        if layout.config.residual:
            output = reduce(or_, (one & write.used[i].replicate(len(one)) for i, one in enumerate(outputs)))
        m.d.comb += [
            unloader.write.enable.eq(write.enable[0] & sequencer.to_output),
            Cat(unloader.write.address, unloader.write.data).eq(output), input_here.eq(loader.lanes),
        ]  # fmt: skip
        m.d.sync += [
            hidden.enable.eq(write.enable & (~sequencer.to_output).replicate(columns)), hidden.data.eq(write.data),
            hidden.address.eq(Cat(*(address[: layout.operand_bits] for address in addresses))),
            hidden_here.eq(Cat(*(owner[lane] for lane in range(len(lanes)) for owner in owners))),
        ]  # fmt: skip
        broadcast(m, hidden, *(lane.hidden for lane in lanes))
        broadcast(m, loader.write, *(lane.input for lane in lanes))
        for number, lane in enumerate(lanes):
            m.d.comb += [
                lane.hidden_here.eq(hidden_here.word_select(number, layout.config.epilogues)),
                lane.input_here.eq(input_here.word_select(number, layout.config.load_elements)),
            ]

    def _add_residuals(self, m: Module, writer: Any, sequencer: Any, merge: Any, requantizers: list[Any]) -> None:
        """A bank of the residuals' memory for every epilogue."""
        layout, c, write = self._layout, self._layout.config, writer.write
        of_layer = ("residual", "residual_signed", "residual_zero", "residual_multiplier", "zero_point")
        for number, requantizer in enumerate(requantizers):
            m.submodules[f"residual{number}"] = residual = Residual(layout)
            broadcast(m, m.submodules.tiles.place, residual.tile)
            m.d.comb += [
                residual.copy.enable.eq(write.enable & (sequencer.copied & write.used[number]).replicate(c.columns)),
                residual.copy.address.eq(write.copy.word_select(number, layout.copy_bits)),
                residual.copy.data.eq(write.data.word_select(number, 8 * c.columns)),
                *(getattr(residual, name).eq(getattr(sequencer, name)) for name in of_layer),
                residual.valid.eq(merge.valid), residual.tile_end.eq(merge.tile_end),
                residual.place.eq(requantizer.residual_place), requantizer.addends.eq(residual.addends),
                requantizer.residual.eq(sequencer.residual),
            ]  # fmt: skip
