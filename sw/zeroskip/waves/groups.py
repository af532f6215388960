"""What one wants to see of a running array, in the order in which an activation passes it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .hierarchy import Hierarchy

WIDEST = 256
"""Bits of the widest signal that Verilator records, unless told otherwise."""

PORTS = {
    "clock and reset": "clk rst",
    "input stream": "s_axis_tvalid s_axis_tready s_axis_tlast s_axis_tdata",
    "output stream": "m_axis_tvalid m_axis_tready m_axis_tlast m_axis_tkeep m_axis_tdata",
    "AXI4-Lite": (
        "s_axil_awvalid s_axil_awready s_axil_awaddr s_axil_wvalid s_axil_wready s_axil_wdata s_axil_bvalid s_axil_bresp"
        " s_axil_arvalid s_axil_arready s_axil_araddr s_axil_rvalid s_axil_rdata s_axil_rresp"
    ),
}
"""Signals of the top module."""

BEFORE_LANES = {
    "control": "control.run array.ready array.busy control.load__commit control.load__window control.load_check.crc control.expected_crc",
    "loader": "array.loader.full array.loader.first array.loader.accepted array.loader.lanes array.loader.write__enable",
    "layer": (
        "array.sequencer.layer array.sequencer.start array.sequencer.finished array.sequencer.elapsed array.sequencer.primed"
        " array.sequencer.working array.sequencer.could array.sequencer.input_half"
        " array.sequencer.output_half array.sequencer.output_done"
    ),
    "constants": "array.constants.closed array.constants.valid array.constants.part array.constants.resume",
}
LANE = (
    "fetch.address fetch.stuck fetch.valid fetch.take fetch.entry__data gate.advance gate.issue gate.issue_first"
    " gate.issue_tail gate.issue_last"
    " gate.closed share.address share.data turn.operands weight pushed grant sums"
)
MERGE = (
    "array.merge.pushed array.merge.grant array.merge.granted array.merge.take array.merge.total array.merge.valid"
    " array.merge.next_bundle array.merge.tile_end array.merge.layer_end array.merge.tile array.merge.hold"
)
REQUANTIZER = "next_row enable place data row_tile_end row_layer_end addends residual_place"
BEHIND_LANES = {
    "writer": (
        "array.writer.enable array.writer.place array.writer.data array.writer.write__enable array.writer.write__address"
        " array.writer.write__data array.writer.written"
    ),
    "unloader": "array.unloader.full array.unloader.busy array.unloader.half array.unloader.outputs array.unloader.group_end",
    "counters": "array.counters.latency array.counters.interval array.counters.groups",
    "errors": (
        "array.early_last array.late_last array.expired array.watchdog.fault array.watchdog.halt array.watchdog.silence"
        " array.watchdog.silence_limit"
    ),
}
"""Signals below the instance that holds ``array`` and ``control``; an array without a feature lacks those of the feature."""


@dataclass(frozen=True)
class Wave:
    """path : from the top module on; label : a shorter name, for people; width : in bits"""

    path: str
    label: str
    width: int


@dataclass(frozen=True)
class Group:
    """title : for people; waves : at least one"""

    title: str
    waves: tuple[Wave, ...]


def wanted(verilog: Iterable[str], top: str) -> list[Group]:
    """The groups that a design has. Only signals that are in its Verilog, and that simulators record, are in them.

    verilog : texts of its files
    """
    hierarchy = Hierarchy(verilog, top)
    core = next((path.removesuffix("array") for path in hierarchy.instances if path.split(".")[-1] == "array"), None)
    listed: list[tuple[str, str, str]] = [(title, "", names) for title, names in PORTS.items()]
    if core is not None:
        lanes = [path for path in hierarchy.instances if re.fullmatch(rf"{re.escape(core)}array\.lane\d+", path)]
        listed += [(title, core, names) for title, names in BEFORE_LANES.items()]
        listed += [(f"lane {int(path[-2:])}", f"{path}.", LANE) for path in sorted(lanes)]
        listed.append(("merge", core, MERGE))
        requantizers = rf"{re.escape(core)}array\.requantizer\d*"
        parts = sorted(path for path in hierarchy.instances if re.fullmatch(requantizers, path))
        listed += [(path.split(".")[-1], f"{path}.", REQUANTIZER) for path in parts]
        listed += [(title, core, names) for title, names in BEHIND_LANES.items()]
    found = []
    for title, prefix, names in listed:
        widths = {name: hierarchy.width(prefix + name) for name in names.split()}
        waves = tuple(
            Wave(prefix + name, name.removeprefix("array."), width)
            for name, width in widths.items()
            if width is not None and width <= WIDEST
        )
        if waves:
            found.append(Group(title, waves))
    return found
