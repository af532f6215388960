"""Testbenches of the demo's network, LeNet-300-100 and ResNet-8 at 80 %, on both simulators, without Python."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.elaboration import verilog_of
from tests.flow.testbench.machine import BOTH, Machine
from tests.flow.testbench.test_simulators import CHANGES, expected_verdict, moved_testbench, require_failed
from tests.networks.catalog import CONVOLUTIONAL
from tests.networks.dense import lenet_300_100

import zeroskip as zs
from zeroskip.demo import LANES, Digits, trained

RequireData = Callable[[str], Path]
SAMPLES = {
    "icarus": {"demo": 10, "LeNet-300-100": 3, "ResNet-8": 1},
    "verilator": {"demo": 50, "LeNet-300-100": 50, "ResNet-8": 3},
}


NEEDS = {
    "demo": (), "LeNet-300-100": ("dns_pruned_lenet/lenet300100_sparse.npz", "mnist"), "ResNet-8": CONVOLUTIONAL["ResNet-8"].needs,
}  # fmt: skip


@cache
def made(network: str, data: Path) -> tuple[zs.Design, Any]:
    """A design and inputs for it."""
    if network == "demo":
        digits = Digits.load()
        config = zs.ArrayConfig(lanes=LANES)
        design = zs.compile(trained(), digits.test_x[:1], calibration=digits.train_x, config=config)
        return design, digits.test_x
    masks = None
    if network == "LeNet-300-100":
        real, config = lenet_300_100(data, "sparse"), zs.ArrayConfig(lanes=8, stream_bits=64)
    else:
        source = CONVOLUTIONAL[network]
        real, config = source.load(data), source.config
        masks = zs.prune.magnitude(real.model, 0.8)
    return zs.compile(real.model, real.example, calibration=real.calibration, masks=masks, config=config), real.inputs


@pytest.mark.nightly
@pytest.mark.parametrize("network", NEEDS)
@pytest.mark.parametrize("simulator", BOTH)
def test_a_real_network_passes(
    tmp_path: Path, require_data: RequireData, data_dir: Path, network: str, simulator: str
) -> None:
    for needed in NEEDS[network]:
        require_data(needed)
    design, inputs = made(network, data_dir)
    text = verilog_of(design.config)
    design.__dict__["_generated"] = (text.files, text.sidecar)
    x = inputs[: SAMPLES[simulator][network]]
    folder = moved_testbench(design, x, tmp_path, "elsewhere")
    machine, script = Machine.set_up(tmp_path / "bin", simulator), folder / f"run_{simulator}.sh"
    done = machine.run(script)
    assert (done.status, done.verdict) == (0, expected_verdict(design, x)), "\n".join(done.said[-20:])
    CHANGES["a weight"].made_in(folder)
    require_failed(machine.run(script), network)
