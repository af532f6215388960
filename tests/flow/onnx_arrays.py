"""The arrays on which the ONNX operator tests run: each is large enough for all of its tests, so that one model serves them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from tests.elaboration import verilog_of
from tests.sim.packed import fault, packed
from tests.sw.frontend.onnx.conformance import ACCEPTED, WEIGHT_BITS, Integers

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.schedule import schedule
from zeroskip_sim.run import run_all

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
        most = largest(users[name], array)
        shared[name] = largest(users[name], replace(most, mask_depth=0))
    return shared


def largest(networks: list[QuantizedNetwork], array: ArrayConfig) -> ArrayConfig:
    """``array`` with the most that any of the networks needs."""
    sizes = [schedule(network, array).config.to_json() for network in networks]
    return ArrayConfig(**{name: max(size[name] for size in sizes) for name in array.to_json()})


def faults(
    tests: Mapping[str, Integers], arrays: Mapping[str, ArrayConfig], simulator: str, folder: Path
) -> dict[str, str | None]:
    """By test: what is wrong with its run, None where nothing is. A process of the simulator for each of the arrays."""
    by_array = defaultdict(list)
    for name, integers in tests.items():
        array = array_for(integers.network)
        it = packed(integers.network, arrays[array], integers.x, folder / name)
        assert it.program.config == arrays[array]
        np.testing.assert_array_equal(it.y, integers.y, err_msg=name)
        by_array[array].append((name, it))
    found = {}
    for array, its in by_array.items():
        requests = [it.request(1 + ACCEPTED.index(name)) for name, it in its]
        results = run_all(requests, verilog_of(arrays[array]).files, simulator=simulator)
        for (name, it), request, result in zip(its, requests, results, strict=True):
            wrong = fault(it, request, result)
            found[name] = wrong and f"array {array}, {simulator}, {request.name}: {wrong}"
    return found
