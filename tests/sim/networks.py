"""Random integer networks, packed for one array together with what they must compute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from zeroskip import reference
from zeroskip.pack import pack
from zeroskip.schedule import predict, schedule
from zeroskip.spec.config import CAPACITIES, ArrayConfig
from zeroskip.spec.network import QuantizedLinear, QuantizedNetwork, QuantizedTensor
from zeroskip_sim.protocol import Case


def _activations(rng: np.random.Generator) -> QuantizedTensor:
    signed = bool(rng.integers(2))
    return QuantizedTensor(scale=1.0, zero_point=int(rng.integers(-128, 128)) if signed else 0, signed=signed)


def random_network(
    rng: np.random.Generator, sizes: Sequence[int], density: float, weight_bits: int
) -> QuantizedNetwork:
    """Fully connected layers whose outputs use most of their range."""
    limit = 1 << (weight_bits - 1)
    layers, given = [], _activations(rng)
    for number, (inputs, outputs) in enumerate(pairwise(sizes)):
        result = _activations(rng)
        weight = rng.integers(-limit, limit, size=(outputs, inputs)) * (rng.random((outputs, inputs)) < density)
        gain = rng.uniform(0.2, 3, size=outputs) * 100 / max(1.0, np.sqrt(inputs * density) * 128 * limit / 3)
        shift = np.clip(15 - np.floor(np.log2(gain)).astype(np.int64), 1, 63)
        layers.append(
            QuantizedLinear(
                name=f"fc{number}", weight=weight, weight_scale=np.ones(outputs), bias=rng.integers(-500, 500, size=outputs),
                multiplier=np.clip(np.round(gain * 2.0**shift), 0, 65535).astype(np.int64), shift=shift,
                input=given, output=result, low=result.low, high=result.high,
            )
        )  # fmt: skip
        given = result
    return QuantizedNetwork(
        input_shape=(sizes[0],), output_shape=(sizes[-1],), weight_bits=weight_bits, layers=tuple(layers)
    )


def cases_on_one_array(
    rng: np.random.Generator, config: ArrayConfig, sizes: Sequence[int], densities: Sequence[float], groups: int
) -> list[Case]:
    """One case per density, all of the same shape and on the same hardware, which is large enough for each of them."""
    networks = [random_network(rng, sizes, density, config.weight_bits) for density in densities]
    needs = [schedule(network, config).config for network in networks]
    largest = {name: max(getattr(need, name) for need in needs) for name in ("acc_bits", *CAPACITIES)}
    # A deeper mask memory has a wider count in its headers.
    largest["mask_depth"] += len(sizes)
    shared = replace(config, **largest)
    cases = []
    for network in networks:
        plan = schedule(network, shared)
        x = rng.integers(network.input.low, network.input.high + 1, size=(groups * config.columns, sizes[0]))
        cases.append(
            Case(
                program=pack(plan, network), inputs=x, expected=reference.run(network, x),
                signed=network.output.signed, cycles=predict(plan),
            )
        )  # fmt: skip
    return cases
