"""AXI4-Lite: registers and the windows through which memories are loaded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from amaranth.hdl import Array, Cat, Module, Mux, ResetSignal, Signal, Value
from amaranth.lib.wiring import Component, In, Out

from zeroskip.contracts import registers as reg
from zeroskip.contracts.layout import Layout
from zeroskip.contracts.timing import longest_silence
from zeroskip_hw.primitives.load import load_bus
from zeroskip_hw.primitives.onehot import chosen

from .load_check import LoadCheck

OKAY, SLVERR = 0, 2


def axil_members(layout: Layout) -> dict[str, Any]:
    """The AXI4-Lite slave's ports without their prefix."""
    address = layout.address_bits
    return {
        "awaddr": In(address), "awprot": In(3), "awvalid": In(1), "awready": Out(1),
        "wdata": In(32), "wstrb": In(4), "wvalid": In(1), "wready": Out(1),
        "bresp": Out(2), "bvalid": Out(1), "bready": In(1),
        "araddr": In(address), "arprot": In(3), "arvalid": In(1), "arready": Out(1),
        "rdata": Out(32), "rresp": Out(2), "rvalid": Out(1), "rready": In(1),
    }  # fmt: skip


class Control(Component):
    """AXI4-Lite slave: window 0 holds the registers of :mod:`zeroskip.contracts.registers`, each further window one memory.

    Every output is a function of registers alone. Address and data of a write are taken in any order, each into a register of its own.
    An answer comes two cycles after its request (after the later of address and data), or after the answer before it has been taken; so
    a write and a read can be done every two cycles. SLVERR, without effect, for a write with partial strobes, to a memory while the
    array runs, or to an address that cannot be written, and for a read of anything but a register; the second and third are also
    recorded in ERROR. A memory word of several parts is written from its lowest part on; what is refused is no part of it.

    A CRC-32 is kept of all parts that memories have taken since EXPECTED_CRC was written. The array starts only if it is the expected one.
    That is decided three cycles after RUN is written, and the answer to that write comes with the decision.

    Members
    -------
    the ports of :func:`axil_members`
    autostart : In(1)
        Constant. High: RUN rises one cycle after reset.
    run : Out(1)
        CONTROL.RUN; the array is in reset while it is low.
    load : Out(load_bus)
    silence_limit, layer_limit : Out(32)
        WATCHDOG and LAYER_LIMIT.
    ready, busy, early_last, late_last, expired, latency, interval, groups, layer_cycles_address, layer_cycles :
        The array's, see :class:`~zeroskip_hw.array.SparseArray`.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        super().__init__({
            **axil_members(layout), "autostart": In(1),
            "run": Out(1), "load": Out(load_bus(layout)),
            "silence_limit": Out(32), "layer_limit": Out(32),
            "ready": In(1), "busy": In(1), "early_last": In(1), "late_last": In(1), "expired": In(1),
            "latency": In(32), "interval": In(32), "groups": In(32),
            "layer_cycles_address": Out(layout.layer_bits), "layer_cycles": In(32),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        errors = Signal(6)
        found = Signal(6)
        clear = Signal(6)
        # READY is low during reset, when nothing can be taken, and high from the second cycle on.
        awake = Signal()
        m.d.sync += awake.eq(1)
        m.d.comb += [found[0].eq(self.early_last), found[1].eq(self.late_last), found[4].eq(self.expired)]
        m.d.sync += errors.eq((errors & ~clear) | found)
        values = {
            reg.WATCHDOG: Signal(32, name="watchdog", init=longest_silence(self._layout.config)),
            reg.LAYER_LIMIT: Signal(32, name="limit", init=reg.LAYER_LIMIT_RESET),
            reg.EXPECTED_CRC: Signal(32, name="expected_crc"),
        }
        m.submodules.load_check = check = LoadCheck()
        m.d.comb += [
            self.silence_limit.eq(values[reg.WATCHDOG]), self.layer_limit.eq(values[reg.LAYER_LIMIT]),
            check.expected.eq(values[reg.EXPECTED_CRC]), check.commit.eq(self.load.commit), check.part.eq(self.load.data[:32]),
        ]  # fmt: skip
        self._write(m, awake, found, clear, values, check)
        self._read(m, awake, {reg.ERROR: errors, reg.LOAD_CRC: check.crc, **values})
        return m

    def _write(
        self, m: Module, awake: Signal, found: Signal, clear: Signal, values: dict[int, Signal], check: LoadCheck
    ) -> None:
        """Take address and data; once both are there and the answer before is gone, decide and answer.

        values : the registers that hold what is written to them
        """
        layout = self._layout
        addressed = Signal()
        filled = Signal()
        decide = Signal()
        whole = Signal()
        window = Signal(layout.address_bits - layout.window_bits, reset_less=True)
        offset = Signal(layout.window_bits - 2, reset_less=True)
        # Which register it is, or whether it is behind all, is found as the address is taken: a decision has far to go.
        places = (reg.CONTROL, reg.ERROR, *values)
        hits = Signal(len(places), reset_less=True)
        beyond = Signal(reset_less=True)
        data = Signal(32, reset_less=True)
        starting = Signal(3)
        m.d.comb += [
            self.awready.eq(awake & ~addressed), self.wready.eq(awake & ~filled),
            decide.eq(addressed & filled & ~self.bvalid & ~starting.any()),
        ]  # fmt: skip
        to_window, to_offset = self.awaddr[layout.window_bits :], self.awaddr[2 : layout.window_bits]
        with m.If(self.awready & self.awvalid):
            m.d.sync += [
                addressed.eq(1), window.eq(to_window), offset.eq(to_offset),
                hits.eq(_hits(self.awaddr, places)), beyond.eq(to_offset >= self._limit(to_window)),
            ]  # fmt: skip
        with m.If(self.wready & self.wvalid):
            m.d.sync += [filled.eq(1), data.eq(self.wdata), whole.eq(self.wstrb.all())]
        with m.If(decide):
            m.d.sync += [addressed.eq(0), filled.eq(0)]

        answer = Signal(2)
        start = Signal()
        commit = Signal()
        committed = Signal()
        loaded = Signal()
        m.d.comb += answer.eq(SLVERR)
        with m.If(decide):
            with m.If(hits[0]):
                with m.If(whole):
                    m.d.comb += [answer.eq(OKAY), start.eq(data[0] & ~self.run)]
                    m.d.sync += self.run.eq(data[0] & self.run)
            with m.Elif(hits[1]):
                with m.If(whole):
                    m.d.comb += [answer.eq(OKAY), clear.eq(data[: len(clear)])]
            for hit, (place, register) in zip(hits[2:], values.items(), strict=True):
                with m.Elif(hit):
                    with m.If(whole):
                        m.d.comb += [answer.eq(OKAY), check.restart.eq(place == reg.EXPECTED_CRC)]
                        m.d.sync += register.eq(data)
            with m.Elif(beyond):
                m.d.comb += found[3].eq(1)
            with m.Elif(self.run):
                m.d.comb += found[2].eq(1)
            with m.Elif(whole):
                m.d.comb += [answer.eq(OKAY), commit.eq(1)]
        # Registers come up with any value: without the gate, the first clock edge could spoil a word of a preloaded memory.
        m.d.comb += self.load.commit.eq(loaded & ~ResetSignal())
        m.d.sync += [committed.eq(commit), loaded.eq(committed)]
        # What was refused must not enter the parts given before. The decision waits in a register of its own: the load bus goes all over
        # the array, and behind the comparison of the address it would be the slowest path. A next request is taken a cycle later.
        with m.If(committed):
            m.d.sync += [
                self.load.window.eq(window), self.load.offset.eq(offset), self.load.data.eq(Cat(data, self.load.data)),
            ]  # fmt: skip
        with m.If(decide):
            m.d.sync += [self.bvalid.eq(~start), self.bresp.eq(answer)]
        with m.Elif(self.bready):
            m.d.sync += self.bvalid.eq(0)
        # The check knows a part that was written just before the start three cycles later, and so does the host with the answer.
        m.d.sync += starting.eq(starting << 1 | start)
        with m.If(starting[2]):
            m.d.sync += [self.run.eq(check.good), self.bvalid.eq(1)]
            m.d.comb += found[5].eq(~check.good)
        with m.If(self.autostart & ~awake):
            m.d.sync += self.run.eq(1)

    def _limit(self, window: Value) -> Any:
        """The first 32-bit part behind the memory of ``window``. Lanes' memories alternate and are alike in every lane."""
        limits = [0, *(memory.depth * memory.stride // 4 for memory in self._layout.memories)]
        shared = len(limits) - 2 * self._layout.config.lanes
        alike = limits[shared : shared + 2]
        return Mux(
            window < shared, Array(limits[:shared])[window],
            Mux(window < len(limits), Array(alike)[(window - shared)[0]], 0),
        )  # fmt: skip

    def _read(self, m: Module, awake: Signal, kept: dict[int, Signal]) -> None:
        """``kept``: the registers of the slave itself."""
        layout, c = self._layout, self._layout.config
        asked = Signal()
        decide = Signal()
        address = Signal(layout.address_bits, reset_less=True)
        m.d.comb += [self.arready.eq(awake & ~asked), decide.eq(asked & ~self.rvalid)]
        values = {
            reg.ID: reg.ID_RESET, reg.VERSION: reg.VERSION_RESET, reg.CONFIG_ID: c.digest,
            reg.SHAPE: c.lanes | c.columns << 8 | c.word << 16 | c.weight_bits << 24,
            reg.CONTROL: self.run, reg.STATUS: Cat(self.run, self.ready, self.busy), **kept,
            reg.LATENCY: self.latency, reg.INTERVAL: self.interval, reg.GROUPS: self.groups,
        }  # fmt: skip
        hits = Signal(len(values) + 1, reset_less=True)
        cycles_end = reg.LAYER_CYCLES + 4 * c.layer_depth
        with m.If(self.arready & self.arvalid):
            is_cycles = (self.araddr >= reg.LAYER_CYCLES) & (self.araddr < cycles_end)
            m.d.sync += [asked.eq(1), address.eq(self.araddr), hits.eq(Cat(_hits(self.araddr, values), is_cycles))]
        with m.If(decide):
            m.d.sync += asked.eq(0)
        m.d.comb += self.layer_cycles_address.eq(address[2:])
        data = chosen(hits, [*map(Value.cast, values.values()), self.layer_cycles])
        with m.If(decide):
            m.d.sync += [self.rvalid.eq(1), self.rdata.eq(data), self.rresp.eq(Mux(hits.any(), OKAY, SLVERR))]
        with m.Elif(self.rready):
            m.d.sync += self.rvalid.eq(0)


def _hits(address: Value, places: Iterable[int]) -> Value:
    """One bit for each of the registers at ``places``: whether it is addressed."""
    return Cat(*(address[2:] == place >> 2 for place in places))
