"""The whole of a board's FPGA: the array with its bridge to the serial line, power-on reset and lamps."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import ClockDomain, ClockSignal, Instance, Module, ResetSignal, Signal
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import Component, In, Out

from zeroskip.contracts.bridge import BridgeConfig
from zeroskip.contracts.layout import Layout
from zeroskip_hw.control.registers import axil_members

from .bridge import Bridge
from .serial import Receiver, Transmitter

RESET_BITS = 10
"""The reset takes 2 to the power of it, 38 µs at 27 MHz: an iCE40's block RAMs can be read only some microseconds after configuration."""

TICK_BITS = 4
"""Ticks of a lamp are the sixteenth part of its beat, which takes between one and two seconds."""

STREAMS = (
    ("s_axis_tdata", "i", "out_data"), ("s_axis_tvalid", "i", "out_valid"), ("s_axis_tready", "o", "out_ready"),
    ("s_axis_tlast", "i", "out_last"),
    ("m_axis_tdata", "o", "in_data"), ("m_axis_tkeep", "o", "in_keep"), ("m_axis_tvalid", "o", "in_valid"),
    ("m_axis_tready", "i", "in_ready"), ("m_axis_tlast", "o", "in_last"),
)  # fmt: skip
"""Ports of the array's streams, their directions, and the bridge's members that belong to them."""


class BoardTop(Component):
    """The module ``zeroskip`` of a design's Verilog, which starts by itself, behind the pins of a board.

    Members
    -------
    clk : In(1)
        The oscillator.
    rx : In(1), tx : Out(1)
        The serial line, as the FPGA sees it.
    lamp_… : Out(1)
        Those of ``config.lamps``, see :data:`~zeroskip.contracts.bridge.LAMPS`.
    """

    def __init__(self, layout: Layout, config: BridgeConfig) -> None:
        self._layout, self._config = layout, config
        super().__init__({
            "clk": In(1), "rx": In(1), "tx": Out(1), **{f"lamp_{name}": Out(1) for name in config.lamps},
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self._config
        m.domains += ClockDomain("sync")
        m.d.comb += ClockSignal().eq(self.clk)
        m.submodules.power_on = Instance("zs_reset", p_WIDTH=RESET_BITS, i_clk=ClockSignal(), o_rst=ResetSignal())

        m.submodules.receiver = receiver = Receiver(config.divisor)
        m.submodules.transmitter = transmitter = Transmitter(config.divisor)
        m.submodules.bridge = bridge = Bridge(self._layout, config)
        m.submodules.line = FFSynchronizer(self.rx, receiver.line, init=1)
        m.d.comb += [
            bridge.rx_valid.eq(receiver.valid), bridge.rx_data.eq(receiver.data), bridge.rx_broken.eq(receiver.broken),
            transmitter.valid.eq(bridge.tx_valid), bridge.tx_ready.eq(transmitter.ready), transmitter.data.eq(bridge.tx_data),
            self.tx.eq(transmitter.line),
        ]  # fmt: skip
        self._lamps(m, bridge)
        ports = {port: (direction, getattr(bridge, member)) for port, direction, member in STREAMS}
        for name, member in axil_members(self._layout).items():
            ports[f"s_axil_{name}"] = ("i" if member.flow == In else "o", getattr(bridge, f"axil_{name}"))
        m.submodules.array = Instance(
            "zeroskip", p_AUTOSTART=1, i_clk=ClockSignal(), i_rst=ResetSignal(),
            **{f"{direction}_{port}": value for port, (direction, value) in ports.items()},
        )  # fmt: skip
        return m

    def _lamps(self, m: Module, bridge: Bridge) -> None:
        """A request on a fast line is too short to be seen: ``busy`` goes out only after the second tick without one."""
        beat = Signal(range(self._config.clock_hz))
        shining = Signal(2)
        m.d.sync += beat.eq(beat + 1)
        with m.If(bridge.busy):
            m.d.sync += shining.eq(~0)
        with m.Elif(beat[:-TICK_BITS] == 0):
            m.d.sync += shining.eq(shining >> 1)
        lit = {"alive": beat[-1], "busy": shining[0], "fault": bridge.fault}
        for name in self._config.lamps:
            lamp = Signal(name=f"{name}_lamp")
            m.d.sync += lamp.eq(lit[name])
            m.d.comb += getattr(self, f"lamp_{name}").eq(~lamp if self._config.lamps_low else lamp)
