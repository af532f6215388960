"""Every network that the compiler can make is loaded as it was saved: what is checked of a file refuses none of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.sim.any_image_network import any_image_network
from tests.sim.image_cases import CASES, case
from tests.sim.networks import random_network

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.errors import InputError
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.pack import pack
from zeroskip.schedule import predict, schedule
from zeroskip.storage import design_folder
from zeroskip.storage.consistency import require_consistent
from zeroskip.storage.design_folder import Saved


def require_loads(network: QuantizedNetwork, config: ArrayConfig, folder: Path, where: str) -> None:
    plan = schedule(network, config)
    program, cycles = pack(plan), predict(plan)
    saved = Saved(
        network=network, program=program, cycles=cycles, dense_cycles=cycles, verilog={"zeroskip.v": "\n"}, sidecar={"top": "zeroskip"}
    )  # fmt: skip
    loaded = design_folder.load(design_folder.save(saved, folder))
    assert loaded.program == program, where
    assert loaded.cycles == cycles, where
    assert loaded.network.shapes == network.shapes, where


@pytest.mark.parametrize("name", CASES)
def test_named_cases(name: str, tmp_path: Path) -> None:
    require_loads(case(name), ArrayConfig(lanes=2, columns=2), tmp_path / "net", name)


@pytest.mark.parametrize("seed", range(60))
def test_random_networks(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    image, flat = any_image_network(rng), random_network(rng, rng.integers(1, 30, size=4).tolist(), 0.5, 8)
    images = ArrayConfig(lanes=2, columns=2, strips=True, weight_bits=image.weight_bits)
    require_loads(image, images, tmp_path / "image", f"seed {seed}")
    require_loads(flat, ArrayConfig(lanes=2), tmp_path / "flat", f"seed {seed}")


def test_parts_of_a_tensor_are_written_in_any_order_but_once() -> None:
    network = case("concat_two_branches")
    parts = [i for i, layer in enumerate(network.layers) if network.shapes[layer.output][0] != layer.outputs]
    first, second = parts
    assert second == first + 1
    layers = list(network.layers)
    layers[first], layers[second] = layers[second], layers[first]
    require_consistent(replace(network, layers=tuple(layers)))
    layers[second] = replace(layers[first], name="again")
    rule = r"channels \d+ to \d+ must lie within the \d+ of '.*', and nobody else may write them"
    with pytest.raises(InputError, match=rf"^layer 'again': {rule}$"):
        require_consistent(replace(network, layers=tuple(layers)))
