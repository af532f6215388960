"""nextpnr's report and log, and the report that people and programs read."""

from __future__ import annotations

import json

import pytest

from zeroskip.contracts.errors import CapacityError, ZeroskipError
from zeroskip.synth import TARGETS, Area, CriticalPath, ModuleArea, SynthReport
from zeroskip.synth.report import read_nextpnr
from zeroskip.synth.tools import refuse_overfull


def step(kind: str, delay: float, start: str, end: str) -> dict[str, object]:
    ends = {"from": {"cell": start, "port": "Q"}, "to": {"cell": end, "port": "D"}}
    return {"type": kind, "delay": delay, **ends}


CLOCK = "posedge $glbnet$clk"
PATH = [
    step("clk-to-q", 0.3, "core.lane_0.a", "core.lane_0.a"),
    step("routing", 1.0, "core.lane_0.a", "core.lane_0.b"),
    step("logic", 0.5, "core.lane_0.b", "core.lane_0.b"),
    step("routing", 0.7, "core.lane_0.b", "folded_3"),
    step("setup", 0.0, "folded_3", "folded_3"),
]
NEXTPNR = {
    "fmax": {"$glbnet$clk": {"achieved": 400.0, "constraint": 200}},
    "critical_paths": [
        {"from": "<async>", "to": CLOCK, "path": [step("routing", 9.0, "scan_in", "inputs_0")]},
        {"from": CLOCK, "to": CLOCK, "path": PATH},
        {"from": "<async>", "to": "<async>", "path": [step("routing", 9.0, "scan_in", "scan_out")]},
    ],
    "utilization": {"TRELLIS_COMB": {"used": 30, "available": 24288}, "ALU54B": {"used": 0, "available": 14}},
}


def test_read_nextpnr() -> None:
    placed = read_nextpnr(json.dumps(NEXTPNR))
    assert placed.fmax == 400.0
    assert placed.resources == {"TRELLIS_COMB": (30, 24288)}
    assert placed.critical_path == CriticalPath(
        start="lane_0.a.Q", end="wrapper: folded_3.D", delay_ns=2.5, logic_ns=0.8, routing_ns=1.7, levels=1
    )


def test_a_design_without_clocked_logic() -> None:
    with pytest.raises(ZeroskipError, match=r"^nextpnr reports no path between flip-flops: "):
        read_nextpnr(json.dumps({"fmax": {}, "critical_paths": [], "utilization": {}}))


LOG = """
Info: Device utilisation:
Info: \t         ICESTORM_LC:    6044/   5280   114%
Info: \t        ICESTORM_RAM:       4/     30    13%
"""


def test_overfull_log() -> None:
    part = TARGETS["ice40-up5k"]
    with pytest.raises(
        CapacityError,
        match=r"^net with its measuring wrapper does not fit ice40-up5k \(iCE40UP5K\): needs 6044 ICESTORM_LC, available 5280$",
    ):
        refuse_overfull(LOG, part, "net")
    stuck = LOG.replace("6044", "5200") + "ERROR: Unable to find a placement location for cell 'x'\n"
    with pytest.raises(CapacityError, match=r"cell 'x' \(fullest: 5200 ICESTORM_LC, available 5280\)$"):
        refuse_overfull(stuck, part, "net")
    refuse_overfull(LOG.replace("6044", "5200") + "ERROR: something else\n", part, "net")


def report() -> SynthReport:
    lane = ModuleArea(lut4=100, ff=90, bram=1, dsp=1)
    return SynthReport(
        target="ecp5-25k",
        device="LFE5UM5G-25F",
        package="CABGA381",
        speed="8",
        top="zeroskip",
        area=Area(lut4=300, ff=250, bram=2, dsp=2),
        apart=Area(lut4=310, ff=260, bram=2, dsp=2),
        available=TARGETS["ecp5-25k"].available,
        wrapper=Area(lut4=68, ff=241),
        placed={"TRELLIS_COMB": (390, 24288)},
        modules={
            "zeroskip": ModuleArea(lut4=310, ff=260, bram=2, dsp=2),
            "zeroskip.lane_0": lane,
            "zeroskip.lane_1": ModuleArea(lut4=104, ff=90, bram=1, dsp=1),
        },
        keep="lane",
        freq=200.0,
        fmax={1: 210.0, 2: 190.0, 3: 200.0},
        fmax_median=200.0,
        critical_path=read_nextpnr(json.dumps(NEXTPNR)).critical_path,
        tools={"yosys": "0.70"},
    )


def test_rows_name_part_seeds_and_wrapper() -> None:
    rows = dict(report().rows())
    assert rows["target"] == "ecp5-25k: LFE5UM5G-25F CABGA381 speed 8"
    assert rows["LUT4"] == "300 of 24288 (1.2 %)"
    assert rows["LUT4 inside one of 2 lanes"] == "100 … 104"
    assert rows["FF inside one of 2 lanes"] == "90"
    assert rows["with them apart"] == "310 LUT4, 260 FF, 2 block RAM, 2 DSP"
    assert rows["Fmax"] == "200.0 MHz, median of 210.0 (seed 1), 190.0 (seed 2), 200.0 (seed 3); aimed at 200"
    assert rows["measuring wrapper"] == "68 LUT4, 241 FF, not counted above"
    assert rows["critical path"].startswith("lane_0.a.Q to wrapper: folded_3.D (2.50 ns: 0.80 logic in 1 levels")


def test_to_json_is_json() -> None:
    values = report().to_json()
    assert json.loads(json.dumps(values)) == values
    assert values["fmax"]["2"] == 190.0
    assert values["modules"]["zeroskip.lane_1"] == {"lut4": 104, "ff": 90, "bram": 1, "dsp": 1, "instances": 1}
    assert values["critical_path"]["delay_ns"] == 2.5
