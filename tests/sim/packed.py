"""A network on an array: packed, simulated, and held against the reference and the prediction, for every test that does so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from zeroskip import reference
from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.cycles import Cycles
from zeroskip.contracts.network import IntArray, QuantizedNetwork
from zeroskip.contracts.program import Program
from zeroskip.contracts.streams import from_output_stream, to_input_stream, to_output_stream
from zeroskip.pack import pack
from zeroskip.schedule import predict, schedule
from zeroskip.storage.design_folder import write_images
from zeroskip_hw.verilog import generate
from zeroskip_sim.run import Run, run


@cache
def verilog(config: ArrayConfig) -> Mapping[str, str]:
    return generate(config).files


@dataclass(frozen=True, eq=False)
class Packed:
    """What a simulation needs, its images in ``folder``. x, y : integers in the shapes of the network; cycles : predicted."""

    network: QuantizedNetwork
    program: Program
    cycles: Cycles
    x: IntArray
    y: IntArray
    folder: Path

    def simulated(self, simulator: str, seed: int, **options: Any) -> Run:
        """One run, with outputs in the shape of the network's."""
        network, strips = self.network, bool(self.program.config.strips)
        result = run(
            self.program, verilog(self.program.config), to_input_stream(network, self.x, strips),
            to_output_stream(network, self.y, strips), output=network.output,
            most_cycles=self.cycles.latency + self.cycles.interval, folder=self.folder, simulator=simulator, seed=seed, **options,
        )  # fmt: skip
        return replace(result, outputs=from_output_stream(network, result.outputs, strips))


def packed(network: QuantizedNetwork, config: ArrayConfig, x: IntArray, folder: Path) -> Packed:
    """``network`` for an array of that configuration, and what it must give for ``x``."""
    plan = schedule(network, config)
    program = pack(plan)
    write_images(program, folder / "images")
    return Packed(network, program, predict(plan), x, reference.run(network, x), folder)


def require_exact(it: Packed, rng: np.random.Generator, simulator: str, where: str) -> None:
    """At full speed all cycles are the predicted ones, also after a reset; with stalls those of every layer still are."""
    for stalls in (False, True):
        seed = int(rng.integers(1, 1 << 31))
        reset_at = int(rng.integers(1, 3 * it.cycles.latency)) if rng.random() < 0.3 else 0
        message = f"{where}, {len(it.x)} samples, {simulator} seed {seed}, stalls {stalls}, reset_at {reset_at}"
        result = it.simulated(simulator, seed, stalls=stalls, reset_at=reset_at)
        assert result.difference is None, f"{message}: {result.difference}"
        np.testing.assert_array_equal(result.outputs, it.y, err_msg=message)
        assert result.errors == 0, message
        assert result.cycles.layers == it.cycles.layers, message
        if not stalls:
            assert result.cycles == it.cycles, message
