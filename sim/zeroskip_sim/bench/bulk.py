"""cocotb test of the bulk bench: wait until all jobs are done, then compare what came out with the reference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from zeroskip_sim.scoreboard import check_outputs


@cocotb.test()
async def outputs_equal_reference(dut: Any) -> None:
    """Every sample of every job, in number, order and value."""
    Clock(dut.clk, 10, unit="ns", impl="gpi").start()
    await RisingEdge(dut.done)
    folders = [Path(line.split()[0]) for line in Path("jobs.txt").read_text().splitlines()]
    differences = {folder: check_outputs(folder) for folder in folders}
    wrong = [f"{folder}: {difference}" for folder, difference in differences.items() if difference]
    assert not wrong, "\n".join(wrong)
