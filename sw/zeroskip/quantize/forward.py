"""The float network over calibration data, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from zeroskip.contracts.errors import InputError
from zeroskip.contracts.graph import INPUT, FloatArray, Graph, Layer
from zeroskip.float_layer import activated, before_activation

LARGEST = float(np.finfo(np.float32).max)

_ELEMENTS = 1 << 22
"""Window elements laid out at once, about 32 MiB."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Pass:
    """One layer's values on some samples.

    before : (N, outputs, height, width) before the activation, residual included
    after : (N, outputs, height, width) behind the activation
    """

    layer: Layer
    before: FloatArray
    after: FloatArray


def forward(graph: Graph, samples: FloatArray) -> Iterator[Pass]:
    """Every layer's pass over every sample, a batch at a time.

    samples : (N, channels, height, width). Raises InputError for a layer whose outputs leave the range of float32.
    """
    sizes = [
        graph.tensors[layer.output][1] * graph.tensors[layer.output][2] * _taps(graph, layer) for layer in graph.layers
    ]
    batch = max(1, _ELEMENTS // max(sizes, default=1))
    for start in range(0, len(samples), batch):
        values = {INPUT: samples[start : start + batch]}
        for layer in graph.layers:
            residual = None if layer.residual is None else values[layer.residual]
            before = before_activation(layer, values[layer.source], residual)
            require_float32_range(f"layer {layer.name!r}: outputs on the calibration data", before)
            after = activated(layer, before)
            if layer.output not in values:
                values[layer.output] = np.zeros((len(after), *graph.tensors[layer.output]))
            values[layer.output][:, layer.channel : layer.channel + layer.outputs] = after
            yield Pass(layer=layer, before=before, after=after)


def require_float32_range(what: str, values: FloatArray) -> None:
    """Raises InputError for a value that float32 cannot hold. Beyond that, products of scales could leave float64."""
    if not (np.abs(values) <= LARGEST).all():
        raise InputError(f"{what}: must stay within ±{LARGEST:.4g}, the range of float32")


def _taps(graph: Graph, layer: Layer) -> int:
    return graph.tensors[layer.source][0] * layer.window.kernel[0] * layer.window.kernel[1]
