"""The arrays on which the ONNX operator tests run: each is large enough for all of its tests, so that one model serves them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from tests.sim.packed import packed
from tests.sw.frontend.onnx.conformance import ACCEPTED, WEIGHT_BITS, Integers

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.cycles import Cycles
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.schedule import schedule
from zeroskip_sim.run import Run

ARRAYS = {
    "strips": ArrayConfig(lanes=2, columns=4, word=16, stream_bits=32, strips=True),
    "strips, 16-bit weights": ArrayConfig(lanes=2, columns=2, word=8, weight_bits=16, stream_bits=16, strips=True),
    "flat": ArrayConfig(lanes=3, columns=2, word=32, stream_bits=64, strips=False),
}
"""Before their capacities are known."""

SIMULATORS = {name: "icarus" if name in WEIGHT_BITS else "verilator" for name in ACCEPTED}
"""The array for 16-bit weights takes Verilator longer to compile than Icarus to simulate the two tests that use it."""


def array_for(network: QuantizedNetwork) -> str:
    if network.weight_bits == 16:
        return "strips, 16-bit weights"
    return "flat" if network.flat else "strips"


def shared_arrays(networks: Iterable[QuantizedNetwork]) -> dict[str, ArrayConfig]:
    """``ARRAYS`` with what the largest of the networks needs."""
    users = defaultdict(list)
    for network in networks:
        users[array_for(network)].append(network)
    shared = {}
    for name, array in ARRAYS.items():
        # All other capacities set the width of the headers in the mask memory, so that its depth comes last.
        largest = _largest(users[name], array)
        shared[name] = _largest(users[name], replace(largest, mask_depth=0))
    return shared


def _largest(networks: list[QuantizedNetwork], array: ArrayConfig) -> ArrayConfig:
    sizes = [schedule(network, array).config.to_json() for network in networks]
    return ArrayConfig(**{name: max(size[name] for size in sizes) for name in array.to_json()})


def simulate(integers: Integers, config: ArrayConfig, simulator: str, seed: int, folder: Path) -> tuple[Run, Cycles]:
    """One run, its outputs in the shape of the network's, and the predicted cycles."""
    it = packed(integers.network, config, integers.x, folder)
    assert it.program.config == config
    return it.simulated(simulator, seed), it.cycles
