"""The array: lanes, collector, requantizer, buffers, and the sequencer that runs the program on them."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib.wiring import Component, In, Out

from zeroskip.contracts.layout import Layout
from zeroskip_hw.activations.loader import Loader
from zeroskip_hw.activations.store import hidden_write
from zeroskip_hw.activations.strip_loader import StripLoader
from zeroskip_hw.activations.unloader import Unloader
from zeroskip_hw.control.counters import Counters
from zeroskip_hw.control.sequencer import Sequencer
from zeroskip_hw.control.watchdog import Watchdog
from zeroskip_hw.lane.lane import Lane
from zeroskip_hw.primitives.broadcast import broadcast
from zeroskip_hw.primitives.load import load_bus
from zeroskip_hw.results.collector import Collector
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
        c = layout.config
        lanes = [Lane(layout, number) for number in range(c.lanes)]
        for number, lane in enumerate(lanes):
            m.submodules[f"lane{number:02}"] = lane
        m.submodules.collector = collector = Collector(layout)
        m.submodules.requantizer = requantizer = Requantizer(layout)
        m.submodules.sequencer = sequencer = Sequencer(layout)
        loader: Any = StripLoader(layout) if c.strips else Loader(layout)
        m.submodules.loader = loader
        m.submodules.unloader = unloader = Unloader(layout)
        m.submodules.counters = counters = Counters()
        m.submodules.watchdog = watchdog = Watchdog()

        broadcast(m, self.load, *(part.load for part in (*lanes, collector, requantizer, sequencer, loader)))
        broadcast(m, loader.write, *(lane.input for lane in lanes))
        write = self._written(m, sequencer, collector, requantizer)
        hidden = hidden_write(layout).create(path=("hidden",))
        m.d.comb += [
            hidden.enable.eq(write.enable & (~sequencer.to_output).replicate(len(write.enable))),
            hidden.address.eq(write.address), hidden.data.eq(write.data),
        ]  # fmt: skip
        broadcast(m, hidden, *(lane.hidden for lane in lanes))
        if c.residual:
            self._add_residual(m, hidden, sequencer, collector, requantizer)
        for number, lane in enumerate(lanes):
            m.d.comb += [
                lane.start.eq(sequencer.start), lane.rewind.eq(sequencer.rewind), lane.from_input.eq(sequencer.from_input),
                lane.half.eq(sequencer.input_half), lane.signed.eq(sequencer.signed),
                lane.grant.eq(collector.grant[number]),
            ]  # fmt: skip
            if c.strips:
                m.d.comb += [
                    getattr(lane.raster, name).eq(getattr(sequencer, name)) for name in ("width", "x_step", "y_step")
                ]
            if c.maximum:
                m.d.comb += lane.maximum.eq(sequencer.maximum)
        m.d.comb += [
            collector.start.eq(sequencer.start), collector.layer.eq(sequencer.layer), collector.lanes.eq(sequencer.lanes),
            collector.request.eq(Cat(*(lane.request for lane in lanes))),
            collector.tails_waiting.eq(Cat(*(lane.request_tail for lane in lanes))),
            collector.heads.eq(Cat(*(lane.head for lane in lanes))),
            collector.tails.eq(Cat(*(lane.tail_result for lane in lanes))),
            collector.sums.eq(Cat(*(lane.sums for lane in lanes))),
            requantizer.next_row.eq(collector.next_row), requantizer.valid.eq(collector.valid), requantizer.total.eq(collector.total),
            requantizer.tile_end.eq(collector.tile_end), requantizer.layer_end.eq(collector.layer_end),
            *(getattr(requantizer, n).eq(getattr(sequencer, n)) for n in ("zero_point", "low", "high")),
        ]  # fmt: skip
        if c.table_depth:
            m.d.comb += [requantizer.tabled.eq(sequencer.tabled), requantizer.table.eq(sequencer.table)]

        # Lanes report that they are primed through two registers, so that their number costs no speed.
        primed, all_primed, ready = Signal(len(lanes)), Signal(), Signal()
        m.d.sync += [
            primed.eq(Cat(*(lane.primed for lane in lanes))),
            all_primed.eq(primed.all()),
            ready.eq(ready | all_primed),
        ]
        m.d.comb += [
            sequencer.primed.eq(all_primed),
            sequencer.input_full.eq(loader.full), loader.release.eq(sequencer.input_release),
            sequencer.output_full.eq(unloader.full), unloader.done.eq(sequencer.output_done),
            sequencer.layer_cycles_address.eq(self.layer_cycles_address), self.layer_cycles.eq(sequencer.layer_cycles),
        ]  # fmt: skip
        m.d.comb += [
            loader.enable.eq(ready & ~watchdog.halt), loader.valid.eq(self.in_valid), self.in_ready.eq(loader.ready),
            loader.data.eq(self.in_data), loader.last.eq(self.in_last),
            self.early_last.eq(loader.early_last), self.late_last.eq(loader.late_last),
            unloader.write.enable.eq(write.enable & sequencer.to_output.replicate(len(write.enable))),
            unloader.write.address.eq(write.address), unloader.write.data.eq(write.data),
            unloader.half.eq(sequencer.output_half), unloader.outputs.eq(sequencer.outputs),
            self.out_valid.eq(unloader.valid), unloader.ready.eq(self.out_ready), self.out_data.eq(unloader.data),
            self.out_keep.eq(unloader.keep), self.out_last.eq(unloader.last),
        ]  # fmt: skip
        m.d.comb += [
            counters.first.eq(loader.first), counters.accepted.eq(loader.accepted),
            counters.last.eq(unloader.valid & self.out_ready & unloader.group_end),
            self.latency.eq(counters.latency), self.interval.eq(counters.interval), self.groups.eq(counters.groups),
            self.ready.eq(ready), self.busy.eq(sequencer.busy | loader.full.any() | unloader.busy),
        ]  # fmt: skip
        ended = sequencer.output_done.any()
        m.d.comb += [
            watchdog.working.eq(~ready | sequencer.working), watchdog.running.eq(sequencer.busy),
            watchdog.layer_ends.eq(sequencer.start | ended), watchdog.elapsed.eq(sequencer.elapsed),
            watchdog.progress.eq(sequencer.start | ended | (collector.grant.any() & sequencer.busy)),
            watchdog.silence_limit.eq(self.silence_limit), watchdog.layer_limit.eq(self.layer_limit),
            watchdog.fault.eq(sequencer.fault), sequencer.halt.eq(watchdog.halt), self.expired.eq(watchdog.expired),
        ]  # fmt: skip
        return m

    def _written(self, m: Module, sequencer: Sequencer, collector: Collector, requantizer: Requantizer) -> Any:
        """Results on their way into the buffers: as they are, or with strips through tiles and writer."""
        layout = self._layout
        if not layout.config.strips:
            write = hidden_write(layout).create(path=("result",))
            m.d.comb += [
                collector.last_tile.eq(1), sequencer.finished.eq(collector.valid & collector.layer_end),
                write.enable.eq(requantizer.enable), write.address.eq(requantizer.place), write.data.eq(requantizer.data),
            ]  # fmt: skip
            return write
        m.submodules.tiles = tiles = Tiles(layout)
        m.submodules.writer = writer = Writer(layout)
        broadcast(m, self.load, tiles.load, writer.load)
        broadcast(m, tiles.place, writer.tile)
        steps = ("start", "band", "width", "write_step", *(["residual_step"] if layout.config.residual else []))
        m.d.comb += [
            *(getattr(tiles, name).eq(getattr(sequencer, name)) for name in steps),
            tiles.step.eq(collector.tile), collector.last_tile.eq(tiles.last_tile), collector.hold.eq(tiles.hold),
            writer.enable.eq(requantizer.enable), writer.place.eq(requantizer.place), writer.data.eq(requantizer.data),
            writer.tile_end.eq(requantizer.row_tile_end), writer.layer_end.eq(requantizer.row_layer_end),
            writer.padding.eq(sequencer.padding), sequencer.finished.eq(writer.written),
        ]  # fmt: skip
        return writer.write

    def _add_residual(
        self, m: Module, hidden: Any, sequencer: Sequencer, collector: Collector, requantizer: Requantizer
    ) -> None:
        m.submodules.residual = residual = Residual(self._layout)
        broadcast(m, hidden, residual.hidden)
        broadcast(m, m.submodules.tiles.place, residual.tile)
        of_layer = ("residual", "residual_signed", "residual_zero", "residual_multiplier", "zero_point")
        m.d.comb += [
            *(getattr(residual, name).eq(getattr(sequencer, name)) for name in of_layer),
            residual.valid.eq(collector.valid), residual.tile_end.eq(collector.tile_end),
            residual.place.eq(requantizer.residual_place), requantizer.addends.eq(residual.addends),
            requantizer.residual.eq(sequencer.residual),
        ]  # fmt: skip
