from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from cocotb_tools import config
from torch import nn

import zeroskip as zs
from zeroskip_sim.build import build


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.mark.slow
@pytest.mark.verilator
def test_a_model_outlives_the_environment_that_compiled_it(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZEROSKIP_CACHE", str(cache))
    torch.manual_seed(1)
    x = np.random.default_rng(1).normal(size=(2, 4)).astype(np.float32)
    design = zs.compile(nn.Linear(4, 3).eval(), torch.zeros(1, 4), calibration=x, config=zs.ArrayConfig(lanes=1))
    libraries = tmp_path / "gone"
    shutil.copytree(config.libs_dir, libraries)
    with monkeypatch.context() as other:
        other.setattr(config, "libs_dir", libraries)
        assert design.simulate(x).difference is None
    shutil.rmtree(libraries)
    (model,) = (path for path in (cache / "models").glob("*/complete") if (path.parent / "bulk").exists())
    compiled = model.stat().st_mtime_ns
    assert design.simulate(x).difference is None
    assert model.stat().st_mtime_ns == compiled, "was compiled again"


@pytest.mark.slow
@pytest.mark.verilator
def test_verilators_own_files_are_compiled_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZEROSKIP_CACHE", str(cache))
    logs = []
    for width in (3, 4):
        source = f"module counter(input clk, output reg [{width}:0] value); always @(posedge clk) value <= value + 1; endmodule\n"
        model = build({"counter.v": source}, "counter", "verilator", parameters={})
        logs.append((model.directory / "build.log").read_text())
        assert (model.directory / "counter").exists()
    assert "verilated_vpi.cpp" not in logs[1]
    assert all("verilator.cpp" in log for log in logs)
