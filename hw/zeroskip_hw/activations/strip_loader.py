"""Takes an image from the input stream and lays it into strips, in one half of the input buffer while the other half is computed."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib.wiring import Component

from zeroskip.contracts.layout import Layout
from zeroskip_hw.primitives.load import LoadableRam
from zeroskip_hw.primitives.words import fields

from .loader import loader_members
from .store import position_bits


class StripLoader(Component):
    """One write per cycle: an element is written as often as its row's list of passes says; then one cycle's pause after each sample.

    Elements come channel by channel, pixel by pixel, row by row. A sample of wrong length is dropped whole and reported; the next starts
    after its TLAST. From the last write of a sample's last element to ``full`` one cycle.

    Members
    -------
    as those of :class:`~zeroskip_hw.activations.loader.Loader`
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        super().__init__(loader_members(layout))

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        c = self._layout.config
        half, busy, dropping, at_start = Signal(), Signal(), Signal(), Signal(init=1)
        held, held_last = Signal(c.stream_bits, reset_less=True), Signal(reset_less=True)
        element = Signal(range(max(2, c.stream_elements)))
        take, element_done, sample_done, beat_done = Signal(), Signal(), Signal(), Signal()
        accepted, known = self.accepted, Signal()
        place, address, band_last = self._walk(m, busy, element_done, self.early_last, known)

        m.d.comb += [
            beat_done.eq(element_done & ((element == c.stream_elements - 1) | band_last)),
            sample_done.eq(element_done & band_last), accepted.eq(sample_done & held_last),
            self.early_last.eq(beat_done & held_last & ~band_last), self.late_last.eq(sample_done & ~held_last),
            self.ready.eq(
                self.enable & (dropping | (known & ~self.full.bit_select(half, 1) & (~busy | (beat_done & ~band_last & ~held_last))))
            ),
            take.eq(self.valid & self.ready), self.first.eq(take & at_start & ~dropping),
        ]  # fmt: skip
        with m.If(beat_done):
            m.d.sync += busy.eq(0)
        with m.If(take & ~dropping):
            m.d.sync += [busy.eq(1), held.eq(self.data), held_last.eq(self.last), at_start.eq(0)]
        with m.If(take & dropping & self.last):
            m.d.sync += dropping.eq(0)
        with m.If(element_done):
            m.d.sync += element.eq(Mux(beat_done, 0, element + 1))
        with m.If(sample_done | self.early_last):
            m.d.sync += at_start.eq(1)
        with m.If(self.late_last):
            m.d.sync += dropping.eq(1)
        filled = Signal(2)
        with m.If(accepted):
            m.d.sync += half.eq(~half)
            m.d.comb += filled.eq(Mux(half, 2, 1))
        m.d.sync += self.full.eq((self.full | filled) & ~self.release)
        self._write(m, busy, address, place, held.word_select(element, 8), half)
        return m

    def _walk(
        self, m: Module, busy: Value, element_done: Signal, restart: Value, known: Signal
    ) -> tuple[Value, Value, Value]:
        """Returns (the element's place, the address of the present pass, whether the element is the sample's last).

        ``known``: the first row's list is there; from then on the memory always shows the row that comes next. What the next cycle must
        know of its element (the last of its pixel, of its row, its number of passes) is found one cycle ahead, in registers.
        """
        layout = self._layout
        m.submodules.bands = bands = LoadableRam(layout, "input_bands")
        bands.connect_load(m, self.load)
        index, now = Signal.like(bands.read_address, name="index"), Signal(layout.input_band.width, reset_less=True)
        m.d.comb += [bands.read_enable.eq(1), bands.read_address.eq(index)]
        current, following = fields(layout.input_band, now), fields(layout.input_band, bands.read_data)
        place, pixel = (Signal(layout.store_bits, name=name) for name in ("place", "pixel"))
        channels_left, last_channel = Signal(len(current["channels"]), reset_less=True), Signal(reset_less=True)
        pixels_left, first_x, last_x = Signal(len(current["width"]), reset_less=True), Signal(), Signal(reset_less=True)
        begins, pixel_done, take = Signal(), Signal(), Signal()

        waiting = Signal(2)
        m.d.sync += waiting.eq(waiting + ~known)
        m.d.comb += [
            known.eq(waiting == 3), begins.eq(waiting == 1),
            pixel_done.eq(element_done & last_channel), take.eq(begins | (pixel_done & last_x)),
        ]  # fmt: skip
        with m.If(element_done):
            m.d.sync += [
                place.eq(place + current["channel_step"]),
                channels_left.eq(channels_left - 1), last_channel.eq(channels_left == 1),
            ]  # fmt: skip
        with m.If(pixel_done):
            beside = pixel + current["x_step"]
            m.d.sync += [
                pixel.eq(beside), place.eq(beside), first_x.eq(0), pixels_left.eq(pixels_left - 1), last_x.eq(pixels_left == 1),
                channels_left.eq(current["channels"]), last_channel.eq(~current["channels"].any()),
            ]  # fmt: skip
        with m.If(take):
            m.d.sync += [
                now.eq(bands.read_data), index.eq(Mux(following["last"], 0, index + 1)), pixel.eq(0), place.eq(0),
                first_x.eq(1), pixels_left.eq(following["width"]), last_x.eq(~following["width"].any()),
                channels_left.eq(following["channels"]), last_channel.eq(~following["channels"].any()),
            ]  # fmt: skip
        with m.If(restart):
            m.d.sync += [waiting.eq(0), index.eq(0)]

        def of_this_pixel(what: str) -> Value:
            return Mux(
                first_x, current[f"first_{what}"], Mux(last_x, current[f"last_{what}"], current[f"middle_{what}"])
            )

        within, more, final = Signal(), Signal(len(current["first_more"]), reset_less=True), Signal(reset_less=True)
        following_pass = Signal(len(current["first_begin"]), reset_less=True)
        address, more_next = Signal(len(following_pass)), Signal(len(more))
        of_next_pixel = Mux(pixels_left == 1, current["last_more"], current["middle_more"])
        m.d.comb += [
            address.eq(Mux(within, following_pass, of_this_pixel("begin"))), element_done.eq(busy & final),
            more_next.eq(Mux(take, following["first_more"], Mux(last_channel, of_next_pixel, of_this_pixel("more")))),
        ]  # fmt: skip
        with m.If(busy):
            m.d.sync += [within.eq(~final), following_pass.eq(address + 1), more.eq(more - 1), final.eq(more == 1)]
        with m.If(element_done | begins):
            m.d.sync += [more.eq(more_next), final.eq(~more_next.any())]
        return place, address, last_channel & last_x & current["last"]

    def _write(self, m: Module, active: Value, address: Value, place: Value, byte: Value, half: Value) -> None:
        """Stages 1 and 2: the pass from its memory; 3: address and value; 4: the bank."""
        layout, c = self._layout, self._layout.config
        m.submodules.passes = passes = LoadableRam(layout, "input_passes")
        passes.connect_load(m, self.load)
        m.d.comb += [passes.read_enable.eq(1), passes.read_address.eq(address)]
        state = Cat(half, place, byte)
        valid = active
        for stage in (1, 2):
            later, valid_later = Signal(len(state), name=f"state{stage}", reset_less=True), Signal(name=f"valid{stage}")
            m.d.sync += [later.eq(state), valid_later.eq(valid)]
            state, valid = later, valid_later
        entry2 = Signal(layout.input_passes.width, reset_less=True)
        m.d.sync += entry2.eq(passes.read_data)
        entry = fields(layout.input_passes, entry2)
        address3, byte3, mask3 = (
            Signal(layout.store_bits, reset_less=True),
            Signal(8, reset_less=True),
            Signal(c.columns),
        )
        half3 = Signal(reset_less=True)
        m.d.sync += [
            address3.eq(state[1 : 1 + layout.store_bits] + entry["base"]), half3.eq(state[0]),
            byte3.eq(Mux(entry["constant"], entry["value"], state[1 + layout.store_bits :])),
            mask3.eq(entry["mask"] & valid.replicate(c.columns)),
        ]  # fmt: skip
        bank = address3[: layout.bank_bits]
        position = (address3 >> layout.bank_bits)[: position_bits(layout)]
        m.d.sync += [
            self.write.enable.eq(
                Cat(*((bank == number) & mask3.any() if layout.bank_bits else mask3.any() for number in range(c.stream_elements)))
            ),
            self.write.column.eq(mask3), self.write.half.eq(half3),
            self.write.position.eq(position.replicate(c.stream_elements)), self.write.data.eq(byte3.replicate(c.stream_elements)),
        ]  # fmt: skip
