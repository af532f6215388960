"""cocotb test of the bulk bench: wait until it is done, then compare what came out with the reference."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from zeroskip_sim.scoreboard import Job, read_outputs


@cocotb.test()
async def outputs_equal_reference(dut: Any) -> None:
    """Every sample, in number, order and value; the seed stands in the message."""
    job = Job.load(Path("job.npz"))
    Clock(dut.clk, 10, unit="ns", impl="gpi").start()
    await RisingEdge(dut.done)
    outputs = read_outputs(Path("outputs.txt"), job)
    error = job.first_difference(outputs)
    Path("result.json").write_text(json.dumps({"difference": error, "seed": os.environ.get("COCOTB_RANDOM_SEED")}))
    assert error is None, error
