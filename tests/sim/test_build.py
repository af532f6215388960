from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from cocotb_tools import config
from torch import nn

import zeroskip as zs


@pytest.mark.slow
@pytest.mark.verilator
def test_a_model_outlives_the_environment_that_compiled_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZEROSKIP_CACHE", str(tmp_path / "cache"))
    torch.manual_seed(1)
    x = np.random.default_rng(1).normal(size=(2, 4)).astype(np.float32)
    design = zs.compile(nn.Linear(4, 3).eval(), torch.zeros(1, 4), calibration=x, config=zs.ArrayConfig(lanes=1))
    libraries = tmp_path / "gone"
    shutil.copytree(config.libs_dir, libraries)
    with monkeypatch.context() as other:
        other.setattr(config, "libs_dir", libraries)
        assert design.simulate(x).difference is None
    shutil.rmtree(libraries)
    (model,) = (tmp_path / "cache" / "models").glob("*/complete")
    compiled = model.stat().st_mtime_ns
    assert design.simulate(x).difference is None
    assert model.stat().st_mtime_ns == compiled, "was compiled again"
