"""The arrays on which the ONNX operator tests run: each is large enough for all of its tests, so that one model serves them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from tests.sw.frontend.conformance import ACCEPTED, WEIGHT_BITS, Integers

from zeroskip.pack import pack
from zeroskip.schedule import predict, schedule
from zeroskip.spec.config import ArrayConfig
from zeroskip.spec.cycles import Cycles
from zeroskip.spec.network import QuantizedNetwork
from zeroskip.spec.storage import write_images
from zeroskip.spec.streams import from_output_stream, to_input_stream, to_output_stream
from zeroskip_hw.verilog import generate
from zeroskip_sim.run import Run, run

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


@cache
def verilog(config: ArrayConfig) -> Mapping[str, str]:
    return generate(config).files


def simulate(integers: Integers, config: ArrayConfig, simulator: str, seed: int, folder: Path) -> tuple[Run, Cycles]:
    """One run, its outputs in the shape of the network's, and the predicted cycles."""
    network, strips = integers.network, bool(config.strips)
    plan = schedule(network, config)
    assert plan.config == config
    program, cycles = pack(plan), predict(plan)
    write_images(program, folder / "images")
    result = run(
        program, verilog(config), to_input_stream(network, integers.x, strips),
        to_output_stream(network, integers.y, strips), output=network.output,
        most_cycles=cycles.latency + cycles.interval, folder=folder, simulator=simulator, seed=seed,
    )  # fmt: skip
    return replace(result, outputs=from_output_stream(network, result.outputs, strips)), cycles
