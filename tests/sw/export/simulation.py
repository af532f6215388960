"""An exported folder simulated where it lies, with its own Verilog and its own images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

import zeroskip as zs
from zeroskip import reference
from zeroskip.contracts.streams import to_input_stream, to_output_stream
from zeroskip_sim.request import Request
from zeroskip_sim.run import run


def gives_the_reference(
    home: Path, files: Sequence[Path], design: Path, *, samples: int = 2, simulator: str = "icarus"
) -> None:
    """Outputs and cycles of a single run from power-up are the reference's and the prediction's.

    home : where the tool runs, from which the Verilog finds its images; the run's files are written there
    files : the Verilog
    design : the folder that was exported
    """
    loaded = zs.Design.load(design)
    inputs = loaded.quantize_input(np.load(design / "inputs.npy")[:samples])
    request = Request(
        program=loaded.program, inputs=to_input_stream(loaded.network, inputs),
        expected=to_output_stream(loaded.network, reference.run(loaded.network, inputs)),
        output=loaded.network.output, most_cycles=loaded.cycles.latency + loaded.cycles.interval, images=home, folder=home / "run",
    )  # fmt: skip
    result = run(request, {path.name: path.read_text() for path in files}, simulator=simulator)
    assert result.difference is None, result.difference
    assert result.registers is None, result.registers
    assert result.errors == 0, f"ERROR reads {result.errors:#x}"
    assert result.cycles == loaded.cycles
