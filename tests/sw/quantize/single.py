"""Networks of a single layer, and what comes out of them."""

from __future__ import annotations

import numpy as np
from tests.sw.graphs import graph, layer

from zeroskip import reference
from zeroskip.contracts.network import QuantizedLayer, QuantizedNetwork
from zeroskip.contracts.tensor import QuantizedTensor
from zeroskip.quantize import dequantize, quantize, quantize_input

BYTE = np.array([[0.0], [255.0]])
"""Calibration of one input: scale 1, unsigned."""

SIGNED = QuantizedTensor(scale=0.5, zero_point=-3, signed=True)


def one(weight, bias=None, *, x=BYTE, **fields) -> tuple[QuantizedNetwork, QuantizedLayer]:
    """The network of one layer, and that layer."""
    network = quantize(graph(layer(weight, bias, **fields)), x)
    return network, network.layers[0]


def outputs(network: QuantizedNetwork, x) -> np.ndarray:
    return dequantize(network, reference.run(network, quantize_input(network, x)))
