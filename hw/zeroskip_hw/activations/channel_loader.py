"""Takes an image from the input stream and hands each channel to the lane that owns it."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib.wiring import Component, Out

from zeroskip.contracts.channels import ChannelLayout
from zeroskip_hw.primitives.load import LoadableRam
from zeroskip_hw.primitives.words import fields

from .loader import loader_members
from .share import input_share


class ChannelLoader(Component):
    """One element per cycle, channel by channel, pixel by pixel, row by row; a few cycles' pause before each row.

    A sample of wrong length is dropped whole and reported; the next starts after its TLAST.

    Members
    -------
    as those of :class:`~zeroskip_hw.activations.loader.Loader`, but
    write : Out(input_share), lanes : Out(lanes)
        One element, and the lanes that take it.
    """

    def __init__(self, layout: ChannelLayout) -> None:
        self._layout = layout
        super().__init__(
            {
                **loader_members(layout),
                "write": Out(input_share(layout)),
                "lanes": Out(layout.config.lanes),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        layout, c = self._layout, self._layout.config
        m.submodules.rows = rows = LoadableRam(layout, "input_rows")
        m.submodules.channels = channels = LoadableRam(layout, "channels")
        rows.connect_load(m, self.load)
        channels.connect_load(m, self.load)
        half, busy, dropping, at_start = Signal(), Signal(), Signal(), Signal(init=1)
        held, held_last = Signal(c.stream_bits, reset_less=True), Signal(reset_less=True)
        element = Signal(range(max(2, c.stream_elements)))
        index, now, waiting = Signal.like(rows.read_address, name="index"), Signal(layout.input_row.width), Signal(2)
        row = fields(layout.input_row, now)
        channel, place = (
            Signal.like(channels.read_address, name="channel"),
            Signal(layout.operand_bits, reset_less=True),
        )
        # What the next element is, its pixel's last and its row's, is found one element ahead: a comparison would be the slowest path.
        channels_left, x_left = Signal(len(row["channels"])), Signal(len(row["width"]))
        channel_last, x_last = Signal(), Signal()
        known, done, beat_done, last = Signal(), Signal(), Signal(), Signal()
        pixel_done, row_done, sample_done, take = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            known.eq(waiting == 3), done.eq(busy & known), last.eq(row_done & row["last"]),
            pixel_done.eq(done & channel_last), row_done.eq(pixel_done & x_last),
            sample_done.eq(last), beat_done.eq(done & ((element == c.stream_elements - 1) | last)),
            self.accepted.eq(sample_done & held_last), self.late_last.eq(sample_done & ~held_last),
            self.early_last.eq(beat_done & held_last & ~last),
            self.ready.eq(
                self.enable & (dropping | (~self.full.bit_select(half, 1) & (~busy | (beat_done & ~last & ~held_last))))
            ),
            take.eq(self.valid & self.ready), self.first.eq(take & at_start & ~dropping),
            rows.read_enable.eq(1), rows.read_address.eq(index), channels.read_enable.eq(1), channels.read_address.eq(channel),
        ]  # fmt: skip
        with m.If(~known):
            m.d.sync += [
                waiting.eq(waiting + 1), now.eq(rows.read_data), place.eq(row["base"]),
                x_left.eq(row["width"]), x_last.eq(~row["width"].any()),
            ]  # fmt: skip
        with m.If(done):
            m.d.sync += [
                channel.eq(channel + 1),
                channels_left.eq(channels_left - 1),
                channel_last.eq(channels_left == 1),
            ]
            m.d.sync += element.eq(Mux(beat_done, 0, element + 1))
        with m.If(pixel_done):
            m.d.sync += [x_left.eq(x_left - 1), x_last.eq(x_left == 1), place.eq(place + row["x_step"])]
        with m.If(pixel_done | ~known):
            m.d.sync += [channel.eq(0), channels_left.eq(row["channels"]), channel_last.eq(~row["channels"].any())]
        with m.If(row_done):
            m.d.sync += [waiting.eq(0), index.eq(Mux(last, 0, index + 1))]
        with m.If(beat_done):
            m.d.sync += busy.eq(0)
        with m.If(take & ~dropping):
            m.d.sync += [busy.eq(1), held.eq(self.data), held_last.eq(self.last), at_start.eq(0)]
        with m.If(take & dropping & self.last):
            m.d.sync += dropping.eq(0)
        with m.If(sample_done | self.early_last):
            m.d.sync += [at_start.eq(1), index.eq(0), waiting.eq(0)]
        with m.If(self.late_last):
            m.d.sync += dropping.eq(1)
        filled = Signal(2)
        with m.If(self.accepted):
            m.d.sync += half.eq(~half)
            m.d.comb += filled.eq(Mux(half, 2, 1))
        m.d.sync += self.full.eq((self.full | filled) & ~self.release)

        # Stage 1: the channel from its memory, stage 2: its register, stage 3: the address.
        state = Cat(half, held.word_select(element, 8), row["columns"], place)
        valid = done
        for stage in (1, 2):
            later, valid_later = Signal(len(state), name=f"state{stage}", reset_less=True), Signal(name=f"valid{stage}")
            m.d.sync += [later.eq(state), valid_later.eq(valid)]
            state, valid = later, valid_later
        word = Signal(layout.channel.width, reset_less=True)
        owner, address = fields(layout.channel, word), Signal(layout.operand_bits)
        m.d.comb += address.eq(state[9 + c.columns :] + owner["offset"])
        m.d.sync += [
            word.eq(channels.read_data), self.write.data.eq(state[1:9]),
            self.write.enable.eq(state[9 : 9 + c.columns] & valid.replicate(c.columns)),
            self.write.address.eq(Cat(address[: layout.half_bit], state[0])), self.lanes.eq(owner["lanes"]),
        ]  # fmt: skip
        return m
