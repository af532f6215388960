"""A small saved design."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.sw.graphs import chain, layer

from zeroskip.contracts.config import ArrayConfig
from zeroskip.pack import pack
from zeroskip.quantize import quantize
from zeroskip.schedule import predict, schedule
from zeroskip.storage import design_folder
from zeroskip.storage.design_folder import Saved


@pytest.fixture
def saved() -> Saved:
    rng = np.random.default_rng(8)
    first, second = (rng.normal(size=shape) * (rng.random(shape) < 0.5) for shape in ((9, 11), (5, 9)))
    network = quantize(chain([layer(first, name="a"), layer(second, name="b")]), rng.normal(size=(20, 11)))
    plan = schedule(network, ArrayConfig(lanes=2))
    cycles = predict(plan)
    return Saved(
        network=network, program=pack(plan), cycles=cycles, dense_cycles=cycles,
        verilog={"zeroskip.v": "module zeroskip; endmodule\n", "zs_ram.v": "module zs_ram; endmodule\n"},
        sidecar={"top": "zeroskip", "ports": []},
    )  # fmt: skip


@pytest.fixture
def folder(saved: Saved, tmp_path: Path) -> Path:
    return design_folder.save(saved, tmp_path / "net")
