"""Testbenches of the demo's network, LeNet-300-100 and ResNet-8 at 80 %, on both simulators, without Python."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

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


@pytest.fixture
def design(network: str, require_data: RequireData, data_dir: Path) -> tuple[zs.Design, object]:
    """A design and inputs; skips where data are absent."""
    if network == "demo":
        digits = Digits.load()
        config = zs.ArrayConfig(lanes=LANES)
        return zs.compile(trained(), digits.test_x[:1], calibration=digits.train_x, config=config), digits.test_x
    if network == "LeNet-300-100":
        require_data("dns_pruned_lenet/lenet300100_sparse.npz"), require_data("mnist")
        real, config, masks = lenet_300_100(data_dir, "sparse"), zs.ArrayConfig(lanes=8, stream_bits=64), None
    else:
        source = CONVOLUTIONAL[network]
        for needed in source.needs:
            require_data(needed)
        real, config = source.load(data_dir), zs.ArrayConfig(lanes=source.lanes, columns=source.columns)
        masks = zs.prune.magnitude(real.model, 0.8)
    made = zs.compile(real.model, real.example, calibration=real.calibration, masks=masks, config=config)
    return made, real.inputs


@pytest.mark.long
@pytest.mark.parametrize("network", ["demo", "LeNet-300-100", "ResNet-8"])
@pytest.mark.parametrize("simulator", BOTH)
def test_a_real_network_passes(tmp_path: Path, network: str, simulator: str, design: tuple[zs.Design, object]) -> None:
    made, inputs = design
    text = verilog_of(made.config)
    made.__dict__["_generated"] = (text.files, text.sidecar)
    x = inputs[: SAMPLES[simulator][network]]  # type: ignore[index]
    folder = moved_testbench(made, x, tmp_path, "elsewhere")
    machine, script = Machine.set_up(tmp_path / "bin", simulator), folder / f"run_{simulator}.sh"
    done = machine.run(script, MAKEFLAGS="OPT_FAST=-O1")
    assert (done.status, done.verdict) == (0, expected_verdict(made, x)), "\n".join(done.said[-20:])
    CHANGES["a weight"].made_in(folder)
    require_failed(machine.run(script, MAKEFLAGS="OPT_FAST=-O1"), network)
