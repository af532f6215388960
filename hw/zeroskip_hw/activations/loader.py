"""Takes samples from the input stream and hands each channel to the lanes that store it."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib.wiring import Component, In, Out

from zeroskip.contracts.layout import CHANNEL_BITS, Layout
from zeroskip.contracts.timing import INPUT_ROW_PAUSE
from zeroskip_hw.primitives.load import LoadableRam, load_bus
from zeroskip_hw.primitives.words import fields

from .share import input_share


class Loader(Component):
    """One step per cycle, channel by channel, pixel by pixel, row by row, sample by sample; a few cycles' pause before each row.

    A step takes as many elements as the rows say, each for other lanes, but none behind its pixel or its beat. A sample of wrong length is
    dropped whole and reported; the next starts after its TLAST, in its place.

    Members
    -------
    load : In(load_bus)
    enable : In(1)
        TREADY stays low without it.
    valid : In(1), ready : Out(1), data : In(stream_bits), last : In(1)
        AXI4-Stream. ``ready`` does not depend on ``valid``.
    write : Out(input_share), lanes : Out(lanes · load_elements)
        The elements of a step; of each lane, those that it takes.
    full : Out(2), next_full : Out(2), release : In(2)
        Halves of the buffer: filled with a group of samples; the same a cycle ahead, but for what is released now; no longer needed.
    first : Out(1)
        The first beat of a group is taken, or again of one whose first sample was dropped.
    accepted : Out(1)
        A sample is complete and stays.
    early_last, late_last : Out(1)
        A sample was too short; too long.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        c = layout.config
        super().__init__({
            "load": In(load_bus(layout)), "enable": In(1),
            "valid": In(1), "ready": Out(1), "data": In(c.stream_bits), "last": In(1),
            "write": Out(input_share(layout)), "lanes": Out(c.lanes * c.load_elements),
            "full": Out(2), "next_full": Out(2), "release": In(2),
            "first": Out(1), "accepted": Out(1), "early_last": Out(1), "late_last": Out(1),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        layout, c = self._layout, self._layout.config
        m.submodules.rows = rows = LoadableRam(layout, "input_rows")
        m.submodules.channels = channels = LoadableRam(layout, "channels")
        rows.connect_load(m, self.load)
        channels.connect_load(m, self.load)
        half = Signal()
        busy = Signal()
        dropping = Signal()
        at_start = Signal(init=1)
        in_group = Signal()
        held = Signal(c.stream_bits, reset_less=True)
        held_last = Signal(reset_less=True)
        element = Signal(range(max(2, c.stream_elements)))
        more = Signal(range(max(2, c.load_elements)))  # elements of the step, less one
        index, begin = (Signal.like(rows.read_address, name=name) for name in ("index", "begin"))
        now = Signal(layout.input_row.width, reset_less=True)
        waiting = Signal(INPUT_ROW_PAUSE)
        row = fields(layout.input_row, now)
        step = Signal.like(channels.read_address)
        place = Signal(layout.operand_bits, reset_less=True)
        # How many elements the next step takes, and whether it is the last of its pixel, beat or row, is found one step ahead: a
        # comparison would be the slowest path. Behind a sample's last step it is found in the pause, which knows that the beat is over.
        x_left = Signal(len(row["width"]))
        step_last = Signal()
        x_last = Signal()
        beat_last = Signal()
        next_element = Signal.like(element)
        again = Signal()
        known = Signal()
        done = Signal()
        beat_done = Signal()
        after = Signal(len(element) + 1)
        pixel_done = Signal()
        row_done = Signal()
        sample_done = Signal()
        take = Signal()
        m.d.comb += [
            known.eq(waiting[-1]), done.eq(busy & known), after.eq(element + more + 1),
            pixel_done.eq(done & step_last), row_done.eq(pixel_done & x_last), sample_done.eq(row_done & row["sample_last"]),
            beat_done.eq(done & (beat_last | sample_done)),
            self.accepted.eq(sample_done & held_last), self.late_last.eq(sample_done & ~held_last),
            self.early_last.eq(beat_done & held_last & ~sample_done),
            self.ready.eq(
                self.enable
                & ~again
                & (dropping | (~self.full.bit_select(half, 1) & (~busy | (beat_done & ~sample_done & ~held_last))))
            ),
            take.eq(self.valid & self.ready), self.first.eq(take & at_start & ~dropping & ~in_group),
            rows.read_enable.eq(1), rows.read_address.eq(index), channels.read_enable.eq(1), channels.read_address.eq(step),
        ]  # fmt: skip
        # Nobody reads `now` while it changes, so it follows the memory without an enable, which would have far to go.
        m.d.sync += [waiting.eq(Cat(1, waiting)), now.eq(rows.read_data)]
        with m.If(~known):
            m.d.sync += [
                place.eq(row["base"]), x_left.eq(row["width"]), x_last.eq(~row["width"].any()),
            ]  # fmt: skip
        with m.If(done):
            m.d.sync += [
                step.eq(step + 1 + Mux(row["by_channel"], more, 0)), element.eq(Mux(beat_last | sample_done, 0, after)),
            ]  # fmt: skip
        m.d.comb += next_element.eq(Mux(done, Mux(beat_last, 0, after), element))
        self._next_step(
            m, row, rows.read_data, ~(done & ~step_last), done | ~known, next_element, more, step_last, beat_last
        )
        with m.If(pixel_done):
            m.d.sync += [x_left.eq(x_left - 1), x_last.eq(x_left == 1), place.eq(place + row["x_step"])]
        with m.If(pixel_done | ~known):
            m.d.sync += step.eq(0)
        with m.If(row_done):
            m.d.sync += index.eq(index + 1)
        # A row ends, or a sample where it should not.
        with m.If(done & ((step_last & x_last) | (beat_last & held_last))):
            m.d.sync += waiting.eq(0)
        with m.If(beat_done):
            m.d.sync += busy.eq(0)
        # The register follows the stream whenever it holds nothing that is still needed: it is wide, and `take` is late.
        with m.If(~busy | (known & beat_last)):
            m.d.sync += [held.eq(self.data), held_last.eq(self.last)]
        with m.If(take & ~dropping):
            m.d.sync += [busy.eq(1), at_start.eq(0)]
        with m.If(take & dropping & self.last):
            m.d.sync += dropping.eq(0)
        filled = Signal(2)
        filled_later = Signal(2)
        with m.If(self.accepted):
            m.d.sync += [begin.eq(index + 1), in_group.eq(1)]
            with m.If(row["last"]):
                m.d.sync += [half.eq(~half), begin.eq(0), index.eq(0), in_group.eq(0)]
                m.d.comb += filled.eq(Mux(half, 2, 1))
        # A sample behind one that was dropped is as fast as one that finds an idle array: it waits until its first row is known.
        with m.If(known):
            m.d.sync += again.eq(0)
        with m.If(self.late_last | self.early_last):
            m.d.sync += [index.eq(begin), again.eq(1)]
        with m.If(sample_done | self.early_last):
            m.d.sync += at_start.eq(1)
        with m.If(self.late_last):
            m.d.sync += dropping.eq(1)
        # A cycle later: the group may begin with the element that is written last.
        m.d.comb += self.next_full.eq(self.full | filled_later)
        m.d.sync += [filled_later.eq(filled), self.full.eq(self.next_full & ~self.release)]
        taken = [more >= i for i in range(1, c.load_elements)]
        self._write(m, channels.read_data, Cat(half, row["columns"], place), Cat(taken), held >> (element << 3), done)
        return m

    def _next_step(
        self, m: Module, row: dict[str, Value], read: Value, begins: Value, found: Value, element: Value, more: Signal, step_last: Signal,
        beat_last: Signal,
    ) -> None:  # fmt: skip
        """The step behind this one: it takes ``more`` elements and one, and is its pixel's or its beat's last.

        row, read : the row's word, and what becomes it in the next cycle
        begins : it begins a pixel; found : it comes next; element : its first of the beat
        """
        c, most = self._layout.config, self._layout.config.load_elements
        left = Signal(CHANNEL_BITS, reset_less=True)  # channels of the pixel from this step on, less one
        next_left = Signal(CHANNEL_BITS)
        # With so many channels left, the next step is not bounded by them either. So only the lowest bits need be known for it in time.
        few_bits = (2 * most - 1).bit_length()
        many = Signal(reset_less=True)
        row_many = Signal(reset_less=True)
        few = Signal()
        room = Signal(range(max(2, c.stream_elements)))
        bound = Signal(few_bits)
        m.d.comb += [
            next_left.eq(Mux(begins, row["channels"], left - more - 1)), few.eq(~Mux(begins, row_many, many)),
            room.eq(c.stream_elements - 1 - element), bound.eq(next_left),
        ]  # fmt: skip
        m.d.sync += row_many.eq(fields(self._layout.input_row, read)["channels"][few_bits:].any())
        following = [left.eq(next_left), many.eq(next_left[few_bits:].any())]
        if most == 1:
            following += [step_last.eq(few & ~bound.any()), beat_last.eq(~room.any())]
        else:
            wanted, least = row["elements"][: few_bits - 1], Signal(few_bits)
            m.d.comb += least.eq(Mux(room < wanted, room, wanted))
            following += [
                more.eq(Mux(few & (bound < least), bound, least)), step_last.eq(few & (bound <= least)),
                beat_last.eq((room <= wanted) & (~few | (room <= bound))),
            ]  # fmt: skip
        with m.If(found):
            m.d.sync += following

    def _write(self, m: Module, read: Value, state: Value, taken: Value, elements: Value, valid: Value) -> None:
        """Stage 1: the channels from their memory, stage 2: its register, stage 3: the addresses.

        taken : of each element but the first, whether the step takes it
        """
        layout, columns, count = self._layout, self._layout.config.columns, self._layout.config.load_elements
        state = Cat(state, taken, elements[: 8 * count])
        for stage in (1, 2):
            later, valid_later = Signal(len(state), name=f"state{stage}", reset_less=True), Signal(name=f"valid{stage}")
            m.d.sync += [later.eq(state), valid_later.eq(valid)]
            state, valid = later, valid_later
        half, wanted, place = state[0], state[1 : 1 + columns], state[1 + columns : 1 + columns + layout.operand_bits]
        takes = [Const(1), *state[1 + columns + layout.operand_bits : -8 * count]]
        word = Signal(layout.channel.width, reset_less=True)
        owner = fields(layout.channel, word)
        addresses = [Signal(layout.operand_bits, name=f"address{i}") for i in range(count)]
        m.d.comb += [address.eq(place + owner[f"offset{i}"]) for i, address in enumerate(addresses)]
        m.d.sync += [
            word.eq(read), self.write.data.eq(state[-8 * count :]), self.write.half.eq(half),
            self.write.enable.eq(wanted & valid.replicate(columns)),
            self.write.address.eq(Cat(*(address[: layout.half_bit] for address in addresses))),
            self.lanes.eq(Cat(*(owner[f"lanes{i}"][n] & takes[i] for n in range(layout.config.lanes) for i in range(count)))),
        ]  # fmt: skip
