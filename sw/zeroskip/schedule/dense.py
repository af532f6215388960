"""Cycles and bits of a network on an array that runs it dense: every weight kept, no mask in the way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.cycles import Cycles
from zeroskip.contracts.network import QuantizedNetwork

from . import predict, schedule


def dense_cycles(network: QuantizedNetwork, config: ArrayConfig) -> Cycles:
    """Predicted cycles of the same layers with every weight kept, on as many lanes, columns and epilogues, with room for all weights."""
    layers = (
        replace(layer, weight=np.ones_like(layer.weight), bias=np.zeros_like(layer.bias)) for layer in network.layers
    )  # the values do not matter to the cycles
    roomy = ArrayConfig(
        lanes=config.lanes, columns=config.columns, epilogues=config.epilogues, block_queue=config.block_queue, word=config.word,
        weight_bits=config.weight_bits,
        act_bits=config.act_bits, stream_bits=config.stream_bits, strips=config.strips,
    )  # fmt: skip
    return predict(schedule(replace(network, layers=tuple(layers)), roomy, built=False))


def dense_bits(network: QuantizedNetwork) -> int:
    """Bits of every weight, without masks."""
    return sum(layer.weight.size for layer in network.layers) * network.weight_bits
