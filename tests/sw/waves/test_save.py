"""The two forms of a save file, to the letter."""

from __future__ import annotations

from zeroskip.waves import Group, Wave, save_files

GROUPS = [
    Group("AXI4-Lite", (Wave("s_axil_rdata", "s_axil_rdata", 32), Wave("s_axil_rready", "s_axil_rready", 1))),
    Group("lane 7", (Wave("core.array.lane07.gate.issue", "gate.issue", 1),)),
]

GTKWAVE = """\
[dumpfile] "dump.fst"
[size] 1600 1000
*-20.000000 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1
[treeopen] bulk.
[treeopen] bulk.dut.
[signals_width] 300
@800200
-AXI4-Lite
@22
+{s_axil_rdata} bulk.dut.s_axil_rdata[31:0]
@28
+{s_axil_rready} bulk.dut.s_axil_rready
@1000200
-AXI4-Lite
@c00200
-lane 7
@28
+{gate/issue} bulk.dut.core.array.lane07.gate.issue
@1401200
-lane 7
"""
SURFER = """\
divider_add AXI4_Lite
variable_add bulk.dut.s_axil_rdata
variable_add bulk.dut.s_axil_rready
divider_add lane_7
variable_add bulk.dut.core.array.lane07.gate.issue
zoom_fit
"""


def test_gtkwave_and_surfer() -> None:
    assert save_files("dump.fst", GROUPS, "bulk.dut") == {"waves.gtkw": GTKWAVE, "waves.sucl": SURFER}
