"""The top of what is elaborated: control and array behind ports of conventional names."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, ResetInserter, Signal
from amaranth.lib.wiring import Component, In, Out

from zeroskip.contracts.layout import Layout
from zeroskip_hw.control.registers import Control, axil_members
from zeroskip_hw.primitives.broadcast import broadcast

from .array import SparseArray


class Top(Component):
    """``zeroskip_core``: all of the array but the wrapper's parameter. One clock ``clk``, one synchronous reset ``rst``, active high.

    Members
    -------
    s_axis_tdata : In(stream_bits), s_axis_tvalid, s_axis_tlast : In(1), s_axis_tready : Out(1)
        Samples in; one activation per byte, the first in the lowest; TLAST with each sample's last beat.
    m_axis_tdata : Out(stream_bits), m_axis_tkeep : Out(stream_bits / 8), m_axis_tvalid, m_axis_tlast : Out(1), m_axis_tready : In(1)
        Samples out, in the same form.
    s_axil_… : AXI4-Lite, see :class:`~zeroskip_hw.control.registers.Control`.
    autostart : In(1)
        Constant. High: CONTROL.RUN rises by itself behind a reset.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        c = layout.config
        super().__init__({
            "s_axis_tdata": In(c.stream_bits), "s_axis_tvalid": In(1), "s_axis_tready": Out(1), "s_axis_tlast": In(1),
            "m_axis_tdata": Out(c.stream_bits), "m_axis_tkeep": Out(c.stream_elements), "m_axis_tvalid": Out(1),
            "m_axis_tready": In(1), "m_axis_tlast": Out(1),
            **{f"s_axil_{name}": member for name, member in axil_members(layout).items()},
            "autostart": In(1),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        layout = self._layout
        m.submodules.control = control = Control(layout)
        array = SparseArray(layout)
        # The array's reset goes all over the part, so it is this register alone, which the reset itself sets. In the first cycle of a
        # reset the array has not heard of it yet, and nobody hears the array.
        stopped = Signal(init=1)
        m.d.sync += stopped.eq(~control.run)
        m.submodules.array = ResetInserter(stopped)(array)
        for name, member in axil_members(layout).items():
            port, inner = getattr(self, f"s_axil_{name}"), getattr(control, name)
            m.d.comb += inner.eq(port) if member.flow == In else port.eq(inner)
        m.d.comb += control.autostart.eq(self.autostart)
        broadcast(m, control.load, array.load)
        m.d.comb += [
            array.in_valid.eq(self.s_axis_tvalid), self.s_axis_tready.eq(array.in_ready & ~stopped),
            array.in_data.eq(self.s_axis_tdata), array.in_last.eq(self.s_axis_tlast),
            self.m_axis_tvalid.eq(array.out_valid & ~stopped), array.out_ready.eq(self.m_axis_tready),
            self.m_axis_tdata.eq(array.out_data), self.m_axis_tkeep.eq(array.out_keep), self.m_axis_tlast.eq(array.out_last),
            *(
                getattr(control, name).eq(getattr(array, name) & ~stopped)
                for name in ("ready", "busy", "early_last", "late_last", "expired")
            ),
            *(
                getattr(control, name).eq(getattr(array, name))
                for name in ("latency", "interval", "groups", "layer_cycles")
            ),
            array.layer_cycles_address.eq(control.layer_cycles_address),
            array.silence_limit.eq(control.silence_limit), array.layer_limit.eq(control.layer_limit),
        ]  # fmt: skip
        return m
