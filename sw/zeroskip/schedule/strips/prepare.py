"""Copies of tensors, where one stored tensor cannot serve two purposes. The numbers stay the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from zeroskip.contracts.graph import INPUT
from zeroskip.contracts.network import QuantizedLayer, QuantizedNetwork

from .readers import in_one_column, wanted_in_strips


def prepared(network: QuantizedNetwork) -> QuantizedNetwork:
    """``network`` with copies of:

    * the input, where it is a residual: the loader does not write the residuals' memory
    * what is added, where a part of it is a sum itself: what a row adds and what it becomes lie equally far apart in that memory
    * the output, where a layer reads it: results go to one buffer only
    * the input, where one layer reads it strip by strip and another the whole of it: the loader writes every element once
    """
    for tensor in {layer.residual: None for layer in network.layers if layer.residual is not None}:
        if tensor == INPUT or _sums_in_parts(network, tensor):
            adding = {layer.name for layer in network.layers if layer.residual == tensor}
            network = _copied(network, tensor, adding, lambda layer, copy: replace(layer, residual=copy))
    whole = {layer.name for layer in network.layers if layer.source == INPUT and in_one_column(network, layer)}
    if whole and network.shapes[INPUT][1] > 1 and wanted_in_strips(network, INPUT):
        network = _copied(network, INPUT, whole, lambda layer, copy: replace(layer, source=copy))
    output = network.output_name
    if any(output in (layer.source, layer.residual) for layer in network.layers):
        copy = _copy(network, output, _unused(network, output))
        network = replace(
            network, layers=(*network.layers, copy), output_name=copy.output,
            shapes={**network.shapes, copy.output: network.shapes[output]},
            formats={**network.formats, copy.output: network.formats[output]},
        )  # fmt: skip
    return network


def _sums_in_parts(network: QuantizedNetwork, tensor: str) -> bool:
    """Whether a layer that adds something writes some channels of ``tensor``, but not all of them."""
    return any(
        layer.output == tensor and layer.residual is not None and layer.outputs < network.shapes[tensor][0]
        for layer in network.layers
    )


def _copied(
    network: QuantizedNetwork, tensor: str, readers: set[str], given: Callable[[QuantizedLayer, str], QuantizedLayer]
) -> QuantizedNetwork:
    """Give the layers of ``readers`` a copy of ``tensor``, made before the first of them; ``given`` makes a layer read the copy."""
    name = _unused(network, tensor)
    first = next(i for i, layer in enumerate(network.layers) if layer.name in readers)
    layers = [given(layer, name) if layer.name in readers else layer for layer in network.layers]
    layers.insert(first, _copy(network, tensor, name))
    return replace(
        network, layers=tuple(layers), shapes={**network.shapes, name: network.shapes[tensor]},
        formats={**network.formats, name: network.formats[tensor]},
    )  # fmt: skip


def _unused(network: QuantizedNetwork, tensor: str) -> str:
    name = f"{tensor}.copy"
    while name in network.shapes or any(layer.name == name for layer in network.layers):
        name += "_"
    return name


def _copy(network: QuantizedNetwork, tensor: str, name: str) -> QuantizedLayer:
    """A layer that gives every stored integer as it is: 1 · x · 2**15 / 2**15."""
    channels, value = network.shapes[tensor][0], network.formats[tensor]
    ones = np.ones(channels, dtype=np.int64)
    return QuantizedLayer(
        name=name, source=tensor, output=name, weight=ones.reshape(-1, 1, 1, 1), weight_scale=np.ones(channels), bias=0 * ones,
        groups=channels, multiplier=ones << 15, shift=15 * ones, zero_point=0, low=value.low, high=value.high,
    )  # fmt: skip
