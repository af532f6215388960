"""``zeroskip run`` against the simulated FPGA of a board, behind a pseudo-terminal."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from tests.flow.drivers.digits import ten
from tests.sim.board.cases import FAST, board_model, case_of, write_cases
from tests.sim.board.served import DONE, PORT

import zeroskip as zs
from zeroskip_sim.run import start

WAIT_S = 300
"""For the simulation to begin, on a busy machine."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The port of a board that holds the first network of :func:`ten`."""
    found = ten()
    write_cases([case_of(design, found.x) for design in (found.first, found.second)], FAST, folder)
    model = board_model(found.first.config, FAST, "verilator")
    simulation = threading.Thread(target=start, args=(model, "tests.sim.board.served", folder), kwargs={"seed": 1})
    simulation.start()
    try:
        deadline = time.monotonic() + WAIT_S
        while not (folder / PORT).exists():
            assert simulation.is_alive(), (folder / "simulation.log").read_text()
            assert time.monotonic() < deadline, "the simulation does not begin"
            time.sleep(0.1)
        yield (folder / PORT).read_text()
    finally:
        (folder / DONE).touch()
        simulation.join()


def run(*arguments: object) -> tuple[int, str, str]:
    """In a process of its own: the simulation's thread has this one. A simulated board may take its time."""
    program = "from zeroskip.drivers import uart; uart.MARGIN = 3600.0; from zeroskip.cli.main import main; main()"
    command = [sys.executable, "-c", program, "run", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    last = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else ""
    return done.returncode, done.stdout, last


@pytest.mark.verilator
@pytest.mark.slow
def test_run_on_a_simulated_board(tmp_path: Path) -> None:
    found = ten()
    first, second, other = tmp_path / "first", tmp_path / "second", tmp_path / "other"
    found.first.save(first, samples=found.x)
    found.second.save(second, samples=found.x)
    zs.compile(found.model, found.calibration[:1], calibration=found.calibration, config=zs.ArrayConfig(lanes=1)).save(
        other, samples=found.x
    )
    board = tmp_path / "board"
    board.mkdir()
    with served(board) as port:
        status, out, last = run(first, "--port", port)
        assert (status, last) == (0, f"… {len(found.x)} samples"), out
        assert "10 samples equal the reference" in out
        report = json.loads((first / "run" / "report.json").read_text())
        assert report["counted"] == report["predicted"] == found.first.cycles.to_json()
        assert report["compared"] == ["layers", "latency", "interval"]
        assert (report["equal"], report["failures"], report["samples"]) == (True, [], 10)

        # Another array is refused before anything is written to it.
        status, _, last = run(other, "--port", port)
        assert status == 2
        assert last.startswith(f"zeroskip: {port}: the images were made for another array: CONFIG_ID reads 0x")

        # The other network of the same array is not there yet.
        status, _, last = run(second, "--port", port, "--out", tmp_path / "report.json")
        assert status == 1
        assert f"zeroskip: {port}: outputs differ in " in last
        assert not json.loads((tmp_path / "report.json").read_text())["equal"]

        # One sample tells no interval.
        np.save(tmp_path / "x.npy", found.x[:1])
        status, out, last = run(second, "--port", port, "--load", "--inputs", tmp_path / "x.npy")
        assert (status, last) == (0, "… 1 samples"), out
        report = json.loads((second / "run" / "report.json").read_text())
        assert report["counted"]["layers"] == dict(found.second.cycles.layers)
        assert report["counted"]["latency"] == found.second.cycles.latency
        assert (report["compared"], report["loaded"]) == (["layers", "latency"], True)
        assert "not compared" in out
