"""Networks of which every weight may be kept, and masks of any kind for them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tests.sim.image_builder import Builder
from tests.sim.image_cases import case
from tests.sim.networks import random_network

from zeroskip.contracts.graph import INPUT, Window
from zeroskip.contracts.network import QuantizedLayer, QuantizedNetwork

SAME_3 = Window(kernel=(3, 3), padding=(1, 1, 1, 1))


def vectors() -> QuantizedNetwork:
    return random_network(np.random.default_rng(0), (60, 40, 30, 10), 1.0, 8)


def images() -> QuantizedNetwork:
    builder = Builder(np.random.default_rng(0))
    builder.input((3, 9, 8))
    tensor = builder.conv(builder.conv(INPUT, 8, SAME_3), 8, SAME_3, groups=8)
    tensor = builder.conv(builder.conv(tensor, 12), 12, SAME_3, residual=None)
    return builder.network(builder.conv(tensor, 5, Window(kernel=(9, 8))))


def residuals() -> QuantizedNetwork:
    return case("residual_with_other_scale")


NETWORKS = (vectors, images, residuals)


def pruned(layer: QuantizedLayer, rng: np.random.Generator) -> QuantizedLayer:
    """Any weights, rows, inputs or ends of rows left out, few or nearly all."""
    kept = rng.random(layer.weight.shape) >= rng.choice([0.0, 0.1, 0.5, 0.8, 0.95, 0.99])
    kind = rng.choice(["weights", "rows", "inputs", "ends"])
    if kind == "rows":
        kept &= rng.random((len(kept), 1, 1, 1)) >= rng.random()
    elif kind == "inputs":
        kept &= rng.random((1, kept.shape[1], 1, 1)) >= rng.random()
    elif kind == "ends":
        kept = np.sort(kept.reshape(len(kept), -1), axis=1).reshape(kept.shape)
    return replace(layer, weight=np.where(kept, layer.weight, 0))


def masked(network: QuantizedNetwork, rng: np.random.Generator) -> QuantizedNetwork:
    return replace(network, layers=tuple(pruned(layer, rng) for layer in network.layers))
