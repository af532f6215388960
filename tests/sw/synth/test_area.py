"""Areas from Yosys' cell counts."""

from __future__ import annotations

import re

import pytest

from zeroskip.contracts.errors import CapacityError, InputError
from zeroskip.synth import LANES, TARGETS, Area, ModuleArea
from zeroskip.synth.area import ECP5_CELLS, ICE40_CELLS, Hierarchy, plain_name
from zeroskip.synth.targets import target_named

STAT = {
    "modules": {
        "\\measure": {"num_cells_by_type": {"LUT4": 7, "TRELLIS_FF": 9, "top": 1}},
        "\\top": {"num_cells_by_type": {"LUT4": 10, "CCU2C": 3, "top.lane_0": 1, "ram": 2, "$scopeinfo": 4}},
        "\\top.lane_0": {"num_cells_by_type": {"LUT4": 5, "PFUMX": 2, "L6MUX21": 1, "MULT18X18D": 1, "ram": 1}},
        "\\ram": {"num_cells_by_type": {"DP16KD": 1, "PDPW16KD": 1, "TRELLIS_DPR16X4": 2, "TRELLIS_FF": 4}},
    }
}


def test_modules_with_what_they_hold() -> None:
    hierarchy = Hierarchy(STAT, ECP5_CELLS)
    ram = Area(lut4=12, ff=4, bram=2)
    assert hierarchy.whole("ram") == ram
    assert hierarchy.whole("top.lane_0") == Area(lut4=5, dsp=1).plus(ram)
    assert hierarchy.whole("top") == Area(lut4=16 + 5, dsp=1).plus(ram, 3)
    assert hierarchy.own("measure") == Area(lut4=7, ff=9)
    modules = hierarchy.modules("top")
    assert list(modules) == ["top", "top.lane_0", "ram"]
    assert modules["ram"] == ModuleArea(lut4=12, ff=4, bram=2, instances=3)


@pytest.mark.parametrize(
    "kind, area",
    [
        ("SB_LUT4", Area(lut4=1)),
        ("SB_CARRY", Area()),
        ("SB_DFF", Area(ff=1)),
        ("SB_DFFESR", Area(ff=1)),
        ("SB_RAM40_4KNW", Area(bram=1)),
        ("SB_MAC16", Area(dsp=1)),
        ("LUT4", Area()),
    ],
)
def test_ice40_cells(kind: str, area: Area) -> None:
    assert ICE40_CELLS.area(kind) == area


@pytest.mark.parametrize(
    "name, plain",
    [
        ("zeroskip.lane_0", "zeroskip.lane_0"),
        ("$paramod$e593014d7ff19d936cc6cf7f6192104f7a3005f1\\ram", "ram#e593014d"),
        ("$paramod\\lane\\W=s32'00000000000000000000000000001000\\D=8'00000001", "lane(W=8, D=1)"),
    ],
)
def test_plain_name(name: str, plain: str) -> None:
    assert plain_name(name) == plain


@pytest.mark.parametrize(
    "name, lane",
    [
        ("zeroskip.lane_0", True),
        ("zeroskip.array.lane_12", True),
        ("lane", True),
        ("lane(W=8)", True),
        ("my_lane3", True),
        ("zeroskip_array_lane00", True),
        ("zeroskip.lane_0.fifo", False),
        ("zeroskip_array_lane00_fifo", False),
        ("zeroskip.lanes", False),
        ("zeroskip.plane_0", False),
        ("zeroskip", False),
    ],
)
def test_lanes_are_found_by_name(name: str, lane: bool) -> None:
    assert bool(re.search(LANES, name)) is lane


def test_unknown_target() -> None:
    allowed = "ecp5-25k, ecp5-45k, ecp5-85k, ice40-hx8k, ice40-up5k, gowin-gw2ar-18"
    with pytest.raises(InputError, match=rf"^target must be one of {allowed}, not 'virtex'$"):
        target_named("virtex")


def test_check_fit_names_every_resource() -> None:
    part = TARGETS["ice40-up5k"]
    part.check_fit(part.available, "net")
    with pytest.raises(
        CapacityError,
        match=r"^net does not fit ice40-up5k \(iCE40UP5K\): needs 5281 LUT4, available 5280; "
        r"31 block RAMs \(4 kbit\), available 30; 9 multipliers, available 8$",
    ):
        part.check_fit(Area(lut4=5281, ff=5280, bram=31, dsp=9), "net")
