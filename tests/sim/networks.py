"""Small integer networks, packed for one array together with what they must compute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from tests.sim.chain import chain, linear
from tests.sim.image_builder import Builder
from tests.sim.image_cases import SAME_3
from tests.sim.protocol.cases import Case

from zeroskip import reference
from zeroskip.contracts.config import FEATURES, SIZES, ArrayConfig
from zeroskip.contracts.graph import INPUT, Window
from zeroskip.contracts.layout import Layout
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.contracts.streams import to_input_stream, to_output_stream
from zeroskip.contracts.tensor import QuantizedTensor
from zeroskip.pack import pack
from zeroskip.schedule import predict, schedule


def _activations(rng: np.random.Generator) -> QuantizedTensor:
    signed = bool(rng.integers(2))
    return QuantizedTensor(scale=1.0, zero_point=int(rng.integers(-128, 128)) if signed else 0, signed=signed)


def random_network(
    rng: np.random.Generator, sizes: Sequence[int], density: float, weight_bits: int
) -> QuantizedNetwork:
    """Fully connected layers whose outputs use most of their range."""
    limit = 1 << (weight_bits - 1)
    layers, formats, source = [], [_activations(rng)], INPUT
    for number, (inputs, outputs) in enumerate(pairwise(sizes)):
        result = _activations(rng)
        weight = rng.integers(-limit, limit, size=(outputs, inputs)) * (rng.random((outputs, inputs)) < density)
        gain = rng.uniform(0.2, 3, size=outputs) * 100 / max(1.0, np.sqrt(inputs * density) * 128 * limit / 3)
        shift = np.clip(15 - np.floor(np.log2(gain)).astype(np.int64), 1, 63)
        layers.append(
            linear(
                f"fc{number}", weight, result, bias=rng.integers(-500, 500, size=outputs), source=source,
                multiplier=np.clip(np.round(gain * 2.0**shift), 0, 65535).astype(np.int64), shift=shift,
            )
        )  # fmt: skip
        formats.append(result)
        source = layers[-1].output
    return chain(layers, formats, weight_bits)


def small_image_network(rng: np.random.Generator, density: float, weight_bits: int) -> QuantizedNetwork:
    """A few layers that together use everything an array can do: padding, strides, groups, maxima, a residual, slopes, a table."""
    builder = Builder(rng, weight_bits=weight_bits)
    some: dict[str, Any] = {"pattern": "full", "kept": density}
    x = builder.conv(builder.input((3, 5, 3)), 4, SAME_3, **some)
    y = builder.conv(x, 4, SAME_3, groups=2, residual=x, slopes=True, **some)
    y = builder.maximum(y, Window(kernel=(3, 3), stride=(2, 1), padding=(1, 1, 1, 1)))
    return builder.network(builder.conv(y, 3, Window(kernel=(2, 2), stride=(1, 2)), table=True, **some))


def cases_on_one_array(
    rng: np.random.Generator, config: ArrayConfig, networks: Sequence[QuantizedNetwork], groups: int
) -> list[Case]:
    """One case per network, all on the same hardware, which is large enough for each of them."""
    needs = [schedule(network, config).config for network in networks]
    features_and_sizes = (*FEATURES, "table_depth", *SIZES)
    largest = {name: max(getattr(need, name) for need in needs) for name in features_and_sizes}
    # Deeper memories have wider fields in the headers.
    largest["mask_depth"] += 2 * largest["layer_depth"]
    shared = replace(config, **largest)
    cases = []
    for network in networks:
        plan = schedule(network, shared)
        samples = groups * Layout(plan.config).group_samples
        x = rng.integers(network.input.low, network.input.high + 1, size=(samples, *network.input_shape))
        cases.append(
            Case(
                program=pack(plan), inputs=to_input_stream(network, x),
                expected=to_output_stream(network, reference.run(network, x)),
                signed=network.output.signed, cycles=predict(plan),
            )
        )  # fmt: skip
    return cases
