"""The array whose lanes own the input channels: lanes, merge, requantizer, buffers, and the sequencer that runs the program on them."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Array, Cat, Module, Signal

from zeroskip.contracts.channels import ChannelLayout
from zeroskip_hw.activations.channel_loader import ChannelLoader
from zeroskip_hw.activations.share import hidden_share
from zeroskip_hw.activations.store import hidden_write
from zeroskip_hw.activations.unloader import Unloader
from zeroskip_hw.array import SparseArray
from zeroskip_hw.control.constants import Constants
from zeroskip_hw.control.counters import Counters
from zeroskip_hw.control.sequencer import Sequencer
from zeroskip_hw.control.watchdog import Watchdog
from zeroskip_hw.lane.channel_lane import ChannelLane
from zeroskip_hw.primitives.broadcast import broadcast
from zeroskip_hw.primitives.onehot import index_of
from zeroskip_hw.results.merge import Merge, across_members
from zeroskip_hw.results.requantizer import Requantizer
from zeroskip_hw.results.residual import Residual
from zeroskip_hw.results.tiles import Tiles
from zeroskip_hw.results.writer import Writer


class ChannelArray(SparseArray):
    """Streams in, streams out; the members are those of :class:`~zeroskip_hw.array.SparseArray`."""

    def __init__(self, layout: ChannelLayout) -> None:
        super().__init__(layout)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        layout = self._layout
        lanes = [ChannelLane(layout, number) for number in range(layout.config.lanes)]
        for number, lane in enumerate(lanes):
            m.submodules[f"lane{number:02}"] = lane
        m.submodules.merge = merge = Merge(layout)
        m.submodules.constants = constants = Constants(layout)
        m.submodules.requantizer = requantizer = Requantizer(layout)
        m.submodules.sequencer = sequencer = Sequencer(layout)
        m.submodules.loader = loader = ChannelLoader(layout)
        m.submodules.unloader = unloader = Unloader(layout)
        m.submodules.counters = counters = Counters()
        m.submodules.watchdog = watchdog = Watchdog()
        m.submodules.tiles = tiles = Tiles(layout)
        m.submodules.writer = writer = Writer(layout)
        broadcast(
            m, self.load,
            *(part.load for part in (*lanes, merge, constants, requantizer, sequencer, loader, tiles, writer)),
        )  # fmt: skip
        broadcast(m, tiles.place, writer.tile)
        self._results(m, merge, requantizer, sequencer, tiles, writer)
        self._writes(m, lanes, writer, sequencer, unloader, loader)
        if layout.config.residual:
            self._add_residual(m, writer, sequencer, merge, requantizer)
        for number, lane in enumerate(lanes):
            m.d.comb += [
                lane.half.eq(sequencer.input_half),
                lane.constants_valid.eq(constants.valid), lane.constants.eq(constants.part), lane.resume.eq(constants.resume),
                lane.start.eq(sequencer.start), lane.rewind.eq(sequencer.rewind), lane.grant.eq(merge.grant[number]),
            ]  # fmt: skip
        primed, all_primed, ready = Signal(len(lanes)), Signal(), Signal()
        m.d.sync += [
            primed.eq(Cat(*(lane.primed for lane in lanes))),
            all_primed.eq(primed.all()),
            ready.eq(ready | all_primed),
        ]
        m.d.comb += [
            constants.closed.eq(Cat(*(lane.closed for lane in lanes))),
            merge.pushed.eq(Cat(*(lane.pushed for lane in lanes))), merge.sums.eq(Cat(*(lane.sums for lane in lanes))),
            sequencer.primed.eq(all_primed),
            sequencer.input_full.eq(loader.full), loader.release.eq(sequencer.input_release),
            sequencer.output_full.eq(unloader.full), unloader.done.eq(sequencer.output_done),
            sequencer.layer_cycles_address.eq(self.layer_cycles_address), self.layer_cycles.eq(sequencer.layer_cycles),
            loader.enable.eq(ready & ~watchdog.halt), loader.valid.eq(self.in_valid), self.in_ready.eq(loader.ready),
            loader.data.eq(self.in_data), loader.last.eq(self.in_last),
            self.early_last.eq(loader.early_last), self.late_last.eq(loader.late_last),
            unloader.half.eq(sequencer.output_half), unloader.outputs.eq(sequencer.outputs),
            self.out_valid.eq(unloader.valid), unloader.ready.eq(self.out_ready), self.out_data.eq(unloader.data),
            self.out_keep.eq(unloader.keep), self.out_last.eq(unloader.last),
            self.latency.eq(counters.latency), self.interval.eq(counters.interval), self.groups.eq(counters.groups),
            self.ready.eq(ready), self.busy.eq(sequencer.busy | loader.full.any() | unloader.busy),
        ]  # fmt: skip
        # All one cycle late: what they count stays the same, and the handshakes of the streams need not reach them in time.
        m.d.sync += [
            counters.first.eq(loader.first), counters.accepted.eq(loader.accepted),
            counters.last.eq(unloader.valid & self.out_ready & unloader.group_end),
        ]  # fmt: skip
        ended = sequencer.output_done.any()
        m.d.comb += [
            watchdog.working.eq(~ready | sequencer.working), watchdog.running.eq(sequencer.busy),
            watchdog.layer_ends.eq(sequencer.start | ended), watchdog.elapsed.eq(sequencer.elapsed),
            watchdog.progress.eq(sequencer.start | ended | (merge.granted & sequencer.busy)),
            watchdog.silence_limit.eq(self.silence_limit), watchdog.layer_limit.eq(self.layer_limit),
            watchdog.fault.eq(sequencer.fault), sequencer.halt.eq(watchdog.halt), self.expired.eq(watchdog.expired),
        ]  # fmt: skip
        return m

    def _results(self, m: Module, merge: Any, requantizer: Any, sequencer: Any, tiles: Any, writer: Any) -> None:
        """From the merge to the writer."""
        steps = ("start", "band", "width", "write_step", *(["residual_step"] if self._layout.config.residual else []))
        m.d.comb += [
            *(getattr(tiles, name).eq(getattr(sequencer, name)) for name in steps),
            *(getattr(merge, name).eq(getattr(sequencer, name)) for name in ("start", "rewind", "rows", "tiles")),
            *(getattr(merge, name).eq(getattr(sequencer, name)) for name in across_members(self._layout)),
            tiles.step.eq(merge.tile), merge.hold.eq(tiles.hold),
            requantizer.next_row.eq(merge.next_row), requantizer.valid.eq(merge.valid), requantizer.total.eq(merge.total),
            requantizer.tile_end.eq(merge.tile_end), requantizer.layer_end.eq(merge.layer_end),
            *(getattr(requantizer, n).eq(getattr(sequencer, n)) for n in ("zero_point", "low", "high")),
            writer.enable.eq(requantizer.enable), writer.place.eq(requantizer.place), writer.data.eq(requantizer.data),
            writer.tile_end.eq(requantizer.row_tile_end), writer.layer_end.eq(requantizer.row_layer_end),
            writer.padding.eq(sequencer.padding), sequencer.finished.eq(writer.written),
        ]  # fmt: skip

    def _writes(self, m: Module, lanes: list[Any], writer: Any, sequencer: Any, unloader: Any, loader: Any) -> None:
        """From writer and loader into the lanes, and from the writer into the output buffer."""
        layout, columns, write = self._layout, self._layout.config.columns, writer.write
        hidden = hidden_share(layout).create(path=("hidden",))
        owners = write.address[layout.operand_bits : layout.operand_bits + len(lanes)]
        hidden_here, input_here = Signal(len(lanes)), Signal(len(lanes))
        m.d.comb += [
            unloader.write.enable.eq(write.enable & sequencer.to_output.replicate(columns)),
            unloader.write.address.eq(write.address), unloader.write.data.eq(write.data), input_here.eq(loader.lanes),
        ]  # fmt: skip
        m.d.sync += [
            hidden.enable.eq(write.enable & (~sequencer.to_output).replicate(columns)), hidden.address.eq(write.address),
            hidden.data.eq(write.data), hidden_here.eq(owners),
        ]  # fmt: skip
        broadcast(m, hidden, *(lane.hidden for lane in lanes))
        broadcast(m, loader.write, *(lane.input for lane in lanes))
        for number, lane in enumerate(lanes):
            m.d.comb += [lane.hidden_here.eq(hidden_here[number]), lane.input_here.eq(input_here[number])]

    def _add_residual(self, m: Module, writer: Any, sequencer: Any, merge: Any, requantizer: Any) -> None:
        """The copy for additions, in which the lanes' shares stand one behind the other."""
        layout, c, write = self._layout, self._layout.config, writer.write
        m.submodules.residual = residual = Residual(layout)
        hidden = hidden_write(layout).create(path=("hidden",))
        owners = write.address[layout.operand_bits : layout.operand_bits + c.lanes]
        lowest = Signal(c.lanes)  # of several lanes that store it
        m.d.comb += lowest.eq(owners & (~owners + 1))
        owner = index_of(lowest) if c.lanes > 1 else 0
        begins = Array([number * c.hidden_depth for number in range(c.lanes)])
        m.d.comb += [
            hidden.enable.eq(write.enable & (~sequencer.to_output).replicate(c.columns)), hidden.data.eq(write.data),
            hidden.address.eq(write.address[: layout.operand_bits] + begins[owner]),
        ]  # fmt: skip
        broadcast(m, hidden, residual.hidden)
        broadcast(m, m.submodules.tiles.place, residual.tile)
        of_layer = ("residual", "residual_signed", "residual_zero", "residual_multiplier", "zero_point")
        m.d.comb += [
            *(getattr(residual, name).eq(getattr(sequencer, name)) for name in of_layer),
            residual.valid.eq(merge.valid), residual.tile_end.eq(merge.tile_end),
            residual.place.eq(requantizer.residual_place), requantizer.addends.eq(residual.addends),
            requantizer.residual.eq(sequencer.residual),
        ]  # fmt: skip
